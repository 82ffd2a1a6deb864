/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h: messages of kmedic itself, on stderr (which systemd hands to the journal).
 *
 * Only the edge that owns an effect logs, once, with what was tried, on what, and why it failed.
 * Pure stages (decode, health, policy) never include this header. Text that came from outside is escaped
 * before it is written, so a hostile file name cannot move a terminal's cursor. */
#ifndef KM_LOG_H
#define KM_LOG_H

#include "base/base.h"

enum km_log_level {
	KM_LOG_ERROR,
	KM_LOG_WARNING,
	KM_LOG_INFO,
	KM_LOG_DEBUG,
};

/* Messages above this level are not written. The default is KM_LOG_INFO. */
void km_log_set_level(enum km_log_level level);

void km_log(enum km_log_level level, const char *format, ...) km_printf(2, 3);

#define km_error(...) km_log(KM_LOG_ERROR, __VA_ARGS__)
#define km_warning(...) km_log(KM_LOG_WARNING, __VA_ARGS__)
#define km_info(...) km_log(KM_LOG_INFO, __VA_ARGS__)
#define km_debug(...) km_log(KM_LOG_DEBUG, __VA_ARGS__)

#endif
