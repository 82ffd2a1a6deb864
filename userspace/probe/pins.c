// SPDX-License-Identifier: BSD-2-Clause
#include "probe/pins.h"

#include "base/log.h"
#include "schema.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct km_pins {
	char *dir; /* DIR/v<schema> */
	char build[32];
	bool found, mounted;
};

KM_DEFINE_CLEANUP(struct km_pins *, km_pins_free)

static const char *const subdirectories[] = { "maps", "progs", "links" };

static int pin_path(char out[PATH_MAX], const struct km_pins *pins, const char *kind, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s/%s", pins->dir, kind, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* The directory above DIR must be in bpffs; where it is the plain /sys/fs/bpf, bpffs is mounted there. */
static int ensure_bpffs(const char *dir, bool *mounted)
{
	km_auto_free char *parent = strdup(dir);
	char *slash;

	if (!parent)
		return -ENOMEM;
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -EINVAL;
	*slash = '\0';
	if (is_bpffs(parent))
		return 0;
	if (mount("bpf", parent, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	*mounted = true;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) && errno != ENOENT ? -errno : 0;
}

/* Links go first, so that no program runs on half of its maps. */
static int remove_tree(const char *dir)
{
	if (access(dir, F_OK))
		return 0;
	return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int read_meta(const char *dir, struct km_meta *meta)
{
	char path[PATH_MAX];
	uint32_t zero = 0;
	km_auto_close int fd = -1;

	if (snprintf(path, sizeof(path), "%s/maps/km_meta", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	return bpf_map_lookup_elem(fd, &zero, meta) ? -errno : 0;
}

static int make_directories(const struct km_pins *pins, const char *top)
{
	char path[PATH_MAX];
	int r;

	if ((mkdir(top, 0700) && errno != EEXIST) || (mkdir(pins->dir, 0700) && errno != EEXIST))
		return -errno;
	for (size_t i = 0; i < KM_ARRAY_SIZE(subdirectories); i++) {
		r = pin_path(path, pins, subdirectories[i], "");
		if (r)
			return r;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int km_pins_open(struct km_pins **ret, const char *dir, const char *build)
{
	km_cleanup(km_pins_freep) struct km_pins *pins = calloc(1, sizeof(*pins));
	struct km_meta meta = { 0 };
	int r;

	if (!pins)
		return -ENOMEM;
	snprintf(pins->build, sizeof(pins->build), "%s", build);
	if (asprintf(&pins->dir, "%s/v%d", dir, KM_SCHEMA) < 0)
		return -ENOMEM;
	r = ensure_bpffs(dir, &pins->mounted);
	if (r)
		return r;
	if (!read_meta(pins->dir, &meta) && meta.schema == KM_SCHEMA && !strcmp(meta.build, build)) {
		pins->found = true;
		pins->mounted = meta.mounted_bpffs;
	} else if (!access(dir, F_OK)) {
		km_info("replacing pins of another build below %s", dir);
		pins->mounted |= meta.mounted_bpffs != 0;
		r = remove_tree(dir);
	}
	r = r ? r : make_directories(pins, dir);
	if (r)
		return r;
	*ret = KM_TAKE_PTR(pins);
	return 0;
}

struct km_pins *km_pins_free(struct km_pins *pins)
{
	if (!pins)
		return NULL;
	free(pins->dir);
	free(pins);
	return NULL;
}

bool km_pins_found(const struct km_pins *pins)
{
	return pins->found;
}

bool km_pins_mounted(const struct km_pins *pins)
{
	return pins->mounted;
}

const char *km_pins_build(const struct km_pins *pins)
{
	return pins->build;
}

int km_pins_use_maps(struct km_pins *pins, struct bpf_object *object)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int r;

	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		r = pin_path(path, pins, "maps", bpf_map__name(map));
		r = r ? r : bpf_map__set_pin_path(map, path);
		if (r)
			return r;
	}
	return 0;
}

bool km_pins_has_link(const struct km_pins *pins, const char *program)
{
	char path[PATH_MAX];

	return !pin_path(path, pins, "links", program) && !access(path, F_OK);
}

int km_pins_add(struct km_pins *pins, struct bpf_program *program, struct bpf_link *link)
{
	char path[PATH_MAX];
	int r = pin_path(path, pins, "progs", bpf_program__name(program));

	r = r ? r : bpf_program__pin(program, path);
	if (r && r != -EEXIST)
		return r;
	r = pin_path(path, pins, "links", bpf_program__name(program));
	return r ? r : bpf_link__pin(link, path);
}

void km_pins_remove(struct km_pins *pins, const char *program)
{
	char path[PATH_MAX];

	if (!pin_path(path, pins, "links", program))
		unlink(path);
	if (!pin_path(path, pins, "progs", program))
		unlink(path);
}

/* v<n> directories: whichever schema made them. */
static bool any_mounted(const char *dir)
{
	bool mounted = false;
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		struct km_meta meta = { 0 };
		char path[PATH_MAX];

		if (entry->d_name[0] != 'v' || snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >= PATH_MAX)
			continue;
		mounted |= !read_meta(path, &meta) && meta.mounted_bpffs;
	}
	if (d)
		closedir(d);
	return mounted;
}

int km_pins_unload(const char *dir)
{
	bool mounted = any_mounted(dir);
	km_auto_free char *parent = strdup(dir);
	int r = remove_tree(dir);

	if (r || !mounted || !parent)
		return r;
	*strrchr(parent, '/') = '\0';
	/* Someone else may use it by now: then it stays. */
	(void)umount(parent);
	return 0;
}
