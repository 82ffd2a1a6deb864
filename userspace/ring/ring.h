/* SPDX-License-Identifier: BSD-2-Clause */
/* ring.h: reads a BPF ring buffer without giving records back before they are safe.
 *
 * libbpf's reader frees each record as its callback returns. kmedic frees them in batches, after what they became has
 * left the process: a daemon killed in between finds them in the pinned ring again. Needs no privilege once mapped.
 * Layout: Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c of the kernel. */
#ifndef KM_RING_H
#define KM_RING_H

#include "base/base.h"

struct km_ring_reader;

/* Maps the ring whose descriptor is fd (not kept). size: its bytes, as it was created. */
int km_ring_new(struct km_ring_reader **ret, int fd, size_t size);
struct km_ring_reader *km_ring_free(struct km_ring_reader *ring);

/* The next submitted record that was not read yet; NULL when there is none. Points into the ring: valid until
 * km_ring_release(). *position is the record's place in the stream of the ring, unique for its life. */
const void *km_ring_next(struct km_ring_reader *ring, size_t *len, uint64_t *position);

/* Gives everything read so far back to the kernel. */
void km_ring_release(struct km_ring_reader *ring);

/* Bytes read and not yet released. */
size_t km_ring_held(const struct km_ring_reader *ring);

/* Bytes that wait in the ring, the held ones included. */
size_t km_ring_pending(const struct km_ring_reader *ring);

#endif
