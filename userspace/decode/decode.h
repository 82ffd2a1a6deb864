/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.h: bytes from a ring -> one checked record. Pure, and fuzzed.
 *
 * After km_decode() returned 0, every field of the record may be used without a further check: its type is known, its
 * length is right, its strings are terminated, payload_length bytes of payload are there. */
#ifndef KM_DECODE_H
#define KM_DECODE_H

#include "base/base.h"
#include "schema.h"

struct km_record {
	enum km_record_type type;
	uint64_t time_ns;
	union {
		const struct km_header *header;
		const struct km_exec_record *exec;
		const struct km_fork_record *fork;
		const struct km_exit_record *exit;
		const struct km_oom_record *oom;
		const struct km_hung_record *hung;
		const struct km_log_record *log;
		const struct km_file_record *file;
		const struct km_io_record *io;
		const struct km_write_failed_record *write_failed;
		const struct km_writeback_record *writeback;
		const struct km_fs_error_record *fs_error;
	};
};

/* out points into bytes, which must be 8-byte aligned and outlive it.
 * -EBADMSG: not a record of this schema; out is left alone. */
int km_decode(const void *bytes, size_t len, struct km_record *out);

#endif
