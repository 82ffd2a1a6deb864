/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger.h: every byte of every watched file once, or an exact gap.
 *
 * The file is the truth; records of the kernel say when to look and carry what was there. For each file the ledger holds a
 * cursor: everything before it was delivered or declared. Invariants (design.md, 5):
 *   I2  delivered bytes + gap bytes = accepted bytes, per file
 *   I3  the cursor is committed together with what it covers: km_ledger_commit()
 *   I4  every gap is an event with a range and a reason
 * The kernel counts accepted bytes under the inode's lock and puts the count into each record, so a reader that lost records
 * knows exactly how many bytes it lost, and the epoch (count of truncations) tells whether the file still has them. */
#ifndef KM_LEDGER_H
#define KM_LEDGER_H

#include "base/base.h"
#include "logs/lines.h"
#include "schema.h"

enum km_gap_reason {
	KM_GAP_TRUNCATED,    /* cut away before it was read */
	KM_GAP_UNREADABLE,   /* the file could not be read */
	KM_GAP_REWRITTEN,    /* an earlier part was written again: delivered bytes are no longer what the file holds */
	KM_GAP_REASONS,
};
const char *km_gap_reason_name(enum km_gap_reason reason);

/* One file, as its consumers see it. */
struct km_log_file {
	char *path;		  /* the name it has now; NULL until known. Owned by the ledger */
	int service;		  /* index into the configured services, -1 for none */
	uint32_t slot, generation;
	struct km_file_key key;
	bool removed; /* has no name any more */
	uint64_t lines, gaps;	  /* counts since it was added */
};

struct km_ledger_ops {
	void (*line)(void *context, const struct km_log_file *file, const struct km_line *line);
	void (*gap)(void *context, const struct km_log_file *file, uint64_t from, uint64_t to, enum km_gap_reason reason);
	/* change: what the kernel saw; task is NULL when only the file showed it */
	void (*changed)(void *context, const struct km_log_file *file, enum km_file_change change, uint64_t size,
			const struct km_task *task, uint64_t time_ns);
};

struct km_ledger;

/* slots and cursors are the mapped km_ledger and km_cursors arrays of count elements; they must outlive the ledger. */
int km_ledger_new(struct km_ledger **ret, const struct km_ledger_slot *slots, struct km_cursor *cursors, uint32_t count,
		  const struct km_ledger_ops *ops, void *context);
struct km_ledger *km_ledger_free(struct km_ledger *ledger);

/* Where reading of a file begins when no cursor of an earlier daemon is there. */
enum km_start {
	KM_START_BEGINNING,
	KM_START_END,
};

/* Adds the file of a slot, or tells its name if records of it came first. Takes fd. path is copied. */
int km_ledger_add(struct km_ledger *ledger, uint32_t slot, uint32_t generation, const struct km_file_key *key, int fd,
		  const char *path, int service, enum km_start start);

/* The file has another name now (path), or none (NULL). */
int km_ledger_rename(struct km_ledger *ledger, uint32_t slot, const char *path);

/* The slot holds a file that nobody wants: forgets it, and its records. */
void km_ledger_drop(struct km_ledger *ledger, uint32_t slot, uint32_t generation);

/* One record of the log ring, in ring order. */
void km_ledger_write(struct km_ledger *ledger, const struct km_log_record *record);
void km_ledger_changed(struct km_ledger *ledger, const struct km_file_record *record);

/* The slow reconcile: looks at every file's size and reads what no hook showed. quiet_ns: unfinished lines older than that
 * are delivered as partial. */
void km_ledger_reconcile(struct km_ledger *ledger, uint64_t now_ns, uint64_t quiet_ns);

/* Delivers unfinished lines of files that were quiet for quiet_ns. Returns the number still held. */
size_t km_ledger_flush(struct km_ledger *ledger, uint64_t now_ns, uint64_t quiet_ns);

/* Reads what the ring had no room for, of files that lost records. Cheap when there are none. */
void km_ledger_repair(struct km_ledger *ledger);

/* Writes cursors where the next daemon finds them. Call when everything delivered so far is safe. */
void km_ledger_commit(struct km_ledger *ledger);

struct km_ledger_totals {
	uint64_t files, delivered_bytes, gap_bytes, lines, repaired_bytes, stale_records, pending_records;
};
struct km_ledger_totals km_ledger_totals(const struct km_ledger *ledger);

const struct km_log_file *km_ledger_file(const struct km_ledger *ledger, uint32_t slot);
uint32_t km_ledger_count(const struct km_ledger *ledger);
/* The file's account: offset, delivered, gaps. NULL for an empty slot. */
const struct km_cursor *km_ledger_cursor(const struct km_ledger *ledger, uint32_t slot);

#endif
