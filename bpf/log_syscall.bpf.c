// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* log_syscall.bpf.c: the fallback for file systems without a hook of their own, and failed writes of any process.
 *
 * A program on sys_exit taxes every system call of the machine by about a third, so userspace attaches this one only while
 * a watched file needs it or a write is likely to fail, and says so. */
#include "log_write.bpf.h"
#include <bpf/bpf_tracing.h>

#define KM_EIO 5
#define KM_ENOSPC 28
#define KM_EROFS 30
#define KM_EDQUOT 122
#define KM_EXT4_MAGIC 0xef53
#define KM_O_APPEND 02000
#define KM_REPORT_EVERY_NS 1000000000ULL

/* Numbers of one architecture; asm/unistd.h of the other would be taken on a cross build. */
#if defined(__TARGET_ARCH_x86)
enum {
	NR_write = 1, NR_open = 2, NR_pwrite64 = 18, NR_writev = 20, NR_sendfile = 40, NR_fsync = 74, NR_fdatasync = 75,
	NR_truncate = 76, NR_ftruncate = 77, NR_rename = 82, NR_mkdir = 83, NR_creat = 85, NR_openat = 257, NR_splice = 275,
	NR_sync_file_range = 277, NR_fallocate = 285, NR_pwritev = 296, NR_copy_file_range = 326, NR_pwritev2 = 328,
};
#else
enum {
	NR_write = 64, NR_open = -1, NR_pwrite64 = 68, NR_writev = 66, NR_sendfile = 71, NR_fsync = 82, NR_fdatasync = 83,
	NR_truncate = 45, NR_ftruncate = 46, NR_rename = -2, NR_mkdir = -3, NR_creat = -4, NR_openat = 56, NR_splice = 76,
	NR_sync_file_range = 84, NR_fallocate = 47, NR_pwritev = 70, NR_copy_file_range = 285, NR_pwritev2 = 287,
};
#endif

enum kind {
	OTHER,
	WRITE_AT_POSITION, /* fd first, buffer second, offset by the file's position */
	WRITE_AT_ARGUMENT, /* the same, offset in the fourth argument */
	VECTOR,		   /* fd first, the bytes scattered */
	VECTOR_AT,	   /* the same, offset in the fourth argument */
	TO_FIRST,	   /* fd first, the bytes come from another file */
	TO_THIRD,	   /* fd third */
	TRUNCATE,	   /* fd first */
	SYNC,		   /* fd first, no bytes */
	BY_NAME,	   /* may fail for want of space; no descriptor */
};

static __always_inline enum kind kind_of(long number)
{
	switch (number) {
	case NR_write:
		return WRITE_AT_POSITION;
	case NR_pwrite64:
		return WRITE_AT_ARGUMENT;
	case NR_writev:
		return VECTOR;
	case NR_pwritev:
	case NR_pwritev2:
		return VECTOR_AT;
	case NR_sendfile:
		return TO_FIRST;
	case NR_copy_file_range:
	case NR_splice:
		return TO_THIRD;
	case NR_ftruncate:
		return TRUNCATE;
	case NR_fsync:
	case NR_fdatasync:
	case NR_sync_file_range:
	case NR_fallocate:
		return SYNC;
	case NR_open:
	case NR_openat:
	case NR_creat:
	case NR_rename:
	case NR_mkdir:
	case NR_truncate:
		return BY_NAME;
	default:
		return OTHER;
	}
}

static __always_inline struct file *file_of(struct pt_regs *regs, enum kind kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	__u32 fd = kind == TO_THIRD ? (__u32)km_syscall_arg3(regs) : (__u32)km_syscall_arg1(regs);
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (kind == BY_NAME || !table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return NULL;
	return file;
}

/* One record a second for each process and errno; the count says what was left out. */
static __always_inline bool failure_due(__s32 error, __u64 *unreported)
{
	struct km_failure_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .error = error };
	struct km_failure_value fresh = { .last_ns = bpf_ktime_get_boot_ns() }, *seen;

	seen = bpf_map_lookup_elem(&km_failures, &key);
	if (seen && fresh.last_ns - seen->last_ns < KM_REPORT_EVERY_NS) {
		__sync_fetch_and_add(&seen->unreported, 1);
		return false;
	}
	*unreported = seen ? seen->unreported : 0;
	bpf_map_update_elem(&km_failures, &key, &fresh, BPF_ANY);
	return true;
}

static __always_inline void write_failed(struct pt_regs *regs, enum kind kind, __s32 error)
{
	struct km_write_failed_record *record;
	struct file *file = file_of(regs, kind);
	struct inode *inode;
	__u64 unreported = 0;

	if (km_is_self(bpf_get_current_pid_tgid() >> 32) || !failure_due(error, &unreported))
		return;
	record = km_control_record(struct km_write_failed_record, KM_RECORD_WRITE_FAILED);
	if (!record)
		return;
	km_fill_task(&record->task, (struct task_struct *)bpf_get_current_task_btf());
	record->task.service = km_service_of(record->task.tgid, record->task.cgroup_id);
	record->error = error;
	record->syscall = km_syscall_number(regs);
	record->repeated = unreported;
	if (file) {
		inode = BPF_CORE_READ(file, f_inode);
		record->file.inode = BPF_CORE_READ(inode, i_ino);
		record->file.device = BPF_CORE_READ(inode, i_sb, s_dev);
		record->file.generation = BPF_CORE_READ(inode, i_generation);
		BPF_CORE_READ_STR_INTO(&record->filesystem, inode, i_sb, s_id);
		bpf_probe_read_kernel_str(record->name, sizeof(record->name),
					  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	}
	km_submit_control(&record->header, true);
}

/* Where the write that just returned began. Another writer may have moved a shared position since: a hint, as every
 * record is. */
static __always_inline __u64 offset_of(struct file *file, struct pt_regs *regs, enum kind kind, __u64 written)
{
	if ((kind == WRITE_AT_ARGUMENT || kind == VECTOR_AT) && !(BPF_CORE_READ(file, f_flags) & KM_O_APPEND))
		return km_syscall_arg4(regs);
	if (kind == WRITE_AT_ARGUMENT || kind == VECTOR_AT)
		return BPF_CORE_READ(file, f_inode, i_size) - written;
	return BPF_CORE_READ(file, f_pos) - written;
}

static __always_inline void wrote(struct pt_regs *regs, enum kind kind, __u64 written)
{
	struct file *file = file_of(regs, kind);
	struct km_write write = { .length = written };
	struct km_watched watched = {};
	struct km_file_key key = {};
	struct inode *inode;
	__u32 *index;

	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	key.inode = BPF_CORE_READ(inode, i_ino);
	key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	index = bpf_map_lookup_elem(&km_watch, &key);
	if (!index)
		return;
	watched.index = *index;
	watched.slot = bpf_map_lookup_elem(&km_ledger, &watched.index);
	if (!watched.slot || km_is_self(bpf_get_current_pid_tgid() >> 32))
		return;
	if (km_ext4_covered && BPF_CORE_READ(inode, i_sb, s_magic) == KM_EXT4_MAGIC)
		return;
	write.offset = offset_of(file, regs, kind, written);
	if (kind == WRITE_AT_POSITION || kind == WRITE_AT_ARGUMENT)
		write.buffer = (const void *)km_syscall_arg2(regs);
	else
		km_missed(KM_MISS_PAYLOAD_UNKNOWN);
	km_log_write(&watched, &write);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(km_syscall, struct pt_regs *regs, long result)
{
	enum kind kind = kind_of(km_syscall_number(regs));

	if (kind == OTHER)
		return 0;
	if (result == -KM_ENOSPC || result == -KM_EIO || result == -KM_EROFS || result == -KM_EDQUOT)
		write_failed(regs, kind, -result);
	else if (result > 0 && kind < TRUNCATE)
		wrote(regs, kind, result);
	return 0;
}
