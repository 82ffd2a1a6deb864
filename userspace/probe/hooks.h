/* SPDX-License-Identifier: BSD-2-Clause */
/* hooks.h: which kernel hooks serve which event source, best first, and what is not seen without them. */
#ifndef KM_HOOKS_H
#define KM_HOOKS_H

#include "base/base.h"

enum km_source {
	KM_SOURCE_PROCESS,
	KM_SOURCE_SIGNAL,
	KM_SOURCE_OOM,
	KM_SOURCE_HANG,
	KM_SOURCE_BLOCK,
	KM_SOURCE_LOG_EXT4,
	KM_SOURCE_LOG_DIRECT,
	KM_SOURCE_LOG_OTHER,
	KM_SOURCE_WRITEBACK,
	KM_SOURCE_FS_ERROR,
	KM_SOURCES,
};

struct km_hook {
	const char *program; /* name of the BPF program, and of its pins */
	const char *target;  /* what it attaches to, as BTF names it */
	enum km_source source;
	bool on_demand;	     /* attached only while something needs it, because it taxes every system call */
};

struct km_source_info {
	const char *name;
	const char *blind; /* one sentence: what is not seen when no hook of this source is active */
};

extern const struct km_hook km_hooks[];
extern const size_t km_hook_count;
extern const struct km_source_info km_sources[KM_SOURCES];

#endif
