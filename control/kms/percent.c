/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/percent.h"

#include <errno.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

ssize_t percent_decode(const char *text, size_t n, char *out, size_t cap)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%') {
			int high = n - i > 2 ? digit(text[i + 1]) : -1;
			int low = n - i > 2 ? digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (len == cap)
			return -E2BIG;
		out[len++] = c;
	}
	out[len] = '\0';
	return (ssize_t)len;
}
