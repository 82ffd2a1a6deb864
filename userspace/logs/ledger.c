// SPDX-License-Identifier: BSD-2-Clause
#include "logs/ledger.h"

#include <fcntl.h>
#include <sys/stat.h>

#define READ_CHUNK (256 * 1024)
/* Records of a file whose name is not known yet wait here; beyond that they are dropped and read from the file. */
#define PENDING_MAX (1024 * 1024)

struct pending {
	char *bytes; /* records one after another, each padded to 8 */
	size_t len, size;
	bool overflowed;
};

struct entry {
	struct km_log_file file;
	struct km_cursor cursor; /* working copy; the mapped one is what was committed */
	int fd;
	bool known;   /* km_ledger_add() was called: the rest may be relied on */
	bool started; /* cursor says where to begin */
	bool dirty;
	enum km_start start;
	uint64_t read_ns;      /* when the file was last read past what records said */
	uint64_t dropped_seen; /* the slot's drops that were repaired */
	uint64_t last_ns;      /* last delivery */
	struct km_lines *lines;
	struct pending pending;
	struct km_ledger *ledger;
};

struct km_ledger {
	const struct km_ledger_slot *slots;
	struct km_cursor *committed;
	struct entry **entries;
	uint32_t count;
	struct km_ledger_ops ops;
	void *context;
	char *chunk;
	struct km_ledger_totals totals;
};

KM_DEFINE_CLEANUP(struct km_ledger *, km_ledger_free)

const char *km_gap_reason_name(enum km_gap_reason reason)
{
	static const char *const names[KM_GAP_REASONS] = {
		[KM_GAP_TRUNCATED] = "truncated before read",
		[KM_GAP_UNREADABLE] = "file unreadable",
		[KM_GAP_REWRITTEN] = "rewritten in place",
	};

	return names[reason];
}

int km_ledger_new(struct km_ledger **ret, const struct km_ledger_slot *slots, struct km_cursor *cursors, uint32_t count,
		  const struct km_ledger_ops *ops, void *context)
{
	km_cleanup(km_ledger_freep) struct km_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	ledger->slots = slots;
	ledger->committed = cursors;
	ledger->count = count;
	ledger->ops = *ops;
	ledger->context = context;
	ledger->entries = calloc(count, sizeof(*ledger->entries));
	ledger->chunk = malloc(READ_CHUNK);
	if (!ledger->entries || !ledger->chunk)
		return -ENOMEM;
	*ret = KM_TAKE_PTR(ledger);
	return 0;
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	km_lines_free(entry->lines);
	km_close(entry->fd);
	free(entry->pending.bytes);
	free(entry->file.path);
	free(entry);
}

struct km_ledger *km_ledger_free(struct km_ledger *ledger)
{
	if (!ledger)
		return NULL;
	for (uint32_t i = 0; ledger->entries && i < ledger->count; i++)
		entry_free(ledger->entries[i]);
	free(ledger->entries);
	free(ledger->chunk);
	free(ledger);
	return NULL;
}

static void line_done(void *context, const struct km_line *line)
{
	struct entry *entry = context;

	entry->file.lines++;
	entry->ledger->totals.lines++;
	entry->ledger->ops.line(entry->ledger->context, &entry->file, line);
}

static struct entry *entry_new(struct km_ledger *ledger, uint32_t slot, uint32_t generation)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry || km_lines_new(&entry->lines, line_done, entry)) {
		free(entry);
		return NULL;
	}
	entry->fd = -1;
	entry->ledger = ledger;
	entry->file.slot = slot;
	entry->file.generation = generation;
	entry->file.service = -1;
	entry_free(ledger->entries[slot]);
	ledger->entries[slot] = entry;
	return entry;
}

static uint32_t live_epoch(const struct entry *entry)
{
	return __atomic_load_n(&entry->ledger->slots[entry->file.slot].epoch, __ATOMIC_ACQUIRE);
}

static void declare_gap(struct entry *entry, uint64_t from, uint64_t bytes, enum km_gap_reason reason)
{
	if (!bytes)
		return;
	km_lines_flush(entry->lines, true);
	entry->cursor.gaps += bytes;
	entry->file.gaps++;
	entry->dirty = true;
	entry->ledger->totals.gap_bytes += bytes;
	entry->ledger->ops.gap(entry->ledger->context, &entry->file, from, from + bytes, reason);
}

static void deliver(struct entry *entry, const char *bytes, size_t len, uint64_t time_ns, const struct km_task *writer)
{
	if (km_lines_feed(entry->lines, bytes, len, entry->cursor.offset, time_ns, writer)) {
		declare_gap(entry, entry->cursor.offset, len, KM_GAP_UNREADABLE); /* no memory: declared, not lost */
	} else {
		entry->cursor.delivered += len;
		entry->ledger->totals.delivered_bytes += len;
	}
	entry->cursor.offset += len;
	entry->dirty = true;
}

/* Delivers [cursor, to) from the file, as far as the file still has it. Returns the bytes that it did not give.
 * Valid only while the file's epoch is the cursor's: the size shrinks before the epoch goes up, so what a read returned with
 * the epoch unchanged is of this epoch. */
static uint64_t read_file(struct entry *entry, uint64_t to, const struct km_task *writer, uint64_t time_ns)
{
	while (entry->cursor.offset < to) {
		size_t want = KM_MIN(to - entry->cursor.offset, (uint64_t)READ_CHUNK);
		ssize_t n = entry->fd < 0 ? -1 : pread(entry->fd, entry->ledger->chunk, want, (off_t)entry->cursor.offset);

		if (n < 0 && entry->fd >= 0 && errno == EINTR)
			continue;
		if (n <= 0 || live_epoch(entry) != entry->cursor.epoch)
			break;
		entry->ledger->totals.repaired_bytes += (uint64_t)n;
		deliver(entry, entry->ledger->chunk, (size_t)n, time_ns, writer);
	}
	return to > entry->cursor.offset ? to - entry->cursor.offset : 0;
}

/* The file began again at size (usually 0). missing: bytes of the former epochs that no record carried. */
static void begin_again(struct entry *entry, uint32_t epoch, uint64_t size, uint64_t missing)
{
	declare_gap(entry, entry->cursor.offset, missing, KM_GAP_TRUNCATED);
	if (size < entry->cursor.offset) {
		km_lines_flush(entry->lines, true);
		entry->cursor.offset = size;
	}
	entry->cursor.epoch = epoch;
	entry->dirty = true;
}

/* The first record of a file decides where reading starts when no daemon left a cursor: at the record, unless the whole file
 * is wanted. */
static void start_at(struct entry *entry, uint64_t offset, uint64_t accepted, uint32_t epoch)
{
	if (entry->started)
		return;
	entry->started = true;
	entry->cursor.offset = entry->start == KM_START_BEGINNING ? 0 : offset;
	entry->cursor.accepted = entry->start == KM_START_BEGINNING ? 0 : accepted;
	entry->cursor.epoch = entry->start == KM_START_BEGINNING ? 0 : epoch;
	entry->cursor.generation = entry->file.generation;
	entry->dirty = true;
}

/* What the record itself brought: its payload, and the rest of a large write from the file. */
static void deliver_record(struct entry *entry, const struct km_log_record *r)
{
	uint64_t end = r->offset + r->length, skip = entry->cursor.offset - r->offset, left;

	if (skip < r->payload_length)
		deliver(entry, (const char *)r->payload + skip, r->payload_length - skip, r->header.time_ns, &r->task);
	left = read_file(entry, end, &r->task, r->header.time_ns);
	if (left) {
		declare_gap(entry, entry->cursor.offset, left, KM_GAP_TRUNCATED);
		entry->cursor.offset = end;
	}
}

static void account_record(struct entry *entry, const struct km_log_record *r)
{
	uint64_t before = r->accepted - r->length, end = r->offset + r->length;
	uint64_t missing = before > entry->cursor.accepted ? before - entry->cursor.accepted : 0, left;

	if (r->epoch != entry->cursor.epoch) /* the truncation's own record was lost */
		begin_again(entry, r->epoch, 0, missing > r->offset ? missing - r->offset : 0);
	if (r->offset > entry->cursor.offset) {
		left = read_file(entry, r->offset, NULL, 0);
		declare_gap(entry, entry->cursor.offset, KM_MIN(left, missing), KM_GAP_TRUNCATED);
		entry->cursor.offset = r->offset;
	}
	if (end > entry->cursor.offset)
		deliver_record(entry, r);
	else if (r->header.time_ns > entry->read_ns) /* else a read of the file had it already */
		declare_gap(entry, r->offset, r->length, KM_GAP_REWRITTEN);
	entry->cursor.accepted = r->accepted;
	entry->last_ns = r->header.time_ns;
}

static void hold_record(struct entry *entry, const struct km_header *header)
{
	struct pending *p = &entry->pending;
	size_t need = (header->length + 7u) / 8 * 8, size = p->size ? p->size : 4096;
	char *bytes;

	while (size < p->len + need)
		size *= 2;
	if (p->overflowed || size > PENDING_MAX || !(bytes = size == p->size ? p->bytes : realloc(p->bytes, size))) {
		p->overflowed = true;
		p->len = 0;
		return;
	}
	p->bytes = bytes;
	p->size = size;
	memcpy(p->bytes + p->len, header, header->length);
	p->len += need;
	entry->ledger->totals.pending_records++;
}

static struct entry *entry_for(struct km_ledger *ledger, uint32_t slot, uint32_t generation)
{
	struct entry *entry;

	if (slot >= ledger->count)
		return NULL;
	entry = ledger->entries[slot];
	if (entry && entry->file.generation == generation)
		return entry;
	if (entry && (int32_t)(generation - entry->file.generation) < 0) /* of a file that held the slot before */
		return NULL;
	return entry_new(ledger, slot, generation);
}

void km_ledger_write(struct km_ledger *ledger, const struct km_log_record *r)
{
	struct entry *entry = entry_for(ledger, r->slot, r->slot_generation);

	if (!entry) {
		ledger->totals.stale_records++;
		return;
	}
	if (!entry->known) {
		hold_record(entry, &r->header);
		return;
	}
	start_at(entry, r->offset, r->accepted - r->length, r->epoch);
	if (r->accepted <= entry->cursor.accepted) /* accounted for before the last daemon was killed */
		return;
	account_record(entry, r);
}

static void truncated(struct entry *entry, const struct km_file_record *r)
{
	uint64_t missing = r->accepted > entry->cursor.accepted ? r->accepted - entry->cursor.accepted : 0;

	if (!entry->started) {
		start_at(entry, r->size, r->accepted, r->epoch);
		return;
	}
	if ((int32_t)(r->epoch - entry->cursor.epoch) <= 0)
		return;
	begin_again(entry, r->epoch, r->size, missing);
	entry->cursor.accepted = r->accepted;
}

void km_ledger_changed(struct km_ledger *ledger, const struct km_file_record *r)
{
	struct entry *entry = entry_for(ledger, r->slot, r->slot_generation);

	if (!entry) {
		ledger->totals.stale_records++;
		return;
	}
	if (!entry->known) {
		hold_record(entry, &r->header);
		return;
	}
	if (r->change == KM_FILE_TRUNCATED)
		truncated(entry, r);
	ledger->ops.changed(ledger->context, &entry->file, r->change, r->size, &r->task, r->header.time_ns);
}

static void replay_pending(struct km_ledger *ledger, struct entry *entry)
{
	struct pending p = entry->pending;

	entry->pending = (struct pending){ 0 };
	for (size_t at = 0; at < p.len;) {
		const struct km_header *header = (const void *)(p.bytes + at);

		if (header->type == KM_RECORD_LOG_WRITE)
			km_ledger_write(ledger, (const void *)header);
		else
			km_ledger_changed(ledger, (const void *)header);
		ledger->totals.pending_records--;
		at += (header->length + 7u) / 8 * 8;
	}
	free(p.bytes);
}

/* A cursor that an earlier daemon committed for this very file. */
static void resume(struct entry *entry)
{
	const struct km_cursor *committed = &entry->ledger->committed[entry->file.slot];

	if (committed->generation != entry->file.generation)
		return;
	entry->cursor = *committed;
	entry->started = true;
}

static int use_descriptor(struct entry *entry, int fd, enum km_start start)
{
	struct stat st;

	entry->fd = fd;
	entry->start = start;
	resume(entry);
	if (entry->started)
		return 0;
	if (start == KM_START_BEGINNING) {
		start_at(entry, 0, 0, 0);
	} else if (!entry->pending.len) {
		if (fstat(fd, &st))
			return -errno;
		start_at(entry, (uint64_t)st.st_size, entry->ledger->slots[entry->file.slot].bytes, live_epoch(entry));
	}
	return 0;
}

int km_ledger_add(struct km_ledger *ledger, uint32_t slot, uint32_t generation, const struct km_file_key *key, int fd,
		  const char *path, int service, enum km_start start)
{
	km_auto_free char *copy = strdup(path);
	struct entry *entry;
	int r;

	if (slot >= ledger->count)
		return -EINVAL;
	if (!copy)
		return -ENOMEM;
	entry = entry_for(ledger, slot, generation);
	if (!entry)
		return -ESTALE;
	free(entry->file.path);
	entry->file.path = KM_TAKE_PTR(copy);
	entry->file.service = service;
	entry->file.key = *key;
	if (entry->known) {
		km_close(fd);
		return 0;
	}
	r = use_descriptor(entry, fd, start);
	if (r)
		return r;
	entry->known = true;
	ledger->totals.files++;
	replay_pending(ledger, entry);
	return 0;
}

int km_ledger_rename(struct km_ledger *ledger, uint32_t slot, const char *path)
{
	struct entry *entry = slot < ledger->count ? ledger->entries[slot] : NULL;
	char *copy = path ? strdup(path) : NULL;

	if (!entry)
		return -ENOENT;
	if (path && !copy)
		return -ENOMEM;
	entry->file.removed = !path;
	if (path) {
		free(entry->file.path);
		entry->file.path = copy;
	}
	return 0;
}

void km_ledger_drop(struct km_ledger *ledger, uint32_t slot, uint32_t generation)
{
	struct entry *entry = slot < ledger->count ? ledger->entries[slot] : NULL;

	if (!entry || entry->file.generation != generation)
		return;
	if (entry->known) {
		km_lines_flush(entry->lines, true);
		ledger->totals.files--;
	}
	entry_free(entry);
	ledger->entries[slot] = NULL;
}

/* Reads to the end of the file as it is now. Records of those bytes may still be in the ring: read_ns tells them. */
static void catch_up(struct entry *entry)
{
	uint64_t accepted = entry->ledger->slots[entry->file.slot].bytes;
	struct stat st;

	if (entry->fd < 0 || !entry->started || fstat(entry->fd, &st))
		return;
	if (live_epoch(entry) != entry->cursor.epoch) /* its record, or the next write's, will tell */
		return;
	if ((uint64_t)st.st_size <= entry->cursor.offset)
		return;
	if (!read_file(entry, (uint64_t)st.st_size, NULL, 0))
		entry->cursor.accepted = KM_MAX(entry->cursor.accepted, accepted);
	entry->read_ns = km_now_boot_ns();
}

void km_ledger_repair(struct km_ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->count; i++) {
		struct entry *entry = ledger->entries[i];
		uint64_t dropped;

		if (!entry || !entry->known)
			continue;
		dropped = __atomic_load_n(&ledger->slots[i].dropped, __ATOMIC_ACQUIRE);
		if (dropped == entry->dropped_seen)
			continue;
		catch_up(entry);
		entry->dropped_seen = dropped;
	}
}

size_t km_ledger_flush(struct km_ledger *ledger, uint64_t now_ns, uint64_t quiet_ns)
{
	size_t held = 0;

	for (uint32_t i = 0; i < ledger->count; i++) {
		struct entry *entry = ledger->entries[i];

		if (!entry || !entry->known || !km_lines_held(entry->lines))
			continue;
		if (now_ns - entry->last_ns >= quiet_ns)
			km_lines_flush(entry->lines, false);
		else
			held++;
	}
	return held;
}

/* A file that shrank without a hook having seen it. */
static void check_shrunk(struct km_ledger *ledger, struct entry *entry)
{
	struct stat st;

	if (entry->fd < 0 || !entry->started || live_epoch(entry) != entry->cursor.epoch || fstat(entry->fd, &st) ||
	    (uint64_t)st.st_size >= entry->cursor.offset)
		return;
	begin_again(entry, entry->cursor.epoch, (uint64_t)st.st_size, 0);
	ledger->ops.changed(ledger->context, &entry->file, KM_FILE_TRUNCATED, (uint64_t)st.st_size, NULL, km_now_boot_ns());
}

void km_ledger_reconcile(struct km_ledger *ledger, uint64_t now_ns, uint64_t quiet_ns)
{
	for (uint32_t i = 0; i < ledger->count; i++) {
		struct entry *entry = ledger->entries[i];

		if (!entry || !entry->known)
			continue;
		check_shrunk(ledger, entry);
		catch_up(entry);
	}
	km_ledger_flush(ledger, now_ns, quiet_ns);
}

void km_ledger_commit(struct km_ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->count; i++) {
		struct entry *entry = ledger->entries[i];

		if (!entry || !entry->dirty)
			continue;
		ledger->committed[i] = entry->cursor;
		/* Bytes of an unfinished line were not delivered yet: after a kill they are read again. */
		ledger->committed[i].offset -= KM_MIN(km_lines_held(entry->lines), entry->cursor.offset);
		entry->dirty = false;
	}
}

struct km_ledger_totals km_ledger_totals(const struct km_ledger *ledger)
{
	return ledger->totals;
}

const struct km_log_file *km_ledger_file(const struct km_ledger *ledger, uint32_t slot)
{
	return slot < ledger->count && ledger->entries[slot] && ledger->entries[slot]->known ?
		       &ledger->entries[slot]->file : NULL;
}

uint32_t km_ledger_count(const struct km_ledger *ledger)
{
	return ledger->count;
}

const struct km_cursor *km_ledger_cursor(const struct km_ledger *ledger, uint32_t slot)
{
	return km_ledger_file(ledger, slot) ? &ledger->entries[slot]->cursor : NULL;
}
