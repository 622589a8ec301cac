/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_note.h"

#include <stdlib.h>

#include "common/secret.h"

static bool is_secret(enum qkd_note_type type)
{
	return type == QKD_NOTE_PAD || type == QKD_NOTE_PAD_FETCHED;
}

struct qkd_note *qkd_note_new(enum qkd_note_type type, size_t len)
{
	size_t size = sizeof(struct qkd_note) + len;
	struct qkd_note *note = is_secret(type) ? secret_alloc(size) : calloc(1, size);

	if (note != NULL) {
		note->type = type;
		note->len = len;
	}
	return note;
}

void qkd_note_free(struct qkd_note *note)
{
	if (note == NULL)
		return;
	if (note->block != NULL)
		key_block_free(note->block);
	if (is_secret(note->type))
		secret_free(note);
	else
		free(note);
}

void qkd_notes_drop(struct spsc *ring)
{
	struct qkd_note *note;

	while (ring->slot != NULL && (note = spsc_pop(ring)) != NULL)
		qkd_note_free(note);
	spsc_fini(ring);
}
