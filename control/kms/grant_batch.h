/* SPDX-License-Identifier: BSD-3-Clause */

/* The rows of grants that one turn writes, by value: requests go on marking meanwhile. */

#ifndef CONTROL_KMS_GRANT_BATCH_H
#define CONTROL_KMS_GRANT_BATCH_H

#include "control/kms/grant_table.h"
#include "control/kms/record.h"

#define GRANT_KIND "grant"

struct grant_batch {
	struct kms_record *record;
	char (*name)[GRANT_ROW_NAME];
	size_t count, cap;
	bool failed; /* for want of memory */
};

/* Room for one more row, which goes unless it gets data; NULL: no memory, and the batch fails. */
struct kms_record *grant_batch_row(struct grant_batch *b, struct grant_name name);
/* The row of G as it is now. */
void grant_batch_put(struct grant_batch *b, const struct granted *g);
/* All of it, in one transaction, and the batch is gone. 0 or -errno, which is in the log. */
int grant_batch_write(struct grant_batch *b, const struct kms_records *records);

#endif
