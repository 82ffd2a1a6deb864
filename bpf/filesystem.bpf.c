// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* filesystem.bpf.c: data that the kernel could not write back, and file systems that report damage. A buffered write to a
 * dead disk succeeds: this is where its loss shows. */
#include "emit.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/filemap_set_wb_err")
int BPF_PROG(km_writeback, struct address_space *mapping, __u32 error_sequence)
{
	struct km_writeback_record *record = km_control_record(struct km_writeback_record, KM_RECORD_WRITEBACK_LOST);
	struct inode *inode;

	if (!record)
		return 0;
	inode = BPF_CORE_READ(mapping, host);
	record->file.inode = BPF_CORE_READ(inode, i_ino);
	record->file.device = BPF_CORE_READ(inode, i_sb, s_dev);
	record->file.generation = BPF_CORE_READ(inode, i_generation);
	record->error_sequence = error_sequence;
	BPF_CORE_READ_STR_INTO(&record->filesystem, inode, i_sb, s_id);
	km_submit_control(&record->header, true);
	return 0;
}

SEC("tp_btf/ext4_error")
int BPF_PROG(km_ext4_error, struct super_block *sb, const char *function, unsigned int line)
{
	struct km_fs_error_record *record = km_control_record(struct km_fs_error_record, KM_RECORD_FS_ERROR);

	if (!record)
		return 0;
	km_fill_task(&record->task, (struct task_struct *)bpf_get_current_task_btf());
	record->device = sb->s_dev;
	record->line = line;
	BPF_CORE_READ_STR_INTO(&record->filesystem, sb, s_id);
	bpf_probe_read_kernel_str(record->function, sizeof(record->function), function);
	km_submit_control(&record->header, true);
	return 0;
}
