/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* compat.bpf.h: one shim for each difference between kernels. CO-RE is asked whether a field exists; the kernel's
 * version is never tested. */
#ifndef KM_COMPAT_BPF_H
#define KM_COMPAT_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* 5.15 moved the disk from the request to its queue (f3fa33acca9f, "block: remove the ->rq_disk field"). */
static __always_inline struct gendisk *km_request_disk(struct request *rq)
{
	struct request___rq_disk *old = (void *)rq;

	if (bpf_core_field_exists(old->rq_disk))
		return BPF_CORE_READ(old, rq_disk);
	return BPF_CORE_READ(rq, q, disk);
}

#if defined(__TARGET_ARCH_x86)
#define km_syscall_number(regs) ((regs)->orig_ax)
#define km_syscall_arg1(regs) ((regs)->di)
#define km_syscall_arg2(regs) ((regs)->si)
#define km_syscall_arg3(regs) ((regs)->dx)
#define km_syscall_arg4(regs) ((regs)->r10)
#elif defined(__TARGET_ARCH_arm64)
#define km_syscall_number(regs) ((regs)->syscallno)
#define km_syscall_arg1(regs) ((regs)->regs[0]) /* overwritten by the result on exit */
#define km_syscall_arg2(regs) ((regs)->regs[1])
#define km_syscall_arg3(regs) ((regs)->regs[2])
#define km_syscall_arg4(regs) ((regs)->regs[3])
#endif

#endif
