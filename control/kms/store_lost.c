/* SPDX-License-Identifier: BSD-3-Clause */

/* What a crash of this end lost. */

#include "control/kms/store_state.h"

int kms_store_lost_list(struct kms_store *s, int (*each)(void *arg, const struct kms_lost *l),
                        void *arg, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_LOST_LIST];
	int rc = 0;

	while (rc == 0) {
		struct kms_lost l;
		int step = sqlite3_step(q);

		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW) {
			rc = db_fail(s, "list what was lost", err);
			break;
		}
		l = (struct kms_lost){
		        .id = sqlite3_column_int64(q, 0),
		        .link = (uint8_t)sqlite3_column_int(q, 1),
		        .position = (uint64_t)sqlite3_column_int64(q, 2),
		        .units = (uint64_t)sqlite3_column_int64(q, 3),
		        .age_ns = age_of(s, (uint64_t)sqlite3_column_int64(q, 4)),
		};
		rc = each(arg, &l);
	}
	db_reset(s, Q_LOST_LIST);
	return rc;
}

int kms_store_lost_forget(struct kms_store *s, int64_t id, struct err *err)
{
	struct txn t;
	int rc = txn_begin(s, &t, err);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(s->statement[Q_LOST_DROP], 1, id);
	rc = db_done(s, Q_LOST_DROP, "forget what was lost", err);
	return txn_end(s, &t, rc, err);
}
