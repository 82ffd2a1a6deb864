/* SPDX-License-Identifier: BSD-2-Clause */
/* probe.h: puts the BPF side into the kernel: chooses hooks, loads, attaches, pins, and takes over what a killed daemon
 * left pinned.
 *
 * Layout of the pins, below the pin directory (/sys/fs/bpf/kmedic): v<KM_SCHEMA>/maps/NAME, progs/NAME, links/NAME.
 * A directory of another schema or another build is removed, never read. */
#ifndef KM_PROBE_H
#define KM_PROBE_H

#include "base/base.h"
#include "probe/hooks.h"
#include "schema.h"

struct km_probe;

struct km_probe_options {
	const char *pins;	  /* pin directory; NULL: nothing is pinned and all ends with the process */
	uint32_t control_ring;	  /* bytes, a power of two and a multiple of the page size */
	uint32_t log_ring;	  /* the same */
	uint32_t files;		  /* ledger slots: how many files can be watched at once */
	struct km_settings settings;
};

#define KM_PROBE_OPTIONS_INIT                                                                                          \
	{                                                                                                              \
		.control_ring = 512 * 1024, .log_ring = 8 * 1024 * 1024, .files = 4096,                                \
		.settings = { .slow_ns = KM_NSEC_PER_SEC, .batch_ns = KM_NSEC_PER_MSEC, .payload_max = 4096 },         \
	}

enum km_hook_state {
	KM_HOOK_ABSENT,	  /* this kernel does not have it */
	KM_HOOK_REFUSED,  /* it has it and does not let us load or attach */
	KM_HOOK_IDLE,	  /* loaded, not attached: on demand */
	KM_HOOK_ACTIVE,
};

struct km_hook_status {
	enum km_hook_state state;
	int error; /* why it was refused: a negative errno */
};

/* Loads and attaches whatever this kernel accepts. Succeeds also when some hooks are refused: see km_probe_hook().
 * Fails with -EPERM without the privilege, -ENOENT without kernel BTF, else the errno of the first thing nothing works
 * without. The caller owns *ret. */
int km_probe_new(struct km_probe **ret, const struct km_probe_options *options);

/* Ends the process's hold on the BPF side. Pins, if any, stay and go on recording. */
struct km_probe *km_probe_free(struct km_probe *probe);

/* Removes every pin of every schema below DIR, and the bpffs mount if kmedic made it. 0 when there was nothing. */
int km_probe_unload(const char *pins);

struct km_hook_status km_probe_hook(const struct km_probe *probe, size_t hook);

/* True when at least one hook of the source is active. */
bool km_probe_source_active(const struct km_probe *probe, enum km_source source);

/* True when pinned programs of a former daemon were taken over: their records of the meantime are in the rings. */
bool km_probe_took_over(const struct km_probe *probe);

/* Attaches or detaches an on-demand source. */
int km_probe_demand(struct km_probe *probe, enum km_source source, bool wanted);

/* Descriptor of a map by its name, owned by the probe; -ENOENT for an unknown name. */
int km_probe_map(const struct km_probe *probe, const char *name);

uint32_t km_probe_files(const struct km_probe *probe);

/* Changes the settings that programs read as they run. */
int km_probe_set(struct km_probe *probe, const struct km_settings *settings);

#endif
