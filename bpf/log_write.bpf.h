/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* log_write.bpf.h: what every hook on log writes shares: find the watched file, keep its ledger, capture the bytes.
 *
 * The unwatched path is one hash look-up. A watched write is counted in the file's ledger slot before anything can fail,
 * so that a full ring still tells userspace which file has unread bytes, and how many. */
#ifndef KM_LOG_WRITE_BPF_H
#define KM_LOG_WRITE_BPF_H

#include "emit.bpf.h"

struct km_watched {
	struct km_ledger_slot *slot; /* NULL: not watched */
	__u32 index;
};

static __always_inline struct km_watched km_watched(struct inode *inode)
{
	struct km_watched watched = {};
	struct km_file_key key;
	__u32 *index;

	km_fill_key(&key, inode);
	index = bpf_map_lookup_elem(&km_watch, &key);
	if (!index)
		return watched;
	watched.index = *index;
	watched.slot = bpf_map_lookup_elem(&km_ledger, &watched.index);
	return watched;
}

struct km_write {
	__u64 offset;
	__u64 length;
	const void *buffer; /* in the writer's memory, NULL when not known */
};

static __always_inline void km_fill_log_record(struct km_log_record *record, struct km_watched *watched,
					       const struct km_write *write, __u32 size)
{
	struct km_ledger_slot *slot = watched->slot;

	__builtin_memset(record, 0, sizeof(*record));
	km_stamp(&record->header, KM_RECORD_LOG_WRITE, sizeof(*record) + size);
	km_fill_task(&record->task, (struct task_struct *)bpf_get_current_task_btf());
	record->file = slot->file;
	record->offset = write->offset;
	record->length = write->length;
	record->slot = watched->index;
	record->slot_generation = slot->generation;
	record->accepted = slot->bytes;
	record->epoch = slot->epoch;
}

/* Reserves a record with room for CLASS bytes, fills and submits it. */
#define KM_EMIT_CLASS(class)                                                                                           \
	static __always_inline long km_emit_##class(struct km_watched *watched, const struct km_write *write,          \
						    __u32 wanted)                                                      \
	{                                                                                                              \
		struct km_log_record *record =                                                                         \
			km_reserve(&km_log, sizeof(*record) + (class), KM_MISS_LOG_FULL);                              \
                                                                                                                       \
		if (!record)                                                                                           \
			return -1;                                                                                     \
		km_fill_log_record(record, watched, write, (class));                                                   \
		if (wanted > (class))                                                                                  \
			wanted = (class);                                                                              \
		if ((class) && wanted) {                                                                               \
			if (bpf_probe_read_user(record->payload, wanted, write->buffer))                               \
				km_missed(KM_MISS_PAYLOAD_READ);                                                       \
			else                                                                                           \
				record->payload_length = wanted;                                                       \
		}                                                                                                      \
		km_submit(&record->header, KM_RING_LOG, false);                                                        \
		return 0;                                                                                              \
	}

#define KM_PAYLOAD_NONE 0
KM_EMIT_CLASS(KM_PAYLOAD_NONE)
KM_EMIT_CLASS(KM_PAYLOAD_SMALL)
KM_EMIT_CLASS(KM_PAYLOAD_MEDIUM)
KM_EMIT_CLASS(KM_PAYLOAD_LARGE)

static __always_inline long km_emit_write(struct km_watched *watched, const struct km_write *write)
{
	struct km_settings *settings = km_setting();
	__u64 wanted = write->buffer ? write->length : 0;

	if (settings && wanted > settings->payload_max)
		wanted = settings->payload_max;
	if (!wanted)
		return km_emit_KM_PAYLOAD_NONE(watched, write, 0);
	if (wanted <= KM_PAYLOAD_SMALL)
		return km_emit_KM_PAYLOAD_SMALL(watched, write, wanted);
	if (wanted <= KM_PAYLOAD_MEDIUM)
		return km_emit_KM_PAYLOAD_MEDIUM(watched, write, wanted);
	return km_emit_KM_PAYLOAD_LARGE(watched, write, wanted);
}

static __always_inline void km_log_write(struct km_watched *watched, const struct km_write *write)
{
	struct km_ledger_slot *slot = watched->slot;

	__sync_fetch_and_add(&slot->records, 1);
	__sync_fetch_and_add(&slot->bytes, write->length);
	slot->end_offset = write->offset + write->length;
	if (km_emit_write(watched, write) < 0) {
		__sync_fetch_and_add(&slot->dropped, 1);
		__sync_fetch_and_add(&slot->dropped_bytes, write->length);
	}
}

/* These go through the log ring, not the control ring: their order among the writes of the file matters. */
static __always_inline void km_file_changed(struct km_watched *watched, struct inode *inode, struct inode *directory,
					    enum km_file_change change)
{
	struct km_file_record *record = km_reserve(&km_log, sizeof(*record), KM_MISS_LOG_FULL);

	if (!record) {
		__sync_fetch_and_add(&watched->slot->dropped, 1);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	km_stamp(&record->header, KM_RECORD_FILE, sizeof(*record));
	km_fill_task(&record->task, (struct task_struct *)bpf_get_current_task_btf());
	record->file = watched->slot->file;
	if (directory)
		km_fill_key(&record->directory, directory);
	record->size = inode->i_size;
	record->slot = watched->index;
	record->slot_generation = watched->slot->generation;
	record->change = change;
	record->accepted = watched->slot->bytes;
	record->epoch = watched->slot->epoch;
	km_submit(&record->header, KM_RING_LOG, true);
}

static __always_inline void km_file_truncated(struct inode *inode)
{
	struct km_watched watched = km_watched(inode);

	if (!watched.slot)
		return;
	__sync_fetch_and_add(&watched.slot->epoch, 1);
	km_file_changed(&watched, inode, NULL, KM_FILE_TRUNCATED);
}

/* A regular file came into being in a watched directory: enrol it now, so that its first write is seen. Its name is not
 * known to match yet; userspace takes back what it does not want. */
static __always_inline void km_file_created(struct inode *inode, struct inode *directory)
{
	struct km_watched watched = {};
	struct km_file_key key;
	__u32 index;

	km_fill_key(&key, directory);
	if (!bpf_map_lookup_elem(&km_dirs, &key))
		return;
	if (bpf_map_pop_elem(&km_free, &index)) {
		km_missed(KM_MISS_LEDGER_FULL);
		return;
	}
	watched.index = index;
	watched.slot = bpf_map_lookup_elem(&km_ledger, &index);
	if (!watched.slot)
		return;
	km_fill_key(&key, inode);
	watched.slot->file = key;
	watched.slot->file.generation = inode->i_generation;
	watched.slot->generation++;
	watched.slot->in_use = 1;
	watched.slot->records = watched.slot->bytes = watched.slot->end_offset = 0;
	watched.slot->dropped = watched.slot->dropped_bytes = 0;
	watched.slot->epoch = 0;
	if (bpf_map_update_elem(&km_watch, &key, &index, BPF_ANY)) {
		km_missed(KM_MISS_WATCH_UPDATE);
		watched.slot->in_use = 0;
		bpf_map_push_elem(&km_free, &index, BPF_EXIST);
		return;
	}
	km_file_changed(&watched, inode, directory, KM_FILE_CREATED);
}

#endif
