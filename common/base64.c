/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/base64.h"

/* All ones when LO <= C <= HI, in time that does not depend on C. */
static int in_range(int c, int lo, int hi)
{
	return ~((c - lo) >> 31) & ~((hi - c) >> 31);
}

static char digit(unsigned int v)
{
	int x = (int)v;

	return (char)((in_range(x, 0, 25) & (x + 'A')) | (in_range(x, 26, 51) & (x - 26 + 'a')) |
	              (in_range(x, 52, 61) & (x - 52 + '0')) | (in_range(x, 62, 62) & '+') |
	              (in_range(x, 63, 63) & '/'));
}

/* -1 for a character that is no digit. */
static int value(int c)
{
	return -1 + ((in_range(c, 'A', 'Z') & (c - 'A' + 1)) |
	             (in_range(c, 'a', 'z') & (c - 'a' + 27)) |
	             (in_range(c, '0', '9') & (c - '0' + 53)) | (in_range(c, '+', '+') & 63) |
	             (in_range(c, '/', '/') & 64));
}

void base64_encode(const uint8_t *data, size_t n, char *out)
{
	while (n > 0) {
		unsigned int v = (unsigned int)data[0] << 16;

		v |= n > 1 ? (unsigned int)data[1] << 8 : 0;
		v |= n > 2 ? data[2] : 0;
		*out++ = digit(v >> 18);
		*out++ = digit(v >> 12 & 63);
		*out++ = n > 1 ? digit(v >> 6 & 63) : '=';
		*out++ = n > 2 ? digit(v & 63) : '=';
		data += 3;
		n = n > 3 ? n - 3 : 0;
	}
	*out = '\0';
}

ssize_t base64_decode(const char *text, size_t len, uint8_t *out)
{
	uint8_t *start = out;
	size_t pad = 0;
	int bad = 0;

	if (len % 4 != 0)
		return -1;
	if (len > 0 && text[len - 1] == '=')
		pad = text[len - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < len; i += 4) {
		size_t digits = i + 4 == len ? 4 - pad : 4;
		unsigned int v = 0;

		for (size_t j = 0; j < 4; j++) {
			int d = j < digits ? value((unsigned char)text[i + j]) : 0;

			bad |= d;
			v = v << 6 | ((unsigned int)d & 63);
		}
		/* Bits past the last byte must be zero: one text for one value. */
		if ((digits == 3 && (v & 0xff) != 0) || (digits == 2 && (v & 0xffff) != 0))
			bad |= -1;
		*out++ = (uint8_t)(v >> 16);
		if (digits > 2)
			*out++ = (uint8_t)(v >> 8);
		if (digits > 3)
			*out++ = (uint8_t)v;
	}
	return bad < 0 ? -1 : out - start;
}
