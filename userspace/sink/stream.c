// SPDX-License-Identifier: BSD-2-Clause
#include "sink/stream.h"

#include "base/json.h"
#include "base/log.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#define BUFFER_MAX (1024 * 1024)
#define READERS_MAX 64
#define NOTICE_ROOM 512 /* kept free for the event that says what was left out */

enum kind {
	REGULAR, /* never makes us wait for a reader */
	PIPE,	 /* shared with others, so it is not made non-blocking: poll, then at most PIPE_BUF at a time */
	SOCKET,
};

struct output {
	struct km_stream *stream;
	struct output *next;
	int fd;
	enum kind kind;
	char *name;
	sd_event_source *source; /* waits for room */
	char *buf;
	size_t start, len, size;
	uint64_t missed; /* events left out since the last notice */
	bool dead;
};

struct km_stream {
	sd_event *loop; /* not owned */
	sd_event_source *listener;
	int listen_fd;
	struct output *outputs;
	struct km_stream_totals totals;
};

KM_DEFINE_CLEANUP(struct km_stream *, km_stream_free)

int km_stream_new(struct km_stream **ret, struct sd_event *loop)
{
	struct km_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	stream->loop = loop;
	stream->listen_fd = -1;
	*ret = stream;
	return 0;
}

static void output_free(struct output *output)
{
	sd_event_source_disable_unref(output->source);
	km_close(output->fd);
	free(output->name);
	free(output->buf);
	free(output);
}

struct km_stream *km_stream_free(struct km_stream *stream)
{
	if (!stream)
		return NULL;
	while (stream->outputs) {
		struct output *output = stream->outputs;

		stream->outputs = output->next;
		output_free(output);
	}
	sd_event_source_disable_unref(stream->listener);
	km_close(stream->listen_fd);
	free(stream);
	return NULL;
}

static void die(struct output *output, int error)
{
	if (output->kind != SOCKET && error != EPIPE)
		km_error("cannot write events to %s: %s; this destination gets no more", output->name, strerror(error));
	output->stream->totals.write_errors += output->kind != SOCKET;
	output->dead = true;
	output->len = 0;
}

static bool reserve(struct output *output, size_t len, size_t keep)
{
	size_t size = output->size ? output->size : 16384;

	if (output->len + len + keep > BUFFER_MAX)
		return false;
	if (output->start + output->len + len <= output->size)
		return true;
	memmove(output->buf, output->buf + output->start, output->len);
	output->start = 0;
	while (size < output->len + len)
		size *= 2;
	if (size != output->size) {
		char *buf = realloc(output->buf, size);

		if (!buf)
			return false;
		output->buf = buf;
		output->size = size;
	}
	return true;
}

static void append(struct output *output, const char *bytes, size_t len)
{
	memcpy(output->buf + output->start + output->len, bytes, len);
	output->len += len;
}

/* Tells the reader what it missed, once there is room for it. */
static void notice(struct output *output)
{
	struct km_json json = KM_JSON_INIT;

	if (!output->missed || !reserve(output, NOTICE_ROOM, 0))
		return;
	km_json_begin(&json, NULL);
	km_json_time(&json, "@timestamp", km_now_real_ns());
	km_json_begin(&json, "event");
	km_json_text(&json, "kind", "event");
	km_json_text(&json, "action", "kmedic.dropped");
	km_json_text(&json, "module", "kmedic");
	km_json_end(&json);
	km_json_begin(&json, "kmedic");
	km_json_begin(&json, "dropped");
	km_json_text(&json, "reason", "slow reader");
	km_json_uint(&json, "events", output->missed);
	km_json_end(&json);
	km_json_end(&json);
	km_json_end(&json);
	km_json_newline(&json);
	if (!km_json_error(&json) && json.len <= NOTICE_ROOM) {
		append(output, json.buf, json.len);
		output->missed = 0;
	}
	km_json_free(&json);
}

static ssize_t write_some(struct output *output)
{
	const char *at = output->buf + output->start;
	struct pollfd room = { .fd = output->fd, .events = POLLOUT };

	switch (output->kind) {
	case SOCKET:
		return send(output->fd, at, output->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case PIPE:
		if (poll(&room, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		return write(output->fd, at, KM_MIN(output->len, (size_t)4096)); /* PIPE_BUF: never waits now */
	default:
		return write(output->fd, at, output->len);
	}
}

static void flush(struct output *output)
{
	while (!output->dead && output->len) {
		ssize_t n = write_some(output);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			die(output, errno);
			break;
		}
		output->start += (size_t)n;
		output->len -= (size_t)n;
		if (!output->len) {
			output->start = 0;
			notice(output);
		}
	}
	if (output->source)
		sd_event_source_set_enabled(output->source, output->len && !output->dead ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void bury(struct km_stream *stream)
{
	for (struct output **at = &stream->outputs; *at;) {
		struct output *output = *at;

		if (!output->dead) {
			at = &output->next;
			continue;
		}
		*at = output->next;
		stream->totals.readers -= output->kind == SOCKET;
		output_free(output);
	}
}

static int on_room(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct output *output = context;

	(void)source;
	(void)fd;
	if (events & (EPOLLERR | EPOLLHUP))
		die(output, EPIPE);
	else
		flush(output);
	return 0;
}

static enum kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return PIPE;
	return S_ISSOCK(st.st_mode) ? SOCKET : S_ISREG(st.st_mode) ? REGULAR : PIPE;
}

int km_stream_add(struct km_stream *stream, int fd, const char *name)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output)
		return -ENOMEM;
	output->stream = stream;
	output->fd = fd;
	output->kind = kind_of(fd);
	output->name = strdup(name);
	/* A regular file cannot be polled and need not be; /dev/null neither. */
	if (output->kind != REGULAR &&
	    sd_event_add_io(stream->loop, &output->source, fd, EPOLLOUT, on_room, output) >= 0)
		sd_event_source_set_enabled(output->source, SD_EVENT_OFF);
	output->next = stream->outputs;
	stream->outputs = output;
	stream->totals.readers += output->kind == SOCKET;
	return 0;
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct km_stream *stream = context;
	int reader = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	(void)source;
	(void)events;
	if (reader < 0)
		return 0;
	if (stream->totals.readers >= READERS_MAX || km_stream_add(stream, reader, "a reader"))
		close(reader);
	return 0;
}

int km_stream_listen(struct km_stream *stream, int fd)
{
	stream->listen_fd = fd;
	return sd_event_add_io(stream->loop, &stream->listener, fd, EPOLLIN, on_connect, stream);
}

void km_stream_write(struct km_stream *stream, const char *line, size_t len)
{
	stream->totals.events++;
	stream->totals.bytes += len;
	for (struct output *output = stream->outputs; output; output = output->next) {
		if (output->dead)
			continue;
		if (output->missed || !reserve(output, len, NOTICE_ROOM)) {
			flush(output);
			if (output->missed || !reserve(output, len, NOTICE_ROOM)) {
				output->missed++;
				stream->totals.dropped++;
				continue;
			}
		}
		append(output, line, len);
	}
}

void km_stream_flush(struct km_stream *stream)
{
	for (struct output *output = stream->outputs; output; output = output->next)
		flush(output);
	bury(stream);
}

bool km_stream_wanted(const struct km_stream *stream)
{
	return stream->outputs != NULL;
}

struct km_stream_totals km_stream_totals(const struct km_stream *stream)
{
	return stream->totals;
}
