/* SPDX-License-Identifier: BSD-3-Clause */

/* Key of the own stream that is not given: its other half need not wait at the other end. */

#include "control/kms/store_state.h"

#include <errno.h>

int withdraw_own(struct kms_store *s, const struct segment *seg, uint32_t from, uint32_t units,
                 bool sure, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_WITHDRAWN_ADD];

	sqlite3_bind_int(q, 1, seg->stream->link);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)(seg->position + from));
	sqlite3_bind_int64(q, 3, units);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)s->age_ns);
	sqlite3_bind_int(q, 5, sure);
	return db_done(s, Q_WITHDRAWN_ADD, "record what is not given", err);
}

int kms_store_withdrawn_list(struct kms_store *s,
                             int (*each)(void *arg, const struct kms_withdrawn *w), void *arg,
                             struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_WITHDRAWN_LIST];
	int rc = 0;

	while (rc == 0) {
		struct kms_withdrawn w;
		int step = sqlite3_step(q);

		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW) {
			rc = db_fail(s, "list what is not given", err);
			break;
		}
		w = (struct kms_withdrawn){
		        .id = sqlite3_column_int64(q, 0),
		        .link = (uint8_t)sqlite3_column_int(q, 1),
		        .position = (uint64_t)sqlite3_column_int64(q, 2),
		        .units = (uint64_t)sqlite3_column_int64(q, 3),
		        .age_ns = age_of(s, (uint64_t)sqlite3_column_int64(q, 4)),
		        .sure = sqlite3_column_int(q, 5) != 0,
		};
		rc = each(arg, &w);
	}
	db_reset(s, Q_WITHDRAWN_LIST);
	return rc;
}

int kms_store_withdrawn_forget(struct kms_store *s, const int64_t *id, size_t n, struct err *err)
{
	struct txn t;
	int rc = txn_begin(s, &t, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		sqlite3_bind_int64(s->statement[Q_WITHDRAWN_DROP], 1, id[i]);
		rc = db_done(s, Q_WITHDRAWN_DROP, "forget what is not given", err);
	}
	return txn_end(s, &t, rc, err);
}

int kms_store_withdraw(struct kms_store *s, uint8_t link, enum key_uuid_class class,
                       uint64_t position, uint64_t units, struct err *err)
{
	struct stream *st = stream_get(s, link, class);
	struct txn t;
	int rc;

	if (class == s->config.own || units == 0 || position >= KEY_UUID_POSITIONS ||
	    units > KEY_UUID_POSITIONS - position)
		return err_set(err, EINVAL, STORE_WHAT ": no such range to be withdrawn");
	if (st == NULL)
		return 0;
	rc = txn_begin(s, &t, err);
	if (rc == 0)
		rc = txn_end(s, &t, take_range(s, st, position, units, TAKE_EXPIRED, NULL, err),
		             err);
	return rc;
}
