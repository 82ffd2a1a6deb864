/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* maps.bpf.h: every map of kmedic. Defined once in maps.bpf.c, declared here for the event sources.
 *
 * Sizes are the defaults; userspace sets those of the rings and of the ledger before load. */
#ifndef KM_MAPS_BPF_H
#define KM_MAPS_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include "schema.h"

struct km_control_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
};

struct km_log_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
};

/* One element: counters of everything, read by mapping it. */
struct km_counter_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct km_counters);
};

struct km_setting_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct km_settings);
};

struct km_meta_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct km_meta);
};

struct km_ledger_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct km_ledger_slot);
};

struct km_cursor_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct km_cursor);
};

/* Slots that no file holds. Both sides take from it, so that a file is enrolled as it is created. */
struct km_free_map {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4096);
	__type(value, __u32);
};

/* Watched file -> slot. */
struct km_watch_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct km_file_key);
	__type(value, __u32);
};

/* Directories whose new regular files are enrolled in the kernel. */
struct km_dir_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct km_file_key);
	__type(value, __u32);
};

/* Where a write(2) that spans several pages stands, by thread: a file system's own tracepoint fires once a page. */
struct km_span {
	struct km_file_key file;
	__u64 buffer;
	__u64 call; /* number of this thread's write call (ioac.syscw) */
	__u64 consumed;
};

struct km_span_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct km_span);
};

/* Services: a process by tgid, a v2 cgroup by id, an executable by file. Values are index + 1. */
struct km_process_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
};

struct km_cgroup_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
};

struct km_exe_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct km_file_key);
	__type(value, __u32);
};

/* The last sender of each terminating signal, by victim. */
struct km_signal_key {
	__u32 tgid;
	__u32 signal;
};

struct km_signal_value {
	struct km_task sender;
	__s32 code;
	__u32 from_kernel;
};

struct km_signal_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct km_signal_key);
	__type(value, struct km_signal_value);
};

struct km_failure_key {
	__u32 tgid;
	__s32 error;
};

struct km_failure_value {
	__u64 last_ns;
	__u64 unreported;
};

struct km_failure_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct km_failure_key);
	__type(value, struct km_failure_value);
};

/* Block requests under way, by the address of the kernel's struct request. */
struct km_inflight_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct km_inflight);
};

struct km_disk_key {
	__u32 device;
	__u32 operation;
};

struct km_disk_index_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KM_DISKS_MAX * KM_IO_OPERATIONS);
	__type(key, struct km_disk_key);
	__type(value, __u32);
};

struct km_disk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KM_DISKS_MAX * KM_IO_OPERATIONS);
	__type(key, __u32);
	__type(value, struct km_disk_slot);
};

/* Next free element of km_disk; an element is never given back. */
struct km_disk_next_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

extern struct km_control_ring km_control SEC(".maps");
extern struct km_log_ring km_log SEC(".maps");
extern struct km_counter_map km_counters SEC(".maps");
extern struct km_setting_map km_settings SEC(".maps");
extern struct km_meta_map km_meta SEC(".maps");
extern struct km_ledger_map km_ledger SEC(".maps");
extern struct km_cursor_map km_cursors SEC(".maps");
extern struct km_free_map km_free SEC(".maps");
extern struct km_watch_map km_watch SEC(".maps");
extern struct km_dir_map km_dirs SEC(".maps");
extern struct km_span_map km_spans SEC(".maps");
extern struct km_process_map km_processes SEC(".maps");
extern struct km_cgroup_map km_cgroups SEC(".maps");
extern struct km_exe_map km_exes SEC(".maps");
extern struct km_signal_map km_signals SEC(".maps");
extern struct km_failure_map km_failures SEC(".maps");
extern struct km_inflight_map km_inflight SEC(".maps");
extern struct km_disk_index_map km_disk_index SEC(".maps");
extern struct km_disk_map km_disk SEC(".maps");
extern struct km_disk_next_map km_disk_next SEC(".maps");

/* True when ext4's own tracepoints watch ext4: the system-call fallback then leaves its files alone. */
extern const volatile bool km_ext4_covered;

#endif
