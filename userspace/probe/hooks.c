// SPDX-License-Identifier: BSD-2-Clause
#include "probe/hooks.h"

const struct km_hook km_hooks[] = {
	{ "km_exec", "sched_process_exec", KM_SOURCE_PROCESS, false },
	{ "km_fork", "sched_process_fork", KM_SOURCE_PROCESS, false },
	{ "km_exit", "sched_process_exit", KM_SOURCE_PROCESS, false },
	{ "km_signal", "signal_generate", KM_SOURCE_SIGNAL, false },
	{ "km_oom_kill", "mark_victim", KM_SOURCE_OOM, false },
	{ "km_hung_task", "sched_process_hang", KM_SOURCE_HANG, false },
	{ "km_io_issue", "block_rq_issue", KM_SOURCE_BLOCK, false },
	{ "km_io_done", "block_rq_complete", KM_SOURCE_BLOCK, false },
	{ "km_ext4_da", "ext4_da_write_end", KM_SOURCE_LOG_EXT4, false },
	{ "km_ext4_write", "ext4_write_end", KM_SOURCE_LOG_EXT4, false },
	{ "km_ext4_journal", "ext4_journalled_write_end", KM_SOURCE_LOG_EXT4, false },
	{ "km_ext4_create", "ext4_allocate_inode", KM_SOURCE_LOG_EXT4, false },
	{ "km_ext4_trunc", "ext4_truncate_enter", KM_SOURCE_LOG_EXT4, false },
	{ "km_ext4_unlink", "ext4_unlink_enter", KM_SOURCE_LOG_EXT4, false },
	{ "km_direct_io", "iomap_dio_complete", KM_SOURCE_LOG_DIRECT, false },
	{ "km_syscall", "sys_exit", KM_SOURCE_LOG_OTHER, true },
	{ "km_writeback", "filemap_set_wb_err", KM_SOURCE_WRITEBACK, false },
	{ "km_ext4_error", "ext4_error", KM_SOURCE_FS_ERROR, false },
};
const size_t km_hook_count = KM_ARRAY_SIZE(km_hooks);

const struct km_source_info km_sources[KM_SOURCES] = {
	[KM_SOURCE_PROCESS] = { "process", "the start and end of processes are not seen: a service can die unnoticed" },
	[KM_SOURCE_SIGNAL] = { "signal", "who sent the signal that killed a process is not known" },
	[KM_SOURCE_OOM] = { "oom", "kills by the OOM killer are seen only as SIGKILL, without their cause" },
	[KM_SOURCE_HANG] = { "hang", "tasks that the kernel calls hung are not reported" },
	[KM_SOURCE_BLOCK] = { "block", "latency, stuck requests and errors of disks are not seen" },
	[KM_SOURCE_LOG_EXT4] = { "log.ext4", "writes to logs on ext4 are found by the reconcile tick only: late, without "
					     "who wrote them, and not at all if truncated before" },
	[KM_SOURCE_LOG_DIRECT] = { "log.direct", "direct I/O to logs is found by the reconcile tick only" },
	[KM_SOURCE_LOG_OTHER] = { "log.other", "writes to logs outside ext4 are found by the reconcile tick only, and "
					       "failed writes are not seen" },
	[KM_SOURCE_WRITEBACK] = { "writeback", "data that the kernel could not write back is lost unseen" },
	[KM_SOURCE_FS_ERROR] = { "filesystem", "errors that ext4 finds in itself are not reported" },
};
