// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* maps.bpf.c: the one definition of each map and rodata knob; maps.bpf.h says what they hold. */
#include "maps.bpf.h"

struct km_control_ring km_control SEC(".maps");
struct km_log_ring km_log SEC(".maps");
struct km_counter_map km_counters SEC(".maps");
struct km_setting_map km_settings SEC(".maps");
struct km_meta_map km_meta SEC(".maps");
struct km_ledger_map km_ledger SEC(".maps");
struct km_cursor_map km_cursors SEC(".maps");
struct km_free_map km_free SEC(".maps");
struct km_watch_map km_watch SEC(".maps");
struct km_dir_map km_dirs SEC(".maps");
struct km_span_map km_spans SEC(".maps");
struct km_process_map km_processes SEC(".maps");
struct km_cgroup_map km_cgroups SEC(".maps");
struct km_exe_map km_exes SEC(".maps");
struct km_signal_map km_signals SEC(".maps");
struct km_failure_map km_failures SEC(".maps");
struct km_inflight_map km_inflight SEC(".maps");
struct km_disk_index_map km_disk_index SEC(".maps");
struct km_disk_map km_disk SEC(".maps");
struct km_disk_next_map km_disk_next SEC(".maps");

const volatile bool km_ext4_covered = false;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
