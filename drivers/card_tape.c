/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Recordings of the random source's streams: as they come, of one lane, or a row after each of
 * many restarts (SP 800-90B section 3.1.4.1).
 */

#include <errno.h>
#include <string.h>

#include "drivers/card_priv.h"

#define ASK_AGAIN_NS (100 * NS_PER_MS)

int card_random_tape(struct card *card, const struct card_tape *tape)
{
	card->tape_used = 0;
	card->tape_step = TAPE_ROW;
	card->tape = (struct card_tape){.lane = -1};
	if (tape == NULL)
		return 0;
	if (tape->lane >= (int)card->qrng_lanes)
		return -ENODEV;
	if (tape->restarts > 0 && (card->features & CARD_FEATURE_QRNG_TESTS) == 0)
		return -ENOTSUP;
	card->tape = *tape;
	if (tape->restarts > 0)
		card->tape_step = TAPE_ASK;
	return 0;
}

ssize_t card_random_taped(const struct card *card)
{
	return card->tape_step == TAPE_BROKEN ? -EIO : (ssize_t)card->tape_used;
}

bool card_tape_runs(const struct card *card)
{
	return card->tape.buf != NULL && card->tape_used < card->tape.size &&
	       card->tape_step != TAPE_BROKEN;
}

/* Of the bytes as they lie in a buffer those of the tape's lane, or all; at most ROOM. */
static size_t copy(const struct card *card, bool raw, uint8_t *out, size_t room,
                   const uint8_t *data, size_t n)
{
	bool all = !raw || card->tape.lane < 0;
	size_t step = all ? 1 : card->qrng_lanes, used = 0;

	for (size_t i = all ? 0 : (size_t)card->tape.lane; i < n && used < room; i += step)
		out[used++] = data[i];
	return used;
}

bool card_tape_take(struct card *card, bool raw, const uint8_t *data, size_t n)
{
	struct card_tape *t = &card->tape;
	size_t room = t->size - card->tape_used, row;

	if (!card_tape_runs(card) || t->raw != raw || card->tape_step != TAPE_ROW)
		return false;
	if (t->restarts > 0) {
		row = t->size / t->restarts;
		room = row - card->tape_used % row;
	}
	n = copy(card, raw, t->buf + card->tape_used, room, data, n);
	card->tape_used += n;
	if (t->restarts > 0 && n == room && card_tape_runs(card))
		card->tape_step = TAPE_ASK;
	return true;
}

/*
 * In start-up no byte comes. So once it was seen, and the ring was found empty after that, the
 * next buffer is the first one behind it; those before are not.
 */
bool card_tape_restarts(struct card *card, uint64_t now_ns, bool ring_empty)
{
	bool late = now_ns - card->tape_asked_ns > ASK_AGAIN_NS;
	uint32_t state;

	if (!card_tape_runs(card) || card->tape_step == TAPE_ROW)
		return false;
	if (card->tape_step == TAPE_ASK) {
		if (card->ops->write32(card->t, CARD_QRNG_RESTART, 1) == 0) {
			card->tape_step = TAPE_ASKED;
			qrng_gap(card->qrng);
			card->tape_asked_ns = now_ns;
		}
		return true;
	}
	state = card_get(card, CARD_QRNG_STATE);
	if (card->tape_step == TAPE_SEEN && ring_empty)
		card->tape_step = TAPE_STARTUP;
	if (state == CARD_QRNG_STARTUP && card->tape_step == TAPE_ASKED)
		card->tape_step = TAPE_SEEN;
	else if (state == CARD_QRNG_OK && card->tape_step == TAPE_STARTUP) {
		card->tape_step = TAPE_ROW;
		card_random_state(card, state); /* its first buffer may be there */
	} else if (state == CARD_QRNG_OK && (late || card->tape_step == TAPE_SEEN))
		card->tape_step = TAPE_ASK; /* its start-up, or the end of it, went by unseen */
	else if (state == CARD_QRNG_FAIL && late)
		card->tape_step = TAPE_BROKEN;
	return card->tape_step != TAPE_ROW;
}
