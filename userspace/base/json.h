/* SPDX-License-Identifier: BSD-2-Clause */
/* json.h: a streaming JSON writer for the event stream.
 *
 * Output is always valid UTF-8 JSON on one line, whatever bytes go in: control characters are escaped and
 * every byte that is not part of well-formed UTF-8 (RFC 3629) becomes U+FFFD. Nothing is allocated per value; the
 * buffer grows as needed and an allocation failure sticks and is reported by km_json_error(). */
#ifndef KM_JSON_H
#define KM_JSON_H

#include "base/base.h"

struct km_json {
	char *buf;   /* owned */
	size_t len;  /* bytes written, without a terminating NUL */
	size_t size;
	bool comma;  /* a value was written at this level */
	int error;   /* 0 or -ENOMEM */
};

#define KM_JSON_INIT { 0 }

void km_json_free(struct km_json *json);
/* Forgets the text and keeps the memory. */
void km_json_reset(struct km_json *json);
/* 0, or the negative errno of the first failure since the last reset. */
int km_json_error(const struct km_json *json);

void km_json_begin(struct km_json *json, const char *key); /* key NULL: an array element or the top level */
void km_json_end(struct km_json *json);
void km_json_begin_array(struct km_json *json, const char *key);
void km_json_end_array(struct km_json *json);

void km_json_text(struct km_json *json, const char *key, const char *text); /* NULL text: the key is left out */
void km_json_bytes(struct km_json *json, const char *key, const void *bytes, size_t len);
void km_json_uint(struct km_json *json, const char *key, uint64_t value);
void km_json_int(struct km_json *json, const char *key, int64_t value);
void km_json_double(struct km_json *json, const char *key, double value); /* not finite: null */
void km_json_bool(struct km_json *json, const char *key, bool value);
/* Nanoseconds since the epoch as an RFC 3339 string. */
void km_json_time(struct km_json *json, const char *key, uint64_t real_ns);
/* Bytes that are JSON already. */
void km_json_raw(struct km_json *json, const char *key, const char *text, size_t len);
void km_json_newline(struct km_json *json);

/* The length of the well-formed UTF-8 sequence at p (1 to 4), or 0 when there is none. len > 0. */
size_t km_utf8_sequence(const unsigned char *p, size_t len);

#endif
