// SPDX-License-Identifier: BSD-2-Clause
#include "sink/event.h"

#include <limits.h>
#include <signal.h>

#define ECS_VERSION "8.11.0"

/* Category and type of each action: the values that ECS allows for event.category and event.type. */
struct shape {
	const char *action, *category, *type, *dataset;
};

static const struct shape shapes[] = {
	{ "process.exec", "process", "start", "kmedic.process" },
	{ "process.exit", "process", "end", "kmedic.process" },
	{ "process.oom_kill", "process", "end", "kmedic.process" },
	{ "log.opened", "file", "creation", "kmedic.log" },
	{ "log.line", NULL, "info", "kmedic.log" },
	{ "log.truncated", "file", "change", "kmedic.log" },
	{ "log.rotated", "file", "change", "kmedic.log" },
	{ "log.removed", "file", "deletion", "kmedic.log" },
	{ "log.gap", NULL, "error", "kmedic.log" },
	{ "disk.slow", "host", "info", "kmedic.disk" },
	{ "disk.stuck", "host", "info", "kmedic.disk" },
	{ "disk.error", "host", "error", "kmedic.disk" },
	{ "file.write_failed", "file", "error", "kmedic.file" },
	{ "file.writeback_lost", "file", "error", "kmedic.file" },
	{ "filesystem.error", "host", "error", "kmedic.filesystem" },
	{ "health.changed", "host", "change", "kmedic.health" },
};

static const struct shape own_shape = { NULL, NULL, "info", "kmedic.self" };

static const struct shape *shape_of(const char *action)
{
	for (size_t i = 0; i < KM_ARRAY_SIZE(shapes); i++)
		if (!strcmp(shapes[i].action, action))
			return &shapes[i];
	return &own_shape;
}

int km_events_init(struct km_events *events, struct km_stream *stream)
{
	events->stream = stream;
	if (gethostname(events->host, sizeof(events->host) - 1))
		return -errno;
	(void)km_read_small_file("/proc/sys/kernel/random/boot_id", events->boot, sizeof(events->boot));
	km_events_tick(events);
	return 0;
}

void km_events_free(struct km_events *events)
{
	km_json_free(&events->json);
}

void km_events_tick(struct km_events *events)
{
	events->clock_offset_ns = km_now_real_ns() - km_now_boot_ns();
}

static void put_one_element(struct km_json *json, const char *key, const char *value)
{
	if (!value)
		return;
	km_json_begin_array(json, key);
	km_json_text(json, NULL, value);
	km_json_end_array(json);
}

/* event.id names the same happening whoever tells it, however often: the record's place in its ring, of this boot. */
static void put_id(struct km_events *events)
{
	char id[96];

	if (events->ring)
		snprintf(id, sizeof(id), "%.8s-%s-%llx-%llx", events->boot, events->ring,
			 (unsigned long long)events->position, (unsigned long long)events->sequence);
	else
		snprintf(id, sizeof(id), "%.8s-%d-%llx", events->boot, getpid(), (unsigned long long)events->sequence);
	km_json_text(&events->json, "id", id);
}

static struct km_json *begin(struct km_events *events, const char *action, uint64_t time_ns, const char *outcome)
{
	const struct shape *shape = shape_of(action);
	struct km_json *json = &events->json;

	km_json_reset(json);
	events->sequence++;
	km_json_begin(json, NULL);
	km_json_time(json, "@timestamp", events->clock_offset_ns + (time_ns ? time_ns : km_now_boot_ns()));
	km_json_begin(json, "ecs");
	km_json_text(json, "version", ECS_VERSION);
	km_json_end(json);
	km_json_begin(json, "event");
	km_json_text(json, "kind", "event");
	km_json_text(json, "action", action);
	put_one_element(json, "category", shape->category);
	put_one_element(json, "type", shape->type);
	km_json_text(json, "module", "kmedic");
	km_json_text(json, "dataset", shape->dataset);
	km_json_text(json, "outcome", outcome);
	km_json_uint(json, "sequence", events->sequence);
	put_id(events);
	km_json_end(json);
	km_json_begin(json, "host");
	km_json_text(json, "name", events->host);
	km_json_end(json);
	return json;
}

static void end(struct km_events *events)
{
	km_json_end(&events->json);
	km_json_newline(&events->json);
	if (!km_json_error(&events->json))
		km_stream_write(events->stream, events->json.buf, events->json.len);
}

static void put_service(struct km_events *events, int service)
{
	const char *name = service >= 0 && events->service_name ? events->service_name(events->context, service) : NULL;

	if (!name)
		return;
	km_json_begin(&events->json, "service");
	km_json_text(&events->json, "name", name);
	km_json_end(&events->json);
}

static void put_entity_id(struct km_events *events, const struct km_task *task)
{
	char id[64];

	/* tgid and start time: a pid alone is used again */
	snprintf(id, sizeof(id), "%.8s-%u-%llx", events->boot, task->tgid, (unsigned long long)task->start_ns);
	km_json_text(&events->json, "entity_id", id);
}

static void put_unit(struct km_events *events, uint64_t cgroup_id)
{
	const char *path = events->cgroups ? km_cgroups_path(events->cgroups, cgroup_id) : NULL;
	char unit[256];

	if (!path)
		return;
	km_json_text(&events->json, "cgroup", path);
	if (km_cgroup_unit(path, unit, sizeof(unit)))
		km_json_text(&events->json, "unit", unit);
}

/* The members of an ECS process object, without its braces. */
static void put_task(struct km_events *events, const struct km_task *task)
{
	struct km_json *json = &events->json;
	char uid[16];

	km_json_uint(json, "pid", task->tgid);
	km_json_text(json, "name", task->comm);
	put_entity_id(events, task);
	if (task->start_ns)
		km_json_time(json, "start", events->clock_offset_ns + task->start_ns);
	snprintf(uid, sizeof(uid), "%u", task->uid);
	km_json_begin(json, "user");
	km_json_text(json, "id", uid);
	km_json_end(json);
	if (task->parent_tgid) {
		km_json_begin(json, "parent");
		km_json_uint(json, "pid", task->parent_tgid);
		km_json_end(json);
	}
}

static void put_process(struct km_events *events, const struct km_task *task)
{
	km_json_begin(&events->json, "process");
	put_task(events, task);
	km_json_end(&events->json);
}

/* A second process of an event, below kmedic. */
static void put_other_process(struct km_events *events, const char *key, const struct km_task *task)
{
	km_json_begin(&events->json, key);
	put_task(events, task);
	put_unit(events, task->cgroup_id);
	km_json_end(&events->json);
}

static int service_index(const struct km_task *task)
{
	return (int)task->service - 1;
}

static void tell_exec(struct km_events *events, const struct km_exec_record *r)
{
	struct km_json *json = begin(events, "process.exec", r->header.time_ns, NULL);

	put_service(events, service_index(&r->task));
	km_json_begin(json, "process");
	put_task(events, &r->task);
	km_json_text(json, "executable", r->path);
	km_json_end(json);
	km_json_begin(json, "kmedic");
	put_unit(events, r->task.cgroup_id);
	km_json_end(json);
	end(events);
}

static const char *signal_name(int signal, char *buf, size_t size)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(buf, size, "SIG%s", name);
	else
		snprintf(buf, size, "SIG%d", signal);
	return buf;
}

static void put_signal(struct km_events *events, const struct km_exit_record *r)
{
	struct km_json *json = &events->json;
	char name[16];

	km_json_begin(json, "signal");
	km_json_uint(json, "number", r->status & 0x7f);
	km_json_text(json, "name", signal_name((int)(r->status & 0x7f), name, sizeof(name)));
	km_json_bool(json, "core", r->status & 0x80);
	if (r->flags & KM_EXIT_FROM_KERNEL)
		km_json_text(json, "origin", "kernel");
	else if (r->flags & KM_EXIT_SENDER)
		km_json_text(json, "origin", r->sender.tgid == r->task.tgid ? "self" : "process");
	else
		km_json_text(json, "origin", "unknown");
	if (r->flags & KM_EXIT_SENDER) {
		km_json_int(json, "code", r->signal_code);
		if (!(r->flags & KM_EXIT_FROM_KERNEL))
			put_other_process(events, "sender", &r->sender);
	}
	km_json_end(json);
}

static void tell_exit(struct km_events *events, const struct km_exit_record *r)
{
	struct km_json *json = begin(events, "process.exit", r->header.time_ns, r->status ? "failure" : "success");

	put_service(events, service_index(&r->task));
	km_json_begin(json, "process");
	put_task(events, &r->task);
	km_json_time(json, "end", events->clock_offset_ns + r->header.time_ns);
	if (!(r->status & 0x7f))
		km_json_uint(json, "exit_code", r->status >> 8 & 0xff);
	km_json_end(json);
	km_json_begin(json, "kmedic");
	put_unit(events, r->task.cgroup_id);
	km_json_begin(json, "process");
	km_json_uint(json, "status", r->status & 0xffff);
	km_json_bool(json, "oom", r->flags & KM_EXIT_OOM);
	if (r->status & 0x7f)
		put_signal(events, r);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

static void tell_oom(struct km_events *events, const struct km_oom_record *r)
{
	struct km_json *json = begin(events, "process.oom_kill", r->header.time_ns, "failure");

	put_service(events, service_index(&r->victim));
	put_process(events, &r->victim);
	km_json_begin(json, "kmedic");
	put_unit(events, r->victim.cgroup_id);
	put_other_process(events, "trigger", &r->trigger);
	km_json_end(json);
	end(events);
}

static void put_device(struct km_json *json, uint32_t device)
{
	char text[24];

	snprintf(text, sizeof(text), "%u:%u", device >> 20, device & 0xfffff);
	km_json_text(json, "device", text);
}

static const char *operation_name(uint32_t operation)
{
	static const char *const names[KM_IO_OPERATIONS] = { "read", "write", "flush", "discard", "other" };

	return operation < KM_IO_OPERATIONS ? names[operation] : "other";
}

/* A block status as Linux errno: 5.10 gives a negative errno of which a byte came, later kernels a blk_status_t
 * (include/linux/blk_types.h). */
static int block_errno(int status)
{
	static const int by_status[] = {
		[1] = EOPNOTSUPP, [2] = ETIMEDOUT, [3] = ENOSPC, [4] = ENOLINK, [5] = EREMOTEIO, [6] = EBADE,
		[7] = ENODATA, [8] = EILSEQ, [9] = ENOMEM, [10] = EIO, [11] = EREMCHG, [12] = EAGAIN, [13] = EBUSY,
	};

	if (status >= 128)
		return 256 - status;
	return status > 0 && status < (int)KM_ARRAY_SIZE(by_status) ? by_status[status] : EIO;
}

static void put_error(struct km_json *json, int error)
{
	km_json_begin(json, "error");
	km_json_text(json, "code", strerrorname_np(error) ? strerrorname_np(error) : "EIO");
	km_json_text(json, "message", strerror(error));
	km_json_end(json);
}

static void tell_io(struct km_events *events, const struct km_record *record)
{
	const struct km_io_record *r = record->io;
	bool failed = record->type == KM_RECORD_IO_ERROR;
	struct km_json *json = begin(events, failed ? "disk.error" : "disk.slow", r->header.time_ns,
				     failed ? "failure" : NULL);

	if (failed)
		put_error(json, block_errno(r->error));
	km_json_begin(json, "kmedic");
	km_json_begin(json, "disk");
	km_json_text(json, "name", r->disk);
	put_device(json, r->device);
	km_json_text(json, "operation", operation_name(r->operation));
	km_json_uint(json, "latency_ns", r->latency_ns);
	km_json_uint(json, "bytes", r->bytes);
	km_json_uint(json, "sector", r->sector);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_stuck(struct km_events *events, const struct km_disk_slot *disk, const struct km_inflight *request,
		    uint64_t age_ns)
{
	struct km_json *json = begin(events, "disk.stuck", 0, "failure");

	km_json_begin(json, "kmedic");
	km_json_begin(json, "disk");
	km_json_bytes(json, "name", disk->disk, strnlen(disk->disk, sizeof(disk->disk)));
	put_device(json, disk->device);
	km_json_text(json, "operation", operation_name(disk->operation));
	km_json_uint(json, "age_ns", age_ns);
	km_json_uint(json, "bytes", request->bytes);
	km_json_uint(json, "sector", request->sector);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

static void put_file_key(struct km_json *json, const struct km_file_key *key)
{
	char inode[24];

	snprintf(inode, sizeof(inode), "%llu", (unsigned long long)key->inode);
	km_json_text(json, "inode", inode);
}

static void tell_write_failed(struct km_events *events, const struct km_write_failed_record *r)
{
	struct km_json *json = begin(events, "file.write_failed", r->header.time_ns, "failure");

	put_service(events, service_index(&r->task));
	put_process(events, &r->task);
	put_error(json, r->error);
	km_json_begin(json, "file");
	if (r->name[0])
		km_json_text(json, "name", r->name);
	put_file_key(json, &r->file);
	km_json_end(json);
	km_json_begin(json, "kmedic");
	put_unit(events, r->task.cgroup_id);
	km_json_begin(json, "write");
	km_json_text(json, "filesystem", r->filesystem);
	put_device(json, r->file.device);
	km_json_int(json, "syscall", r->syscall);
	km_json_uint(json, "repeated", r->repeated);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

static void tell_writeback(struct km_events *events, const struct km_writeback_record *r)
{
	struct km_json *json = begin(events, "file.writeback_lost", r->header.time_ns, "failure");

	put_error(json, (int)(r->error_sequence & 0xfff)); /* errseq_t keeps the errno in its low 12 bits */
	km_json_begin(json, "file");
	put_file_key(json, &r->file);
	km_json_end(json);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "write");
	km_json_text(json, "filesystem", r->filesystem);
	put_device(json, r->file.device);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

static void tell_fs_error(struct km_events *events, const struct km_fs_error_record *r)
{
	struct km_json *json = begin(events, "filesystem.error", r->header.time_ns, "failure");

	put_process(events, &r->task);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "filesystem");
	km_json_text(json, "name", r->filesystem);
	put_device(json, r->device);
	km_json_text(json, "function", r->function);
	km_json_uint(json, "line", r->line);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_record(struct km_events *events, const struct km_record *record)
{
	switch (record->type) {
	case KM_RECORD_EXEC:
		tell_exec(events, record->exec);
		break;
	case KM_RECORD_EXIT:
		tell_exit(events, record->exit);
		break;
	case KM_RECORD_OOM_KILL:
		tell_oom(events, record->oom);
		break;
	case KM_RECORD_IO_SLOW:
	case KM_RECORD_IO_ERROR:
		tell_io(events, record);
		break;
	case KM_RECORD_WRITE_FAILED:
		tell_write_failed(events, record->write_failed);
		break;
	case KM_RECORD_WRITEBACK_LOST:
		tell_writeback(events, record->writeback);
		break;
	case KM_RECORD_FS_ERROR:
		tell_fs_error(events, record->fs_error);
		break;
	default: /* fork and hung tasks are evidence for health, not events of their own */
		break;
	}
}

static void put_log_file(struct km_json *json, const struct km_log_file *file)
{
	km_json_begin(json, "log");
	km_json_begin(json, "file");
	km_json_text(json, "path", file->path);
	km_json_end(json);
	km_json_end(json);
}

void km_event_line(struct km_events *events, const struct km_log_file *file, const struct km_line *line)
{
	struct km_json *json = begin(events, "log.line", line->time_ns, NULL);

	put_service(events, file->service);
	if (line->writer)
		put_process(events, line->writer);
	put_log_file(json, file);
	km_json_bytes(json, "message", line->text, line->len);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "log");
	km_json_uint(json, "offset", line->offset);
	km_json_text(json, "source", line->writer ? "kernel" : "file");
	if (line->split)
		km_json_bool(json, "split", true);
	if (line->partial)
		km_json_bool(json, "partial", true);
	if (line->joined)
		km_json_bool(json, "joined", true);
	km_json_end(json);
	if (line->writer)
		put_unit(events, line->writer->cgroup_id);
	km_json_end(json);
	end(events);
}

void km_event_gap(struct km_events *events, const struct km_log_file *file, uint64_t from, uint64_t to,
		  enum km_gap_reason reason)
{
	struct km_json *json = begin(events, "log.gap", 0, "failure");

	put_service(events, file->service);
	put_log_file(json, file);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "gap");
	km_json_uint(json, "from", from);
	km_json_uint(json, "to", to);
	km_json_uint(json, "bytes", to - from);
	km_json_text(json, "reason", km_gap_reason_name(reason));
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_file(struct km_events *events, const struct km_log_file *file, const char *action, uint64_t size,
		   const struct km_task *task, uint64_t time_ns)
{
	struct km_json *json = begin(events, action, time_ns, NULL);

	put_service(events, file->service);
	if (task)
		put_process(events, task);
	put_log_file(json, file);
	km_json_begin(json, "file");
	put_file_key(json, &file->key);
	km_json_uint(json, "size", size);
	km_json_end(json);
	end(events);
}

void km_event_rotated(struct km_events *events, const struct km_log_file *file, const char *from)
{
	struct km_json *json = begin(events, "log.rotated", 0, NULL);

	put_service(events, file->service);
	put_log_file(json, file);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "log");
	km_json_text(json, "previous_path", from);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_self(struct km_events *events, const char *action, const char *message)
{
	struct km_json *json = begin(events, action, 0, NULL);

	km_json_text(json, "message", message);
	end(events);
}

void km_event_blind(struct km_events *events, const char *source, const char *reason, const char *consequence)
{
	struct km_json *json = begin(events, "kmedic.blind", 0, "failure");

	km_json_text(json, "message", consequence);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "blind");
	km_json_text(json, "source", source);
	km_json_text(json, "reason", reason);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_ring_dropped(struct km_events *events, const char *ring, uint64_t records)
{
	struct km_json *json = begin(events, "kmedic.dropped", 0, "failure");

	km_json_begin(json, "kmedic");
	km_json_begin(json, "dropped");
	km_json_text(json, "reason", "ring full");
	km_json_text(json, "ring", ring);
	km_json_uint(json, "events", records);
	km_json_end(json);
	km_json_end(json);
	end(events);
}

void km_event_health(struct km_events *events, const char *kind, const char *name, const char *from, const char *to,
		     const char *reason)
{
	struct km_json *json = begin(events, "health.changed", 0, NULL);

	km_json_text(json, "message", reason);
	km_json_begin(json, "kmedic");
	km_json_begin(json, "health");
	km_json_text(json, "entity", kind);
	km_json_text(json, "name", name);
	km_json_text(json, "from", from);
	km_json_text(json, "to", to);
	km_json_end(json);
	km_json_end(json);
	end(events);
}
