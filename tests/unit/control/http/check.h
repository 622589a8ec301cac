/* SPDX-License-Identifier: BSD-3-Clause */

/* What tests of requests ask again and again. */

#ifndef TESTS_UNIT_CONTROL_HTTP_CHECK_H
#define TESTS_UNIT_CONTROL_HTTP_CHECK_H

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/http/fault.h"
#include "tests/unit/unit.h"

/* The Error object of F has a message, and details as F says: ones of a name and a text. */
static inline void check_fault_body(const struct http_fault *f)
{
	char *text = http_fault_body(f);
	json_t *body, *details, *d;
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	CU_ASSERT(json_string_length(json_object_get(body, "message")) > 0);
	details = json_object_get(body, "details");
	CU_ASSERT_EQUAL(json_array_size(details), f->count);
	json_array_foreach (details, i, d) {
		CU_ASSERT_EQUAL(json_object_size(d), 1);
		CU_ASSERT(json_is_string(json_object_get(d, f->detail[i].name)));
	}
	json_decref(body);
	free(text);
}

/* RC is the refusal of F, with STATUS, and its message begins with MESSAGE. */
static inline void check_fault(int rc, const struct http_fault *f, int status, const char *message)
{
	CU_ASSERT_EQUAL(rc, -status);
	CU_ASSERT_EQUAL(f->status, status);
	CU_ASSERT_NSTRING_EQUAL(f->message, message, strlen(message));
	if (rc != -status || strncmp(f->message, message, strlen(message)) != 0)
		printf("\n  wanted %d %s\n  got %d %s\n", status, message, -rc, f->message);
	check_fault_body(f);
}

#endif
