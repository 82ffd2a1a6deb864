/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* schema.h: the contract between the BPF side and userspace. Both include this file and nothing else of
 * each other's.
 *
 * Change the layout of anything here and KM_SCHEMA must go up: it is part of the pin path, so a daemon of another
 * schema never reads these maps. All padding is explicit and zeroed; every time is in nanoseconds of CLOCK_BOOTTIME. */
#ifndef KM_SCHEMA_H
#define KM_SCHEMA_H

#include <linux/types.h>

#define KM_SCHEMA 1

#define KM_COMM_SIZE 16
#define KM_NAME_SIZE 64
#define KM_PATH_SIZE 256
#define KM_SELF_MAX 4 /* kmedic's own processes, whose writes are never observed */

enum km_record_type {
	KM_RECORD_EXEC = 1,
	KM_RECORD_FORK,
	KM_RECORD_EXIT,
	KM_RECORD_OOM_KILL,
	KM_RECORD_HUNG,
	KM_RECORD_LOG_WRITE,
	KM_RECORD_FILE,
	KM_RECORD_IO_SLOW,
	KM_RECORD_IO_ERROR,
	KM_RECORD_WRITE_FAILED,
	KM_RECORD_WRITEBACK_LOST,
	KM_RECORD_FS_ERROR,
	KM_RECORD_TYPES, /* one more than the last */
};

enum km_ring {
	KM_RING_CONTROL,
	KM_RING_LOG,
	KM_RINGS,
};

/* First field of every record. length is that of the whole record, so that a reader can check it against
 * the ring's own length without knowing the type. */
struct km_header {
	__u64 time_ns;
	__u32 length;
	__u16 type;
	__u16 reserved;
};

/* Who did it. tgid alone is reused; tgid with start_ns is not. */
struct km_task {
	__u64 start_ns;
	__u64 cgroup_id; /* inode number of the directory in the v2 tree */
	__u32 tgid;
	__u32 tid;
	__u32 parent_tgid;
	__u32 uid;
	__u32 service; /* index + 1 into the configured services, 0 when it belongs to none */
	__u32 reserved;
	char comm[KM_COMM_SIZE];
};

/* A file as the kernel names it: device in the kernel's encoding (major << 20 | minor). */
struct km_file_key {
	__u64 inode;
	__u32 device;
	__u32 generation; /* 0 in map keys: the pair names a file; the generation tells a reused inode */
};

struct km_exec_record {
	struct km_header header;
	struct km_task task;
	char path[KM_PATH_SIZE];
};

struct km_fork_record {
	struct km_header header;
	struct km_task task; /* the parent */
	__u64 child_start_ns;
	__u32 child_tgid;
	__u32 reserved;
};

#define KM_EXIT_OOM 1u	      /* the process was chosen by the OOM killer */
#define KM_EXIT_SENDER 2u     /* sender says who sent the fatal signal */
#define KM_EXIT_FROM_KERNEL 4u /* the kernel itself raised the signal (a fault, the OOM killer) */

struct km_exit_record {
	struct km_header header;
	struct km_task task;
	__u32 status; /* raw, as wait(2) gives it: signal in the low 7 bits, 0x80 for a core dump, code << 8 */
	__u32 flags;
	__s32 signal_code; /* si_code of the fatal signal */
	__u32 reserved;
	struct km_task sender;
};

struct km_oom_record {
	struct km_header header;
	struct km_task trigger; /* the process whose allocation started it */
	struct km_task victim;
};

struct km_hung_record {
	struct km_header header;
	struct km_task task;
};

/* Payload size classes: the ring's reservation needs a constant size. */
#define KM_PAYLOAD_SMALL 128
#define KM_PAYLOAD_MEDIUM 512
#define KM_PAYLOAD_LARGE 4096

/* length bytes were accepted at offset; payload_length of them, from the start, follow in payload. */
struct km_log_record {
	struct km_header header;
	struct km_task task;
	struct km_file_key file;
	__u64 offset;
	__u64 length;
	__u64 accepted; /* bytes the file ever accepted while watched, this write included */
	__u32 slot;
	__u32 slot_generation;
	__u32 epoch; /* truncations of the file before this write */
	__u32 payload_length;
	__u8 payload[];
};

enum km_file_change {
	KM_FILE_CREATED = 1, /* enrolled in the kernel as it was created */
	KM_FILE_TRUNCATED,
	KM_FILE_UNLINKED,
};

struct km_file_record {
	struct km_header header;
	struct km_task task;
	struct km_file_key file;
	struct km_file_key directory; /* where it was created, else zero */
	__u64 size;		      /* new size of a truncated file */
	__u64 accepted;		      /* as in km_log_record */
	__u32 slot;
	__u32 slot_generation;
	__u32 change; /* enum km_file_change */
	__u32 epoch;  /* truncations of the file, this one included */
};

enum km_io_operation {
	KM_IO_READ,
	KM_IO_WRITE,
	KM_IO_FLUSH,
	KM_IO_DISCARD,
	KM_IO_OTHER,
	KM_IO_OPERATIONS,
};

struct km_io_record {
	struct km_header header;
	__u64 sector; /* of 512 bytes */
	__u64 latency_ns;
	__u32 bytes;
	__u32 device;
	__u32 operation; /* enum km_io_operation */
	__s32 error;	 /* block-layer status or errno as this kernel gives it; 0 for a slow request */
	char disk[32];
};

struct km_write_failed_record {
	struct km_header header;
	struct km_task task;
	struct km_file_key file; /* zero when the system call has no file */
	__s32 error;		 /* errno, positive */
	__s32 syscall;
	__u64 repeated; /* failures of this process with this errno that were not reported since the last one */
	char name[KM_NAME_SIZE];
	char filesystem[32]; /* s_id: the kernel's name of the mounted device */
};

struct km_writeback_record {
	struct km_header header;
	struct km_file_key file;
	__u32 error_sequence; /* errseq_t: the low 12 bits are the errno */
	__u32 reserved;
	char filesystem[32];
};

struct km_fs_error_record {
	struct km_header header;
	struct km_task task;
	__u32 device;
	__u32 line;
	char filesystem[32];
	char function[KM_NAME_SIZE];
};

/* One slot for each watched file: the kernel's own account, which stays right when the ring is full. */
struct km_ledger_slot {
	struct km_file_key file;
	__u32 generation; /* goes up whenever the slot is given to another file */
	__u32 in_use;
	__u64 records;
	__u64 bytes;	     /* accepted by the file, as far as hooks see it */
	__u64 dropped;	     /* records for which the ring had no room */
	__u64 dropped_bytes; /* their bytes: to be read from the file */
	__u64 end_offset;    /* where the last write ended */
	__u32 epoch;	     /* truncations: lets a reader that lost records see that the file began again */
	__u32 reserved;
};

/* Userspace's account of the same slot, pinned with the maps: a daemon that was killed goes on where it had committed. The
 * BPF side never touches it. */
struct km_cursor {
	__u64 offset;	 /* everything before it was delivered or declared a gap */
	__u64 accepted;	 /* the last km_log_record.accepted that is accounted for */
	__u64 delivered; /* bytes */
	__u64 gaps;	 /* bytes */
	__u32 epoch;
	__u32 generation; /* of the slot; another one means that this element is stale */
};

#define KM_DISKS_MAX 64
#define KM_LATENCY_BUCKETS 32 /* bucket i counts latencies below 2^(i+10) ns: 1 us to 36 min */

struct km_disk_slot {
	__u32 device;
	__u32 operation;
	__u64 issued;
	__u64 completed;
	__u64 errors;
	__u64 bytes;
	__u64 sum_ns;
	__u64 max_ns;
	__u64 buckets[KM_LATENCY_BUCKETS];
	char disk[32];
};

struct km_inflight {
	__u64 issued_ns;
	__u64 sector;
	__u32 bytes;
	__u32 slot; /* index of its km_disk_slot */
};

/* Why something was not seen. One counter for each, so that no failure is silent. */
enum km_miss {
	KM_MISS_CONTROL_FULL,
	KM_MISS_LOG_FULL,
	KM_MISS_LEDGER_FULL,	/* a new file found no free slot */
	KM_MISS_WATCH_UPDATE,	/* the watch map refused a new file */
	KM_MISS_PAYLOAD_READ,	/* the writer's buffer could not be read: bytes come from the file */
	KM_MISS_PAYLOAD_UNKNOWN, /* no path from this write to its buffer: bytes come from the file */
	KM_MISS_INFLIGHT_FULL,	/* block request not timed */
	KM_MISS_DISK_FULL,	/* more than KM_DISKS_MAX disks */
	KM_MISS_UNISSUED,	/* completion of a request issued before kmedic looked */
	KM_MISS_PROCESS_FULL,	/* a service's process could not be remembered */
	KM_MISS_PATH_READ,
	KM_MISSES,
};

struct km_counters {
	__u64 produced[KM_RINGS];	/* records submitted */
	__u64 produced_bytes[KM_RINGS];
	__u64 miss[KM_MISSES];
	__u64 last_wake_ns[KM_RINGS];
	__u64 records[KM_RECORD_TYPES];
};

/* Knobs that may change while programs stay attached. Those fixed at load are rodata (maps.bpf.c). */
struct km_settings {
	__u64 slow_ns;		/* a block request slower than this is a record */
	__u64 batch_ns;		/* quiet time after which a log record wakes the reader at once */
	__u32 all_processes;	/* 1: exec and exit of every process, 0: of services, and deaths by signal of any */
	__u32 payload_max;	/* bytes of a write that travel in its record */
	__u32 self[KM_SELF_MAX]; /* tgids of kmedic itself */
};

/* Pinned beside the maps: who made them. */
struct km_meta {
	__u32 schema;
	__u32 mounted_bpffs; /* kmedicd mounted the file system itself, and removes it at a normal stop */
	char build[32];	     /* which BPF object */
};

#define KM_SIZE_IS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed: raise KM_SCHEMA")
KM_SIZE_IS(struct km_header, 16);
KM_SIZE_IS(struct km_task, 56);
KM_SIZE_IS(struct km_file_key, 16);
KM_SIZE_IS(struct km_exec_record, 328);
KM_SIZE_IS(struct km_fork_record, 88);
KM_SIZE_IS(struct km_exit_record, 144);
KM_SIZE_IS(struct km_oom_record, 128);
KM_SIZE_IS(struct km_hung_record, 72);
KM_SIZE_IS(struct km_log_record, 128);
KM_SIZE_IS(struct km_file_record, 136);
KM_SIZE_IS(struct km_io_record, 80);
KM_SIZE_IS(struct km_write_failed_record, 200);
KM_SIZE_IS(struct km_writeback_record, 72);
KM_SIZE_IS(struct km_fs_error_record, 176);
KM_SIZE_IS(struct km_ledger_slot, 72);
KM_SIZE_IS(struct km_cursor, 40);
KM_SIZE_IS(struct km_disk_slot, 344);

#endif
