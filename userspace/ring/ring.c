// SPDX-License-Identifier: BSD-2-Clause
#include "ring/ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>

struct km_ring_reader {
	unsigned long *consumer;       /* page 0, ours to write */
	const unsigned long *producer; /* page 1, the kernel's */
	const char *data;	       /* mapped twice in a row, so that no record wraps */
	size_t size, page;
	unsigned long at; /* where the next record is read */
};

KM_DEFINE_CLEANUP(struct km_ring_reader *, km_ring_free)

int km_ring_new(struct km_ring_reader **ret, int fd, size_t size)
{
	km_cleanup(km_ring_freep) struct km_ring_reader *ring = calloc(1, sizeof(*ring));
	void *map;

	if (!ring)
		return -ENOMEM;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->size = size;
	map = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ring->consumer = map;
	map = mmap(NULL, ring->page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)ring->page);
	if (map == MAP_FAILED)
		return -errno;
	ring->producer = map;
	ring->data = (const char *)map + ring->page;
	ring->at = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	*ret = KM_TAKE_PTR(ring);
	return 0;
}

struct km_ring_reader *km_ring_free(struct km_ring_reader *ring)
{
	if (!ring)
		return NULL;
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)ring->producer, ring->page + 2 * ring->size);
	free(ring);
	return NULL;
}

const void *km_ring_next(struct km_ring_reader *ring, size_t *len, uint64_t *position)
{
	for (;;) {
		unsigned long end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
		const char *record = ring->data + (ring->at & (ring->size - 1));
		uint32_t header;

		if (ring->at >= end)
			return NULL;
		header = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		if (header & BPF_RINGBUF_BUSY_BIT) /* reserved, not submitted yet */
			return NULL;
		*len = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		*position = ring->at;
		ring->at += (*len + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
		if (!(header & BPF_RINGBUF_DISCARD_BIT))
			return record + BPF_RINGBUF_HDR_SZ;
	}
}

void km_ring_release(struct km_ring_reader *ring)
{
	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
}

size_t km_ring_held(const struct km_ring_reader *ring)
{
	return ring->at - *ring->consumer;
}

size_t km_ring_pending(const struct km_ring_reader *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
}
