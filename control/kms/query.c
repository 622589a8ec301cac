/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/query.h"

#include <errno.h>
#include <string.h>

#include "control/kms/percent.h"

static int part(const char *text, size_t n, char *out, struct http_fault *f)
{
	ssize_t len = percent_decode(text, n, out, KMS_QUERY_TEXT);

	if (len == -EINVAL)
		return http_fault_field(f, 400, "query", "has a %% without two hexadecimal digits");
	if (len < 0)
		return http_fault_field(f, 400, "query",
		                        "a name or a value is longer than 255 bytes");
	return strlen(out) == (size_t)len ? 0 : http_fault_field(f, 400, "query", "has a null");
}

int query_next(struct query *q, struct http_fault *f)
{
	while (q->left > 0) {
		const char *start = q->p, *amp = memchr(start, '&', q->left);
		size_t n = amp != NULL ? (size_t)(amp - start) : q->left;
		const char *equals = memchr(start, '=', n);
		size_t name = equals != NULL ? (size_t)(equals - start) : n;

		q->p += amp != NULL ? n + 1 : n;
		q->left -= amp != NULL ? n + 1 : n;
		if (n == 0)
			continue;
		q->value[0] = '\0';
		if (part(start, name, q->name, f) < 0 ||
		    (equals != NULL && part(equals + 1, n - name - 1, q->value, f) < 0))
			return -400;
		return 1;
	}
	return 0;
}

int query_number(const char *name, const char *value, uint32_t min, uint32_t max, uint32_t *out,
                 struct http_fault *f)
{
	const char *digits = value + (value[0] == '-');
	uint64_t v = 0;

	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return http_fault_field(f, 400, name, "is not an integer");
	for (const char *p = digits; *p != '\0' && v <= max; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (value[0] == '-' || v < min || v > max)
		return http_fault_field(f, 400, name, "is not from %u to %u", min, max);
	*out = (uint32_t)v;
	return 0;
}
