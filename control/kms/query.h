/* SPDX-License-Identifier: BSD-3-Clause */

/* Parameters of a query: NAME=VALUE&NAME=VALUE, percent-encoded. */

#ifndef CONTROL_KMS_QUERY_H
#define CONTROL_KMS_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "control/kms/fault.h"

#define KMS_QUERY_TEXT 255

struct query {
	const char *p; /* what is left */
	size_t left;
	char name[KMS_QUERY_TEXT + 1], value[KMS_QUERY_TEXT + 1];
};

/* The next parameter into NAME and VALUE: 1, 0 behind the last, or -400 with F set. */
int query_next(struct query *q, struct http_fault *f);

/*
 * The decimal number VALUE of parameter NAME, which must be from MIN to MAX, both above 0, into
 * *OUT; -400 with F set when it is none or outside, however large.
 */
int query_number(const char *name, const char *value, uint32_t min, uint32_t max, uint32_t *out,
                 struct http_fault *f);

#endif
