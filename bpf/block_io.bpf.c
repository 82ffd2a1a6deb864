// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* block_io.bpf.c: latency of every block request, and the ones that are slow or fail.
 *
 * A request is timed from the moment it is issued to the device until all of it is complete. Requests still in
 * km_inflight are those a device has not answered: userspace looks for old ones. Nothing leaks: a request ends by
 * completing, and a re-queued one is issued again under the same address. */
#include "emit.bpf.h"
#include <bpf/bpf_tracing.h>

#define KM_OPERATION_MASK 0xff /* REQ_OP_MASK; the numbers are those of enum req_op */

static __always_inline __u32 operation_of(struct request *rq)
{
	switch (rq->cmd_flags & KM_OPERATION_MASK) {
	case 0:
		return KM_IO_READ;
	case 1:
		return KM_IO_WRITE;
	case 2:
		return KM_IO_FLUSH;
	case 3:
		return KM_IO_DISCARD;
	default:
		return KM_IO_OTHER;
	}
}

/* Gives a device and operation its element of km_disk, once. */
static __always_inline __u32 *new_slot(struct km_disk_key *key, struct gendisk *disk)
{
	__u32 zero = 0, index, *next = bpf_map_lookup_elem(&km_disk_next, &zero), *found;
	struct km_disk_slot *slot;

	if (!next)
		return NULL;
	index = __sync_fetch_and_add(next, 1);
	if (bpf_map_update_elem(&km_disk_index, key, &index, BPF_NOEXIST))
		return bpf_map_lookup_elem(&km_disk_index, key); /* another CPU was faster; its element counts */
	slot = bpf_map_lookup_elem(&km_disk, &index);
	if (!slot) {
		bpf_map_delete_elem(&km_disk_index, key);
		return NULL;
	}
	slot->device = key->device;
	slot->operation = key->operation;
	BPF_CORE_READ_STR_INTO(&slot->disk, disk, disk_name);
	found = bpf_map_lookup_elem(&km_disk_index, key);
	return found;
}

static __always_inline __u32 *slot_of(struct request *rq)
{
	struct gendisk *disk = km_request_disk(rq);
	struct km_disk_key key = { .operation = operation_of(rq) };
	__u32 *index;

	if (!disk)
		return NULL;
	key.device = (__u32)BPF_CORE_READ(disk, major) << 20 | (__u32)BPF_CORE_READ(disk, first_minor);
	index = bpf_map_lookup_elem(&km_disk_index, &key);
	if (!index)
		index = new_slot(&key, disk);
	if (!index)
		km_missed(KM_MISS_DISK_FULL);
	return index;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(km_io_issue, struct request *rq)
{
	struct km_inflight entry = {};
	struct km_disk_slot *slot;
	__u64 key = (__u64)rq;
	__u32 *index = slot_of(rq);

	if (!index)
		return 0;
	entry.issued_ns = bpf_ktime_get_boot_ns();
	entry.sector = rq->__sector;
	entry.bytes = rq->__data_len;
	entry.slot = *index;
	if (bpf_map_update_elem(&km_inflight, &key, &entry, BPF_ANY)) {
		km_missed(KM_MISS_INFLIGHT_FULL);
		return 0;
	}
	slot = bpf_map_lookup_elem(&km_disk, &entry.slot);
	if (slot)
		__sync_fetch_and_add(&slot->issued, 1);
	return 0;
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 bucket = 0;

	ns >>= 10;
	for (int i = 0; i < KM_LATENCY_BUCKETS - 1; i++) {
		if (!ns)
			break;
		ns >>= 1;
		bucket++;
	}
	return bucket;
}

static __always_inline void report(struct km_disk_slot *slot, struct km_inflight *entry, __u64 latency, int error)
{
	struct km_io_record *record = km_control_record(struct km_io_record, error ? KM_RECORD_IO_ERROR : KM_RECORD_IO_SLOW);

	if (!record)
		return;
	record->sector = entry->sector;
	record->latency_ns = latency;
	record->bytes = entry->bytes;
	record->device = slot->device;
	record->operation = slot->operation;
	record->error = error;
	__builtin_memcpy(record->disk, slot->disk, sizeof(record->disk));
	km_submit_control(&record->header, error != 0);
}

static __always_inline void account(struct km_disk_slot *slot, struct km_inflight *entry, __u64 latency, int error)
{
	struct km_settings *settings = km_setting();
	__u32 bucket = bucket_of(latency);

	__sync_fetch_and_add(&slot->completed, 1);
	__sync_fetch_and_add(&slot->bytes, entry->bytes);
	__sync_fetch_and_add(&slot->sum_ns, latency);
	if (bucket < KM_LATENCY_BUCKETS)
		__sync_fetch_and_add(&slot->buckets[bucket], 1);
	if (latency > slot->max_ns)
		slot->max_ns = latency; /* two CPUs may race: the histogram stays exact */
	if (error)
		__sync_fetch_and_add(&slot->errors, 1);
	if (error || (settings && settings->slow_ns && latency >= settings->slow_ns))
		report(slot, entry, latency, error);
}

/* error is an errno up to 5.15 and a blk_status_t later; both are 0 for success. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(km_io_done, struct request *rq, int error, unsigned int bytes)
{
	__u64 key = (__u64)rq, now = bpf_ktime_get_boot_ns();
	struct km_inflight *found, entry;
	struct km_disk_slot *slot;

	error = (int)(error & 0xff); /* blk_status_t is a byte: the rest of the register is undefined */
	if (!error && bytes < rq->__data_len) /* part of it: more to come */
		return 0;
	found = bpf_map_lookup_elem(&km_inflight, &key);
	if (!found) {
		km_missed(KM_MISS_UNISSUED);
		return 0;
	}
	entry = *found;
	bpf_map_delete_elem(&km_inflight, &key);
	slot = bpf_map_lookup_elem(&km_disk, &entry.slot);
	if (slot)
		account(slot, &entry, now > entry.issued_ns ? now - entry.issued_ns : 0, error);
	return 0;
}
