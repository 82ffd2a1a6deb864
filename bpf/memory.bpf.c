// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* memory.bpf.c: the OOM killer's choice, and tasks that hang. */
#include "emit.bpf.h"
#include <bpf/bpf_tracing.h>

/* The current task is the one whose allocation could not be met. */
SEC("tp_btf/mark_victim")
int BPF_PROG(km_oom_kill, struct task_struct *victim)
{
	struct km_oom_record *record = km_control_record(struct km_oom_record, KM_RECORD_OOM_KILL);

	if (!record)
		return 0;
	km_fill_task(&record->trigger, (struct task_struct *)bpf_get_current_task_btf());
	km_fill_task(&record->victim, victim);
	record->victim.service = km_service_of(record->victim.tgid, record->victim.cgroup_id);
	km_submit_control(&record->header, true);
	return 0;
}

SEC("tp_btf/sched_process_hang")
int BPF_PROG(km_hung_task, struct task_struct *task)
{
	struct km_hung_record *record = km_control_record(struct km_hung_record, KM_RECORD_HUNG);

	if (!record)
		return 0;
	km_fill_task(&record->task, task);
	record->task.service = km_service_of(record->task.tgid, record->task.cgroup_id);
	km_submit_control(&record->header, true);
	return 0;
}
