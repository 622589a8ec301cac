/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_note.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/secret.h"

static void test_pads_alone_take_secret_memory(void)
{
	struct qkd_note *note, *pad;
	struct err err;
	size_t used;

	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	note = qkd_note_new(QKD_NOTE_MESSAGE, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(note);
	CU_ASSERT_EQUAL(note->type, QKD_NOTE_MESSAGE);
	CU_ASSERT_EQUAL(note->len, 100);
	memset(note->data, 0xff, 100);
	CU_ASSERT_EQUAL(secret_used(), 0);
	qkd_note_free(note);

	pad = qkd_note_new(QKD_NOTE_PAD, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pad);
	CU_ASSERT(secret_used() >= sizeof(*pad));
	qkd_note_free(pad);
	pad = qkd_note_new(QKD_NOTE_PAD_FETCHED, 0);
	used = secret_used();
	CU_ASSERT(used >= sizeof(*pad));
	/* Its block goes with a note. */
	note = qkd_note_new(QKD_NOTE_BLOCK, 0);
	note->block = secret_alloc(sizeof(*note->block) + 64);
	CU_ASSERT(secret_used() > used);
	qkd_note_free(note);
	CU_ASSERT_EQUAL(secret_used(), used);
	qkd_note_free(pad);
	qkd_note_free(NULL);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static void test_full_key_store_leaves_notes(void)
{
	struct qkd_note *note;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(secret_init(4096, &err), 0);
	while (secret_alloc(64) != NULL)
		;
	CU_ASSERT_PTR_NULL(qkd_note_new(QKD_NOTE_PAD_FETCHED, 0));
	note = qkd_note_new(QKD_NOTE_PAD_UNKNOWN, 0);
	CU_ASSERT_PTR_NOT_NULL(note);
	qkd_note_free(note);
	note = qkd_note_new(QKD_NOTE_MESSAGE, 1 << 20);
	CU_ASSERT_PTR_NOT_NULL(note);
	qkd_note_free(note);
	secret_fini();
}

UNIT_MAIN(UNIT(test_pads_alone_take_secret_memory), UNIT(test_full_key_store_leaves_notes))
