// SPDX-License-Identifier: BSD-2-Clause
#include "base/cgroup.h"

#include <ftw.h>
#include <sys/stat.h>
#include <uthash.h>

#define SCAN_AT_MOST_EVERY_NS KM_NSEC_PER_SEC
#define CGROUPS_MAX 65536

struct known {
	uint64_t id;
	char *path;
	UT_hash_handle hh;
};

struct km_cgroups {
	char *root;
	struct known *known;
	uint64_t scanned_ns;
};

KM_DEFINE_CLEANUP(struct km_cgroups *, km_cgroups_free)

const char *km_cgroup_root(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
}

int km_cgroups_new(struct km_cgroups **ret, const char *root)
{
	km_cleanup(km_cgroups_freep) struct km_cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (!cgroups)
		return -ENOMEM;
	cgroups->root = strdup(root ? root : km_cgroup_root());
	if (!cgroups->root)
		return -ENOMEM;
	*ret = KM_TAKE_PTR(cgroups);
	return 0;
}

static void forget_all(struct km_cgroups *cgroups)
{
	struct known *item, *next;

	HASH_ITER(hh, cgroups->known, item, next) {
		HASH_DEL(cgroups->known, item);
		free(item->path);
		free(item);
	}
}

struct km_cgroups *km_cgroups_free(struct km_cgroups *cgroups)
{
	if (!cgroups)
		return NULL;
	forget_all(cgroups);
	free(cgroups->root);
	free(cgroups);
	return NULL;
}

/* nftw() has no argument of the caller's. */
static _Thread_local struct km_cgroups *scanning;

static int remember(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *below = path + strlen(scanning->root);
	struct known *item;

	(void)ftw;
	if (type != FTW_D)
		return 0;
	if (HASH_COUNT(scanning->known) >= CGROUPS_MAX)
		return 1;
	item = calloc(1, sizeof(*item));
	if (!item)
		return 1;
	item->id = st->st_ino;
	item->path = strdup(*below ? below : "/");
	if (!item->path) {
		free(item);
		return 1;
	}
	HASH_ADD(hh, scanning->known, id, sizeof(item->id), item);
	return 0;
}

static void scan(struct km_cgroups *cgroups)
{
	forget_all(cgroups);
	scanning = cgroups;
	(void)nftw(cgroups->root, remember, 16, FTW_PHYS | FTW_MOUNT);
	scanning = NULL;
	cgroups->scanned_ns = km_now_boot_ns();
}

const char *km_cgroups_path(struct km_cgroups *cgroups, uint64_t id)
{
	struct known *item;

	HASH_FIND(hh, cgroups->known, &id, sizeof(id), item);
	if (!item && (!cgroups->scanned_ns || km_now_boot_ns() - cgroups->scanned_ns > SCAN_AT_MOST_EVERY_NS)) {
		scan(cgroups);
		HASH_FIND(hh, cgroups->known, &id, sizeof(id), item);
	}
	return item ? item->path : NULL;
}

static bool is_unit(const char *name, size_t len)
{
	static const char *const suffixes[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < KM_ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && !memcmp(name + len - n, suffixes[i], n))
			return true;
	}
	return false;
}

bool km_cgroup_unit(const char *path, char *out, size_t size)
{
	bool found = false;

	while (path && *path) {
		size_t len = strcspn(path, "/");

		if (is_unit(path, len) && len < size) {
			memcpy(out, path, len);
			out[len] = '\0';
			found = true;
		}
		path += len;
		path += strspn(path, "/");
	}
	return found;
}
