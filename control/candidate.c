/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/candidate.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"

static struct candidate_state now;

int candidate_check(uid_t uid, struct err *err)
{
	char when[32];

	if (!now.held || now.uid == uid)
		return 0;
	return err_set(err, EBUSY,
	               "user %u edits the configuration since %s; config_discard with force ends "
	               "that",
	               (unsigned int)now.uid, clock_format(now.since_ns, when));
}

static void begin(uid_t uid, struct config_doc *doc, uint64_t wall_ns)
{
	now = (struct candidate_state){.held = true, .uid = uid, .since_ns = wall_ns, .doc = doc};
}

int candidate_edit(uid_t uid, const struct config_doc *base, const struct config_edit *edit,
                   uint64_t wall_ns, struct err *err)
{
	struct config_doc *doc = now.doc;
	int rc = candidate_check(uid, err);

	if (rc != 0)
		return rc;
	if (!now.held) {
		doc = config_doc_dup(base);
		if (doc == NULL)
			return err_set(err, ENOMEM, "out of memory");
	}
	rc = config_doc_edit(doc, edit, err);
	if (rc != 0) {
		/* What was refused is no reason to keep others away. */
		if (!now.held)
			config_doc_free(doc);
		return rc;
	}
	if (!now.held)
		begin(uid, doc, wall_ns);
	now.edits++;
	return 0;
}

int candidate_load(uid_t uid, struct config_doc *doc, uint64_t wall_ns, struct err *err)
{
	struct candidate_state before = now;
	int rc = candidate_check(uid, err);

	if (rc != 0)
		return rc;
	config_doc_free(now.doc);
	begin(uid, doc, before.held ? before.since_ns : wall_ns);
	now.edits = before.edits + 1;
	return 0;
}

void candidate_discard(void)
{
	config_doc_free(now.doc);
	now = (struct candidate_state){0};
}

void candidate_read(struct candidate_state *out)
{
	*out = now;
}
