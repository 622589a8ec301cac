/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/grant_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(grant_batch)

struct kms_record *grant_batch_row(struct grant_batch *b, struct grant_name name)
{
	if (b->count == b->cap) {
		size_t cap = b->cap == 0 ? 64 : b->cap * 2;
		void *record = realloc(b->record, cap * sizeof(*b->record)), *names;

		if (record != NULL)
			b->record = record;
		names = record == NULL ? NULL : realloc(b->name, cap * sizeof(*b->name));
		if (names == NULL) {
			b->failed = true;
			return NULL;
		}
		b->name = names;
		b->cap = cap;
	}
	granted_row_name(name, b->name[b->count]);
	b->record[b->count] = (struct kms_record){.kind = GRANT_KIND};
	return &b->record[b->count++];
}

void grant_batch_put(struct grant_batch *b, const struct granted *g)
{
	struct kms_record *r = grant_batch_row(b, g->parts.name);
	uint8_t *copy = r == NULL ? NULL : malloc(g->row_len);

	if (copy == NULL) {
		b->failed = true;
		return;
	}
	memcpy(copy, g->row, g->row_len);
	r->data = copy;
	r->n = g->row_len;
}

int grant_batch_write(struct grant_batch *b, const struct kms_records *records)
{
	struct err err = {0};
	int rc = b->failed ? -ENOMEM : 0;

	/* Names move while the batch grows. */
	for (size_t i = 0; i < b->count; i++)
		b->record[i].name = b->name[i];
	if (rc == 0 && b->count > 0)
		rc = records->write(records->ctx, b->record, b->count, &err);
	if (rc < 0)
		log_err("grants cannot be recorded: %s", b->failed ? "out of memory" : err.text);
	for (size_t i = 0; i < b->count; i++)
		free((void *)(uintptr_t)b->record[i].data);
	free(b->record);
	free(b->name);
	return rc;
}
