/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration that is being edited: one, of one user at a time. It begins as a copy of the
 * newest that was committed, with the first edit, and ends when it is committed or discarded, or
 * with the gateway. Control thread.
 */

#ifndef CONTROL_CANDIDATE_H
#define CONTROL_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config_doc.h"

struct candidate_state {
	bool held;
	uid_t uid;              /* who edits */
	uint64_t since_ns;      /* wall clock, of the first edit */
	uint64_t edits;         /* accepted */
	struct config_doc *doc; /* not to be kept; NULL unless held */
};

/* -EBUSY: another user than UID edits. */
int candidate_check(uid_t uid, struct err *err);

/* An edit by UID of the candidate, or of a copy of BASE where there is none. As config_doc_edit().
 */
int candidate_edit(uid_t uid, const struct config_doc *base, const struct config_edit *edit,
                   uint64_t wall_ns, struct err *err);

/* DOC, taken over unless that fails, is the candidate, by UID. */
int candidate_load(uid_t uid, struct config_doc *doc, uint64_t wall_ns, struct err *err);

void candidate_discard(void);

void candidate_read(struct candidate_state *out);

#endif
