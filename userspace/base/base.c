// SPDX-License-Identifier: BSD-2-Clause
#include "base/base.h"

#include <fcntl.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * KM_NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t km_now_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t km_now_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t km_boot_to_real_ns(uint64_t boot_ns)
{
	return km_now_real_ns() - km_now_boot_ns() + boot_ns;
}

void km_format_timestamp(char out[KM_TIMESTAMP_SIZE], uint64_t real_ns)
{
	time_t seconds = (time_t)(real_ns / KM_NSEC_PER_SEC);
	struct tm tm;
	char text[64];

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned int)(real_ns % KM_NSEC_PER_SEC));
	memcpy(out, text, KM_TIMESTAMP_SIZE - 1);
	out[KM_TIMESTAMP_SIZE - 1] = '\0';
}

int km_read_small_file(const char *path, char *buf, size_t size)
{
	km_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -errno;
	while (have < size - 1) {
		ssize_t n = read(fd, buf + have, size - 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have && buf[have - 1] == '\n')
		have--;
	buf[have] = '\0';
	return (int)have;
}

int km_write_all(int fd, const void *buf, size_t len)
{
	const char *at = buf;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

char *km_strdup(const char *text)
{
	return text ? strdup(text) : NULL;
}
