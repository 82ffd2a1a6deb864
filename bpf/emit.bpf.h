/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* emit.bpf.h: the only code that reserves, stamps and submits records, or counts what was not seen.
 *
 * Waking the reader costs the writer four times its own write, so there is one rule, here: a record wakes the reader if
 * it is urgent, or if nothing woke it for settings.batch_ns. The reader, once awake, looks again every batch_ns until it
 * finds nothing. A record submitted without a wake-up is thus read at most 2 * batch_ns later. */
#ifndef KM_EMIT_BPF_H
#define KM_EMIT_BPF_H

#include "compat.bpf.h"
#include "maps.bpf.h"

static __always_inline struct km_counters *km_counter(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&km_counters, &zero);
}

static __always_inline struct km_settings *km_setting(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&km_settings, &zero);
}

static __always_inline void km_missed(enum km_miss reason)
{
	struct km_counters *counters = km_counter();

	if (counters)
		__sync_fetch_and_add(&counters->miss[reason], 1);
}

static __always_inline void *km_reserve(void *ring, __u32 size, enum km_miss full)
{
	void *record = bpf_ringbuf_reserve(ring, size, 0);

	if (!record)
		km_missed(full);
	return record;
}

static __always_inline void km_stamp(struct km_header *header, __u16 type, __u32 length)
{
	header->time_ns = bpf_ktime_get_boot_ns();
	header->length = length;
	header->type = type;
	header->reserved = 0;
}

static __always_inline __u64 km_wake_flag(struct km_counters *counters, enum km_ring ring, __u64 now, bool urgent)
{
	struct km_settings *settings = km_setting();

	if (!settings)
		return BPF_RB_FORCE_WAKEUP;
	if (!urgent && now - counters->last_wake_ns[ring] < settings->batch_ns)
		return BPF_RB_NO_WAKEUP;
	counters->last_wake_ns[ring] = now;
	return BPF_RB_FORCE_WAKEUP;
}

/* Takes the record: it must not be touched afterwards. */
static __always_inline void km_submit(struct km_header *header, enum km_ring ring, bool urgent)
{
	struct km_counters *counters = km_counter();
	__u64 flags = BPF_RB_FORCE_WAKEUP;

	if (counters) {
		__sync_fetch_and_add(&counters->produced[ring], 1);
		__sync_fetch_and_add(&counters->produced_bytes[ring], header->length);
		if (header->type < KM_RECORD_TYPES)
			__sync_fetch_and_add(&counters->records[header->type], 1);
		flags = km_wake_flag(counters, ring, header->time_ns, urgent);
	}
	bpf_ringbuf_submit(header, flags);
}

/* A zeroed control record of a TYPE with a header, stamped; NULL when the ring is full (counted). */
#define km_control_record(type, kind)                                                                                  \
	({                                                                                                             \
		type *record_ = km_reserve(&km_control, sizeof(type), KM_MISS_CONTROL_FULL);                           \
		if (record_) {                                                                                         \
			__builtin_memset(record_, 0, sizeof(type));                                                    \
			km_stamp(&record_->header, (kind), sizeof(type));                                              \
		}                                                                                                      \
		record_;                                                                                               \
	})

static __always_inline void km_submit_control(struct km_header *header, bool urgent)
{
	km_submit(header, KM_RING_CONTROL, urgent);
}

static __always_inline __u64 km_cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* index + 1 of the service that a process belongs to, or 0. */
static __always_inline __u32 km_service_of(__u32 tgid, __u64 cgroup_id)
{
	__u32 *service = bpf_map_lookup_elem(&km_processes, &tgid);

	if (!service)
		service = bpf_map_lookup_elem(&km_cgroups, &cgroup_id);
	return service ? *service : 0;
}

/* Everything but the service, which costs two look-ups; out must be zeroed. */
static __always_inline void km_fill_task(struct km_task *out, struct task_struct *task)
{
	out->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	out->cgroup_id = km_cgroup_of(task);
	out->tgid = BPF_CORE_READ(task, tgid);
	out->tid = BPF_CORE_READ(task, pid);
	out->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	out->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&out->comm, task, group_leader, comm);
}

static __always_inline void km_fill_key(struct km_file_key *key, struct inode *inode)
{
	key->inode = inode->i_ino;
	key->device = inode->i_sb->s_dev;
	key->generation = 0;
}

static __always_inline bool km_is_self(__u32 tgid)
{
	struct km_settings *settings = km_setting();

	return settings && (tgid == settings->self[0] || tgid == settings->self[1] || tgid == settings->self[2] ||
			    tgid == settings->self[3]);
}

#endif
