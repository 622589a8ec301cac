/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows that others keep in the store's file. */

#include "control/kms/store_state.h"

#include <errno.h>

static int write_one(struct kms_store *s, const struct kms_record *r, struct err *err)
{
	enum statement id = r->data == NULL ? Q_RECORD_DROP : Q_RECORD_PUT;
	sqlite3_stmt *q = s->statement[id];

	sqlite3_bind_text(q, 1, r->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, r->name, -1, SQLITE_STATIC);
	if (r->data != NULL)
		sqlite3_bind_blob64(q, 3, r->data, r->n, SQLITE_STATIC);
	return db_done(s, id, "write a record", err);
}

int kms_store_records_write(void *store, const struct kms_record *record, size_t count,
                            struct err *err)
{
	struct kms_store *s = store;
	struct err own;
	struct txn t;
	int rc;

	if (err == NULL)
		err = &own;
	rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = write_one(s, &record[i], err);
	rc = txn_end(s, &t, rc, err);
	if (rc < 0)
		store_failed(s, err);
	return rc;
}

int kms_store_records_read(void *store, const char *kind,
                           int (*each)(void *arg, const struct kms_record *r), void *arg,
                           struct err *err)
{
	struct kms_store *s = store;
	sqlite3_stmt *q = s->statement[Q_RECORD_LIST];
	int rc = 0;

	sqlite3_bind_text(q, 1, kind, -1, SQLITE_STATIC);
	while (rc == 0) {
		struct kms_record r = {.kind = kind};
		int step = sqlite3_step(q);

		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW) {
			rc = db_fail(s, "read records", err);
			break;
		}
		r.name = (const char *)sqlite3_column_text(q, 0);
		r.data = sqlite3_column_blob(q, 1);
		r.n = (size_t)sqlite3_column_bytes(q, 1);
		if (r.data == NULL)
			r.data = "";
		rc = each(arg, &r);
	}
	db_reset(s, Q_RECORD_LIST);
	return rc;
}
