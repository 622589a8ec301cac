/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows in memory, and a disk that fails when it is told to. */

#ifndef TESTS_UNIT_CONTROL_KMS_RECORDS_H
#define TESTS_UNIT_CONTROL_KMS_RECORDS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/record.h"

#define ROWS_MAX 4096

struct rows {
	struct row {
		char *kind, *name, *data;
		size_t n;
	} row[ROWS_MAX];
	size_t count;
	unsigned int writes;
	int fail; /* negative errno of each write */
};

static inline struct row *rows_find(struct rows *t, const char *kind, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->row[i].kind, kind) == 0 && strcmp(t->row[i].name, name) == 0)
			return &t->row[i];
	return NULL;
}

static inline void row_free(struct row *r)
{
	free(r->kind);
	free(r->name);
	free(r->data);
}

static inline int rows_write(void *ctx, const struct kms_record *record, size_t count,
                             struct err *err)
{
	struct rows *t = ctx;

	if (t->fail != 0)
		return err_set(err, -t->fail, "the disk: %s", strerror(-t->fail));
	t->writes++;
	for (size_t i = 0; i < count; i++) {
		struct row *r = rows_find(t, record[i].kind, record[i].name);

		if (r != NULL) {
			row_free(r);
			*r = t->row[--t->count];
		}
		if (record[i].data == NULL)
			continue;
		r = &t->row[t->count++];
		r->kind = strdup(record[i].kind);
		r->name = strdup(record[i].name);
		r->data = malloc(record[i].n + 1);
		memcpy(r->data, record[i].data, record[i].n);
		r->data[record[i].n] = '\0';
		r->n = record[i].n;
	}
	return 0;
}

static inline int rows_read(void *ctx, const char *kind,
                            int (*each)(void *arg, const struct kms_record *r), void *arg,
                            struct err *err)
{
	struct rows *t = ctx;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->count; i++)
		if (strcmp(t->row[i].kind, kind) == 0)
			rc = each(arg, &(struct kms_record){t->row[i].kind, t->row[i].name,
			                                    t->row[i].data, t->row[i].n});
	return rc;
}

static inline void rows_clear(struct rows *t)
{
	while (t->count > 0)
		row_free(&t->row[--t->count]);
	memset(t, 0, sizeof(*t));
}

#endif
