/* SPDX-License-Identifier: BSD-2-Clause */
/* lines.h: bytes of one file, in any portions -> its lines. Pure.
 *
 * However the bytes are cut, the lines are the same. A line longer than KM_LINE_MAX comes in pieces, all but the last marked
 * split. NUL and bytes that are not UTF-8 pass unchanged. */
#ifndef KM_LINES_H
#define KM_LINES_H

#include "base/base.h"
#include "schema.h"

#define KM_LINE_MAX (64 * 1024)

struct km_line {
	const char *text; /* without the newline; valid during the call only */
	size_t len;
	uint64_t offset;	      /* of its first byte in the file */
	uint64_t time_ns;	      /* boot time of the write of its first byte, 0 when only the file is known */
	const struct km_task *writer; /* who wrote its first byte, NULL when only the file is known */
	bool split;		      /* the line goes on in the next piece */
	bool partial;		      /* no newline came yet: delivered after a quiet time, or at the end of the file */
	bool joined;		      /* goes on from a piece that was delivered as partial */
};

struct km_lines;

typedef void (*km_line_fn)(void *context, const struct km_line *line);

int km_lines_new(struct km_lines **ret, km_line_fn deliver, void *context);
struct km_lines *km_lines_free(struct km_lines *lines);

/* Takes len bytes that stand at offset in the file. writer may be NULL. -ENOMEM loses nothing: nothing was taken. */
int km_lines_feed(struct km_lines *lines, const char *bytes, size_t len, uint64_t offset, uint64_t time_ns,
		  const struct km_task *writer);

/* Delivers the unfinished line, if there is one: after a quiet time (more may follow and is then marked joined), or before a
 * gap, a truncation or the end (over: what follows is another line). */
void km_lines_flush(struct km_lines *lines, bool over);

/* Bytes of the unfinished line. */
size_t km_lines_held(const struct km_lines *lines);

#endif
