// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <stdarg.h>

static enum km_log_level max_level = KM_LOG_INFO;

void km_log_set_level(enum km_log_level level)
{
	max_level = level;
}

void km_log(enum km_log_level level, const char *format, ...)
{
	/* The prefixes are those of sd-daemon(3): journald strips them and sets the priority. */
	static const char *const journal_prefix[] = { "<3>", "<4>", "<6>", "<7>" };
	static const char *const words[] = { "error", "warning", "info", "debug" };
	char text[2048], line[sizeof(text) * 4 + 64];
	size_t n = 0;
	va_list args;

	if (level > max_level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (getenv("JOURNAL_STREAM"))
		n = (size_t)snprintf(line, sizeof(line), "%skmedicd: ", journal_prefix[level]);
	else
		n = (size_t)snprintf(line, sizeof(line), "kmedicd: %s: ", words[level]);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "\\x%02x", *p);
		else
			line[n++] = (char)*p;
	}
	line[n++] = '\n';
	(void)km_write_all(STDERR_FILENO, line, n);
}
