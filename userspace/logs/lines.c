// SPDX-License-Identifier: BSD-2-Clause
#include "logs/lines.h"

struct km_lines {
	km_line_fn deliver;
	void *context;
	char *held; /* the unfinished line */
	size_t held_len, held_size;
	uint64_t held_offset, held_time_ns;
	struct km_task held_writer;
	bool has_writer, joined;
};

int km_lines_new(struct km_lines **ret, km_line_fn deliver, void *context)
{
	struct km_lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	lines->deliver = deliver;
	lines->context = context;
	*ret = lines;
	return 0;
}

struct km_lines *km_lines_free(struct km_lines *lines)
{
	if (!lines)
		return NULL;
	free(lines->held);
	free(lines);
	return NULL;
}

size_t km_lines_held(const struct km_lines *lines)
{
	return lines->held_len;
}

static bool reserve(struct km_lines *lines, size_t size)
{
	size_t want = lines->held_size ? lines->held_size : 256;
	char *held;

	if (size <= lines->held_size)
		return true;
	while (want < size)
		want *= 2;
	held = realloc(lines->held, want);
	if (!held)
		return false;
	lines->held = held;
	lines->held_size = want;
	return true;
}

static void deliver(struct km_lines *lines, struct km_line *line)
{
	line->joined = lines->joined;
	lines->joined = line->split || line->partial;
	lines->deliver(lines->context, line);
}

static void deliver_held(struct km_lines *lines, bool split, bool partial)
{
	struct km_line line = {
		.text = lines->held,
		.len = lines->held_len,
		.offset = lines->held_offset,
		.time_ns = lines->held_time_ns,
		.writer = lines->has_writer ? &lines->held_writer : NULL,
		.split = split,
		.partial = partial,
	};

	deliver(lines, &line);
	lines->held_len = 0;
}

static void hold(struct km_lines *lines, const char *bytes, size_t len, uint64_t offset, uint64_t time_ns,
		 const struct km_task *writer)
{
	if (!lines->held_len) {
		lines->held_offset = offset;
		lines->held_time_ns = time_ns;
		lines->has_writer = writer != NULL;
		if (writer)
			lines->held_writer = *writer;
	}
	memcpy(lines->held + lines->held_len, bytes, len);
	lines->held_len += len;
}

/* One stretch without a newline, or up to and without one. Returns how much of it was taken. */
static size_t take(struct km_lines *lines, struct km_line *line, bool complete)
{
	size_t room = KM_LINE_MAX - lines->held_len, n = KM_MIN(line->len, room);
	bool full = n < line->len; /* a line of exactly the limit is whole: wait for what follows it */

	if (!lines->held_len && (full || complete)) { /* nothing to join: no copy */
		line->len = n;
		line->split = full;
		deliver(lines, line);
		return n;
	}
	hold(lines, line->text, n, line->offset, line->time_ns, line->writer);
	if (full || complete)
		deliver_held(lines, full, false);
	return n;
}

int km_lines_feed(struct km_lines *lines, const char *bytes, size_t len, uint64_t offset, uint64_t time_ns,
		  const struct km_task *writer)
{
	/* Room for all that can be held afterwards, before anything is taken. */
	if (!reserve(lines, KM_MIN(lines->held_len + len, (size_t)KM_LINE_MAX)))
		return -ENOMEM;
	while (len) {
		const char *newline = memchr(bytes, '\n', len);
		size_t stretch = newline ? (size_t)(newline - bytes) : len, n;
		struct km_line line = {
			.text = bytes, .len = stretch, .offset = offset, .time_ns = time_ns, .writer = writer,
		};

		n = take(lines, &line, newline != NULL);
		if (n == stretch && newline)
			n++; /* the newline itself */
		bytes += n;
		offset += n;
		len -= n;
	}
	return 0;
}

void km_lines_flush(struct km_lines *lines, bool over)
{
	if (lines->held_len)
		deliver_held(lines, false, true);
	if (over)
		lines->joined = false;
}
