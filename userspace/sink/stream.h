/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.h: where the event stream goes: standard output, files, and the readers of a Unix socket.
 *
 * No reader slows the pipeline. Each has a bounded buffer; when it is full, whole events are left out, and as soon as there
 * is room again the reader gets a kmedic.dropped event that says how many. A regular file is written at once. */
#ifndef KM_STREAM_H
#define KM_STREAM_H

#include "base/base.h"

struct km_stream;
struct sd_event;

int km_stream_new(struct km_stream **ret, struct sd_event *loop);
struct km_stream *km_stream_free(struct km_stream *stream);

/* Adds a destination that is open already: takes fd. name is for messages. */
int km_stream_add(struct km_stream *stream, int fd, const char *name);

/* Accepts readers on a listening socket: takes fd. */
int km_stream_listen(struct km_stream *stream, int fd);

/* One event: a line of JSON that ends in a newline. */
void km_stream_write(struct km_stream *stream, const char *line, size_t len);

/* Hands everything on that can be handed on without waiting. */
void km_stream_flush(struct km_stream *stream);

/* False when nobody reads: building the event can be saved. */
bool km_stream_wanted(const struct km_stream *stream);

struct km_stream_totals {
	uint64_t events, bytes, dropped, readers, write_errors;
};
struct km_stream_totals km_stream_totals(const struct km_stream *stream);

#endif
