// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* log_ext4.bpf.c: log files on ext4, through ext4's own tracepoints. They cost other system calls nothing.
 *
 * write_end fires once for each page or folio of a write(2), with the position in the file and the bytes accepted, on every
 * buffered path: write, writev, sendfile, splice, io_uring. The bytes themselves are still in the writer's buffer, which
 * the saved registers of the system call name; where a call spans pages, km_spans remembers how far it got. */
#include "log_write.bpf.h"
#include <bpf/bpf_tracing.h>

#if defined(__TARGET_ARCH_x86)
#define KM_NR_WRITE 1
#define KM_NR_PWRITE64 18
#else
#define KM_NR_WRITE 64
#define KM_NR_PWRITE64 68
#endif

static __always_inline struct inode *inode_of_fd(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	return BPF_CORE_READ(file, f_inode);
}

/* How many bytes of this call earlier pages took. A span belongs to this very call if it is of the same thread, file,
 * buffer and call number: a failed call followed by a retry has another number. */
static __always_inline __u64 consumed_before(struct km_file_key *file, __u64 buffer, __u64 call, __u64 copied, __u64 count)
{
	__u64 thread = bpf_get_current_pid_tgid(), before = 0;
	struct km_span *span, fresh = { .file = *file, .buffer = buffer, .call = call, .consumed = copied };

	span = bpf_map_lookup_elem(&km_spans, &thread);
	if (span && span->call == call && span->buffer == buffer && span->file.inode == file->inode &&
	    span->file.device == file->device) {
		before = span->consumed;
		span->consumed += copied;
		if (span->consumed >= count)
			bpf_map_delete_elem(&km_spans, &thread);
	} else {
		bpf_map_update_elem(&km_spans, &thread, &fresh, BPF_ANY);
	}
	return before;
}

/* Where in the writer's memory the bytes are that ext4 just took, or NULL when the call is not a plain write. */
static __always_inline const void *buffer_of(struct inode *inode, struct km_file_key *file, __u64 copied)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 number = BPF_CORE_READ(regs, orig_ax), buffer, count, before = 0;

	if ((number != KM_NR_WRITE && number != KM_NR_PWRITE64) || inode_of_fd(task, BPF_CORE_READ(regs, di)) != inode)
		return NULL;
	buffer = BPF_CORE_READ(regs, si);
	count = BPF_CORE_READ(regs, dx);
	if (copied < count)
		before = consumed_before(file, buffer, BPF_CORE_READ(task, ioac.syscw), copied, count);
	if (before + copied > count)
		return NULL;
	return (const void *)(buffer + before);
}

static __always_inline int write_end(struct inode *inode, __u64 offset, __u32 copied)
{
	struct km_watched watched = km_watched(inode);
	struct km_write write = { .offset = offset, .length = copied };

	if (!watched.slot || !copied || km_is_self(bpf_get_current_pid_tgid() >> 32))
		return 0;
	write.buffer = buffer_of(inode, &watched.slot->file, copied);
	if (!write.buffer)
		km_missed(KM_MISS_PAYLOAD_UNKNOWN);
	km_log_write(&watched, &write);
	return 0;
}

/* Delayed allocation: the usual path. */
SEC("tp_btf/ext4_da_write_end")
int BPF_PROG(km_ext4_da, struct inode *inode, long long offset, unsigned int length, unsigned int copied)
{
	return write_end(inode, offset, copied);
}

/* No delayed allocation: nodelalloc, or the file system is nearly full. */
SEC("tp_btf/ext4_write_end")
int BPF_PROG(km_ext4_write, struct inode *inode, long long offset, unsigned int length, unsigned int copied)
{
	return write_end(inode, offset, copied);
}

/* data=journal. */
SEC("tp_btf/ext4_journalled_write_end")
int BPF_PROG(km_ext4_journal, struct inode *inode, long long offset, unsigned int length, unsigned int copied)
{
	return write_end(inode, offset, copied);
}

SEC("tp_btf/ext4_allocate_inode")
int BPF_PROG(km_ext4_create, struct inode *inode, struct inode *directory, int mode)
{
	if ((mode & 0170000) == 0100000)
		km_file_created(inode, directory);
	return 0;
}

SEC("tp_btf/ext4_truncate_enter")
int BPF_PROG(km_ext4_trunc, struct inode *inode)
{
	km_file_truncated(inode);
	return 0;
}

SEC("tp_btf/ext4_unlink_enter")
int BPF_PROG(km_ext4_unlink, struct inode *directory, struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;
	struct km_watched watched;

	if (!inode)
		return 0;
	watched = km_watched(inode);
	if (watched.slot)
		km_file_changed(&watched, inode, directory, KM_FILE_UNLINKED);
	return 0;
}

/* Direct I/O passes no write_end; iomap tells when it is done, on ext4 and xfs alike. */
SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(km_direct_io, struct kiocb *iocb, int error, long result)
{
	struct km_watched watched;
	struct km_write write = {};

	if (result <= 0 || error)
		return 0;
	watched = km_watched(iocb->ki_filp->f_inode);
	if (!watched.slot)
		return 0;
	write.length = result;
	write.offset = iocb->ki_pos - result;
	km_log_write(&watched, &write);
	return 0;
}
