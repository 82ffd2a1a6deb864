/* SPDX-License-Identifier: BSD-2-Clause */
/* cgroup.h: cgroup ids, as the kernel's records carry them, to paths and systemd units.
 *
 * The id of a v2 cgroup is the inode number of its directory. The tree is scanned when an unknown id comes, at most once a
 * second, so a flood of short-lived cgroups costs little. */
#ifndef KM_CGROUP_H
#define KM_CGROUP_H

#include "base/base.h"

struct km_cgroups;

/* root: NULL for where this machine has its v2 tree (/sys/fs/cgroup, or its unified/ on a hybrid host). */
int km_cgroups_new(struct km_cgroups **ret, const char *root);
struct km_cgroups *km_cgroups_free(struct km_cgroups *cgroups);

/* Path below the root ("/system.slice/nginx.service"), or NULL when no such cgroup is there. Owned by the cache, valid
 * until the next call. */
const char *km_cgroups_path(struct km_cgroups *cgroups, uint64_t id);

/* The last component of a path that names a systemd unit (ends in .service, .scope, .socket, .mount or .swap), copied into out
 * without what follows it. False when there is none. */
bool km_cgroup_unit(const char *path, char *out, size_t size);

/* The v2 root of this machine. */
const char *km_cgroup_root(void);

#endif
