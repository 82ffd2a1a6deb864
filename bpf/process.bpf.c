// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* process.bpf.c: exec, fork, exit and the sender of the signal that killed.
 *
 * Which processes belong to a service is decided here, so that the children of a service are known before they run: an
 * executable or a cgroup marks the first process, fork passes the mark on, exit takes it back. Processes of no service
 * cost two hash look-ups and no record, unless a signal kills them or every process was asked for. */
#include "emit.bpf.h"
#include <bpf/bpf_tracing.h>

#define KM_SIGCHLD 17
#define KM_SIGCONT 18
#define KM_SIGURG 23
#define KM_SIGWINCH 28
#define KM_SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h */

static __always_inline bool all_processes(void)
{
	struct km_settings *settings = km_setting();

	return settings && settings->all_processes;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(km_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct km_file_key key = {};
	struct km_exec_record *record;
	__u32 tgid = task->tgid, *by_exe, service;

	km_fill_key(&key, binary->file->f_inode);
	by_exe = bpf_map_lookup_elem(&km_exes, &key);
	if (by_exe && bpf_map_update_elem(&km_processes, &tgid, by_exe, BPF_ANY))
		km_missed(KM_MISS_PROCESS_FULL);
	service = km_service_of(tgid, km_cgroup_of(task));
	if ((!service && !all_processes()) || km_is_self(tgid))
		return 0;
	record = km_control_record(struct km_exec_record, KM_RECORD_EXEC);
	if (!record)
		return 0;
	km_fill_task(&record->task, task);
	record->task.service = service;
	if (bpf_probe_read_kernel_str(record->path, sizeof(record->path), binary->filename) < 0)
		km_missed(KM_MISS_PATH_READ);
	km_submit_control(&record->header, false);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(km_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = parent->tgid, child_tgid = child->tgid, *mark;
	struct km_fork_record *record;
	__u32 service;

	if ((__u32)child->pid != child_tgid) /* a thread */
		return 0;
	mark = bpf_map_lookup_elem(&km_processes, &parent_tgid);
	if (mark && bpf_map_update_elem(&km_processes, &child_tgid, mark, BPF_ANY))
		km_missed(KM_MISS_PROCESS_FULL);
	service = mark ? *mark : km_service_of(child_tgid, km_cgroup_of(child));
	if (!service)
		return 0;
	record = km_control_record(struct km_fork_record, KM_RECORD_FORK);
	if (!record)
		return 0;
	km_fill_task(&record->task, parent);
	record->task.service = service;
	record->child_tgid = child_tgid;
	record->child_start_ns = child->start_boottime;
	km_submit_control(&record->header, false);
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(km_signal, int signal, struct kernel_siginfo *info, struct task_struct *target, int group, int result)
{
	struct km_signal_key key = { .tgid = target->tgid, .signal = signal };
	struct km_signal_value value = {};
	__u64 special = (__u64)info;

	if (result != 0 || signal == KM_SIGCHLD || signal == KM_SIGCONT || signal == KM_SIGURG ||
	    signal == KM_SIGWINCH || signal <= 0)
		return 0;
	/* SEND_SIG_NOINFO is 0 (from a process), SEND_SIG_PRIV is 1 (from the kernel); else si_code > 0 says kernel. */
	value.code = special > 1 ? info->si_code : 0;
	value.from_kernel = special == 1 || value.code > 0;
	km_fill_task(&value.sender, (struct task_struct *)bpf_get_current_task_btf());
	bpf_map_update_elem(&km_signals, &key, &value, BPF_ANY);
	return 0;
}

/* Status of the whole process, as its parent will see it (do_group_exit in kernel/exit.c). */
static __always_inline __u32 exit_status(struct task_struct *task)
{
	if (task->signal->flags & KM_SIGNAL_GROUP_EXIT)
		return task->signal->group_exit_code;
	return task->group_leader->exit_code;
}

static __always_inline void fill_sender(struct km_exit_record *record, __u32 signal)
{
	struct km_signal_key key = { .tgid = record->task.tgid, .signal = signal };
	struct km_signal_value *value = bpf_map_lookup_elem(&km_signals, &key);

	if (!value)
		return;
	record->sender = value->sender;
	record->signal_code = value->code;
	record->flags |= KM_EXIT_SENDER | (value->from_kernel ? KM_EXIT_FROM_KERNEL : 0);
	bpf_map_delete_elem(&km_signals, &key);
}

/* A process ends when its last thread does: signal->live was lowered before this tracepoint. Two threads that end
 * together may both see zero, so the mark in km_processes, deleted by one of them, and userspace's table of processes
 * drop the second record. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(km_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid, status, service, signal;
	struct km_exit_record *record;

	if (task->signal->live.counter != 0)
		return 0;
	status = exit_status(task);
	signal = status & 0x7f;
	service = km_service_of(tgid, km_cgroup_of(task));
	bpf_map_delete_elem(&km_processes, &tgid);
	if ((!service && !signal && !all_processes()) || km_is_self(tgid))
		return 0;
	record = km_control_record(struct km_exit_record, KM_RECORD_EXIT);
	if (!record)
		return 0;
	km_fill_task(&record->task, task);
	record->task.service = service;
	record->status = status;
	if (BPF_CORE_READ(task, signal, oom_mm))
		record->flags |= KM_EXIT_OOM;
	if (signal)
		fill_sender(record, signal);
	km_submit_control(&record->header, service || signal);
	return 0;
}
