/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/control/commit_rig.h"

#include <errno.h>

static int edit_by(uid_t uid, const char *path, const char *text, struct err *err)
{
	const struct config_edit e = {.path = path, .text = text};

	*err = (struct err){0};
	return candidate_edit(uid, commit_newest(), &e, 1700000000000000000, err);
}

static void test_of_one_user(void)
{
	struct candidate_state c;
	struct err err;

	rig_start();
	candidate_read(&c);
	CU_ASSERT_FALSE(c.held);
	CU_ASSERT_EQUAL(candidate_check(2, &err), 0);
	CU_ASSERT_EQUAL(edit_by(1, "name", "x", &err), 0);
	CU_ASSERT_EQUAL(edit_by(1, "link", "y", &err), 0);
	candidate_read(&c);
	CU_ASSERT_TRUE(c.held);
	CU_ASSERT_EQUAL(c.uid, 1);
	CU_ASSERT_EQUAL(c.edits, 2);
	CU_ASSERT_EQUAL(edit_by(2, "name", "z", &err), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(err.text, "user 1 edits the configuration since 2023-11-14T22:13:20"));
	CU_ASSERT_EQUAL(candidate_load(2, NULL, 1, &err), -EBUSY);
	candidate_discard();
	CU_ASSERT_EQUAL(edit_by(2, "name", "z", &err), 0);
	rig_stop();
}

/* What runs is not the candidate, and a refused edit begins none. */
static void test_apart(void)
{
	char *before, *after;
	struct candidate_state c;
	struct err err;

	rig_start();
	before = config_doc_text(commit_running());
	CU_ASSERT_EQUAL(edit_by(1, "nonsense", "x", &err), -EINVAL);
	candidate_read(&c);
	CU_ASSERT_FALSE(c.held);
	CU_ASSERT_EQUAL(edit_by(1, "name", "x", &err), 0);
	CU_ASSERT_EQUAL(edit_by(1, "port/lan/mtu", "1", &err), -EINVAL);
	candidate_read(&c);
	CU_ASSERT_EQUAL(c.edits, 1);
	after = config_doc_text(commit_running());
	CU_ASSERT_STRING_EQUAL(before, after);
	free(after);
	CU_ASSERT_EQUAL(candidate_load(1, config_doc_dup(commit_running()), 9, &err), 0);
	candidate_read(&c);
	CU_ASSERT_EQUAL(c.edits, 2);
	CU_ASSERT_EQUAL(c.since_ns, 1700000000000000000);
	after = config_doc_text(c.doc);
	CU_ASSERT_STRING_EQUAL(before, after);
	free(after);
	free(before);
	rig_stop();
}

UNIT_MAIN(UNIT(test_of_one_user), UNIT(test_apart))
