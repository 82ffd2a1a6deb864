// SPDX-License-Identifier: BSD-2-Clause
#include "decode/decode.h"

/* Where each type keeps text that must be terminated, and how long it is. The log record may be longer. */
struct shape {
	size_t size;
	struct {
		size_t offset, size;
	} text[3];
};

#define TEXT(type, member) { offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct shape shapes[KM_RECORD_TYPES] = {
	[KM_RECORD_EXEC] = { sizeof(struct km_exec_record), { TEXT(km_exec_record, task.comm), TEXT(km_exec_record, path) } },
	[KM_RECORD_FORK] = { sizeof(struct km_fork_record), { TEXT(km_fork_record, task.comm) } },
	[KM_RECORD_EXIT] = { sizeof(struct km_exit_record),
			     { TEXT(km_exit_record, task.comm), TEXT(km_exit_record, sender.comm) } },
	[KM_RECORD_OOM_KILL] = { sizeof(struct km_oom_record),
				 { TEXT(km_oom_record, trigger.comm), TEXT(km_oom_record, victim.comm) } },
	[KM_RECORD_HUNG] = { sizeof(struct km_hung_record), { TEXT(km_hung_record, task.comm) } },
	[KM_RECORD_LOG_WRITE] = { sizeof(struct km_log_record), { TEXT(km_log_record, task.comm) } },
	[KM_RECORD_FILE] = { sizeof(struct km_file_record), { TEXT(km_file_record, task.comm) } },
	[KM_RECORD_IO_SLOW] = { sizeof(struct km_io_record), { TEXT(km_io_record, disk) } },
	[KM_RECORD_IO_ERROR] = { sizeof(struct km_io_record), { TEXT(km_io_record, disk) } },
	[KM_RECORD_WRITE_FAILED] = { sizeof(struct km_write_failed_record),
				     { TEXT(km_write_failed_record, task.comm), TEXT(km_write_failed_record, name),
				       TEXT(km_write_failed_record, filesystem) } },
	[KM_RECORD_WRITEBACK_LOST] = { sizeof(struct km_writeback_record), { TEXT(km_writeback_record, filesystem) } },
	[KM_RECORD_FS_ERROR] = { sizeof(struct km_fs_error_record),
				 { TEXT(km_fs_error_record, task.comm), TEXT(km_fs_error_record, filesystem),
				   TEXT(km_fs_error_record, function) } },
};

static bool texts_terminated(const struct shape *shape, const char *bytes)
{
	for (size_t i = 0; i < KM_ARRAY_SIZE(shape->text); i++)
		if (shape->text[i].size && !memchr(bytes + shape->text[i].offset, '\0', shape->text[i].size))
			return false;
	return true;
}

static bool log_is_sound(const struct km_log_record *log, size_t len)
{
	return log->payload_length <= len - sizeof(*log) && log->payload_length <= log->length &&
	       log->offset <= UINT64_MAX - log->length;
}

int km_decode(const void *bytes, size_t len, struct km_record *out)
{
	const struct km_header *header = bytes;
	const struct shape *shape;

	if (len < sizeof(*header) || header->length != len || header->type >= KM_RECORD_TYPES)
		return -EBADMSG;
	shape = &shapes[header->type];
	if (!shape->size || len < shape->size || (len > shape->size && header->type != KM_RECORD_LOG_WRITE))
		return -EBADMSG;
	if (!texts_terminated(shape, bytes))
		return -EBADMSG;
	if (header->type == KM_RECORD_LOG_WRITE && !log_is_sound(bytes, len))
		return -EBADMSG;
	out->type = header->type;
	out->time_ns = header->time_ns;
	out->header = header;
	return 0;
}
