/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows that others keep in the KMS' database: SAEs, usage, grants. No key bytes. */

#ifndef CONTROL_KMS_RECORD_H
#define CONTROL_KMS_RECORD_H

#include <stddef.h>

#include "common/err.h"

/* One row, by KIND and NAME; DATA NULL: it goes. */
struct kms_record {
	const char *kind, *name;
	const void *data;
	size_t n;
};

/* Where rows lie: the store's, or a test's. Store thread alone, but for reading at start. */
struct kms_records {
	/* All of them in one transaction, durable on return; -errno: none of them. */
	int (*write)(void *ctx, const struct kms_record *record, size_t count, struct err *err);
	/* Calls EACH for every row of KIND until it returns non-zero, which is returned. */
	int (*read)(void *ctx, const char *kind, int (*each)(void *arg, const struct kms_record *r),
	            void *arg, struct err *err);
	void *ctx;
};

#endif
