// SPDX-License-Identifier: BSD-2-Clause
#include "base/json.h"

#include <math.h>

void km_json_free(struct km_json *json)
{
	free(json->buf);
	*json = (struct km_json)KM_JSON_INIT;
}

void km_json_reset(struct km_json *json)
{
	json->len = 0;
	json->comma = false;
	json->error = 0;
}

int km_json_error(const struct km_json *json)
{
	return json->error;
}

static bool reserve(struct km_json *json, size_t more)
{
	size_t size = json->size ? json->size : 1024;
	char *buf;

	if (json->error)
		return false;
	if (json->len + more <= json->size)
		return true;
	while (size < json->len + more)
		size *= 2;
	buf = realloc(json->buf, size);
	if (!buf) {
		json->error = -ENOMEM;
		return false;
	}
	json->buf = buf;
	json->size = size;
	return true;
}

static void put(struct km_json *json, const char *text, size_t len)
{
	if (reserve(json, len)) {
		memcpy(json->buf + json->len, text, len);
		json->len += len;
	}
}

/* RFC 3629, table of well-formed sequences: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t km_utf8_sequence(const unsigned char *p, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		need = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		need = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		need = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (len < need || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Room for the worst case (6 bytes out for each byte in) must be reserved. */
static char *escape_one(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	*out++ = '\\';
	switch (c) {
	case '"':
	case '\\':
		*out++ = (char)c;
		return out;
	case '\n':
		*out++ = 'n';
		return out;
	case '\t':
		*out++ = 't';
		return out;
	case '\r':
		*out++ = 'r';
		return out;
	default:
		*out++ = 'u';
		*out++ = '0';
		*out++ = '0';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
		return out;
	}
}

static void put_string(struct km_json *json, const unsigned char *p, size_t len)
{
	char *out;

	if (!reserve(json, len * 6 + 2))
		return;
	out = json->buf + json->len;
	*out++ = '"';
	while (len) {
		size_t n = 1;

		if (plain(*p)) {
			*out++ = (char)*p;
		} else if (*p < 0x80) {
			out = escape_one(out, *p);
		} else if ((n = km_utf8_sequence(p, len))) {
			memcpy(out, p, n);
			out += n;
		} else {
			n = 1;
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
		}
		p += n;
		len -= n;
	}
	*out++ = '"';
	json->len = (size_t)(out - json->buf);
}

static void begin_value(struct km_json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	json->comma = true;
	if (key) {
		put_string(json, (const unsigned char *)key, strlen(key));
		put(json, ":", 1);
	}
}

static void open_level(struct km_json *json, const char *key, const char *bracket)
{
	begin_value(json, key);
	put(json, bracket, 1);
	json->comma = false;
}

static void close_level(struct km_json *json, const char *bracket)
{
	put(json, bracket, 1);
	json->comma = true;
}

void km_json_begin(struct km_json *json, const char *key)
{
	open_level(json, key, "{");
}

void km_json_end(struct km_json *json)
{
	close_level(json, "}");
}

void km_json_begin_array(struct km_json *json, const char *key)
{
	open_level(json, key, "[");
}

void km_json_end_array(struct km_json *json)
{
	close_level(json, "]");
}

void km_json_text(struct km_json *json, const char *key, const char *text)
{
	if (text)
		km_json_bytes(json, key, text, strlen(text));
}

void km_json_bytes(struct km_json *json, const char *key, const void *bytes, size_t len)
{
	begin_value(json, key);
	put_string(json, bytes, len);
}

static void put_number(struct km_json *json, const char *key, const char *text)
{
	begin_value(json, key);
	put(json, text, strlen(text));
}

void km_json_uint(struct km_json *json, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_number(json, key, text);
}

void km_json_int(struct km_json *json, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	put_number(json, key, text);
}

void km_json_double(struct km_json *json, const char *key, double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.9g", value);
	put_number(json, key, isfinite(value) ? text : "null");
}

void km_json_bool(struct km_json *json, const char *key, bool value)
{
	put_number(json, key, value ? "true" : "false");
}

void km_json_time(struct km_json *json, const char *key, uint64_t real_ns)
{
	char text[KM_TIMESTAMP_SIZE];

	km_format_timestamp(text, real_ns);
	km_json_text(json, key, text);
}

void km_json_raw(struct km_json *json, const char *key, const char *text, size_t len)
{
	begin_value(json, key);
	put(json, text, len);
}

void km_json_newline(struct km_json *json)
{
	put(json, "\n", 1);
	json->comma = false;
}
