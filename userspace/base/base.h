/* SPDX-License-Identifier: BSD-2-Clause */
/* base.h: what every stage uses: cleanup attributes, ownership transfer, clocks, small text helpers.
 *
 * Error convention of the whole tree: a function returns 0 or a positive value on success and a
 * negative errno when the call itself failed. Out-parameters are left alone on failure. */
#ifndef KM_BASE_H
#define KM_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KM_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KM_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KM_MAX(a, b) ((a) > (b) ? (a) : (b))

#define KM_NSEC_PER_SEC 1000000000ULL
#define KM_NSEC_PER_MSEC 1000000ULL
#define KM_USEC_PER_SEC 1000000ULL

#define km_printf(f, a) __attribute__((format(printf, f, a)))
#define km_cleanup(fn) __attribute__((cleanup(fn)))

/* Defines fn##p() for use with km_cleanup on a variable of TYPE; fn takes NULL. */
#define KM_DEFINE_CLEANUP(type, fn)                                                                                    \
	static inline __attribute__((unused)) void fn##p(type *p)                                                      \
	{                                                                                                              \
		if (*p)                                                                                                \
			fn(*p);                                                                                        \
	}

static inline void km_freep(void *p)
{
	free(*(void **)p);
}

static inline int km_close(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

static inline void km_closep(int *fd)
{
	*fd = km_close(*fd);
}

#define km_auto_free km_cleanup(km_freep)
#define km_auto_close km_cleanup(km_closep)

KM_DEFINE_CLEANUP(FILE *, fclose)
#define km_auto_fclose km_cleanup(fclosep)

/* Hands a pointer or descriptor on to a new owner and disarms its cleanup. */
#define KM_TAKE_PTR(p)                                                                                                 \
	({                                                                                                             \
		__typeof__(p) taken_ = (p);                                                                            \
		(p) = NULL;                                                                                            \
		taken_;                                                                                                \
	})
#define KM_TAKE_FD(fd)                                                                                                 \
	({                                                                                                             \
		int taken_ = (fd);                                                                                     \
		(fd) = -1;                                                                                             \
		taken_;                                                                                                \
	})

/* Nanoseconds of CLOCK_BOOTTIME: the clock of every kernel record. */
uint64_t km_now_boot_ns(void);

/* Nanoseconds since the epoch; the difference to boot time moves when someone sets the clock. */
uint64_t km_now_real_ns(void);

/* The wall-clock time of a boot-time stamp, by the clock as it is set now. */
uint64_t km_boot_to_real_ns(uint64_t boot_ns);

/* Writes "2026-11-24T09:10:11.123456789Z" (30 characters and NUL) for nanoseconds since the epoch. */
#define KM_TIMESTAMP_SIZE 31
void km_format_timestamp(char out[KM_TIMESTAMP_SIZE], uint64_t real_ns);

/* Reads at most size - 1 bytes of a small file such as those of /proc, NUL-terminates them and drops one
 * trailing newline. Returns the length, or a negative errno. */
int km_read_small_file(const char *path, char *buf, size_t size);

/* Writes all of buf, going on after short writes and EINTR. Returns 0 or a negative errno. */
int km_write_all(int fd, const void *buf, size_t len);

/* strdup that reports failure as NULL for a NULL argument too. */
char *km_strdup(const char *text);

#endif
