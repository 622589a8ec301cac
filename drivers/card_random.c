/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's random bytes and its telemetry. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/secret.h"
#include "drivers/card_priv.h"

/* When the pool is full the source is watched on, at a lower rate. */
#define IDLE_NS        NS_PER_MS
#define BUFFERS_A_TURN 2
#define SILENT_NS      (2 * NS_PER_S)
#define TURN_MAX_NS    (10 * NS_PER_MS) /* what this process slept through is no silence */
#define RESTART_NS     (100 * NS_PER_MS)

void card_random_discard(struct card *card)
{
	if (card->pool_bytes > 0)
		secret_wipe(card->pool, card->pool_bytes);
	card->pool_bytes = 0;
}

int card_random_open(struct card *card, struct qrng *qrng, struct err *err)
{
	int rc;

	card->qrng = qrng;
	card->qrng_own = qrng == NULL;
	if (qrng == NULL) {
		rc = qrng_create(QRNG_CLAIM_DEFAULT, QRNG_ALPHA_DEFAULT, &card->qrng, err);
		if (rc < 0)
			return rc;
	}
	card->pool = secret_alloc(CARD_RANDOM_MAX);
	if (card->pool == NULL)
		return err_set(err, ENOMEM, "card: no %u bytes of secret memory for random bytes",
		               CARD_RANDOM_MAX);
	return 0;
}

/* Health is judged from the noise itself: raw. Where the card has tests too, they are the same. */
int card_random_configure(struct card *card)
{
	struct qrng_status s;
	int rc = card_write(card, CARD_QRNG_CTRL, 0);

	card->qrng_lanes = 1;
	qrng_status_read(card->qrng, &s);
	if ((card->features & CARD_FEATURE_QRNG_TESTS) != 0) {
		card->qrng_lanes = card_get(card, CARD_QRNG_LANES);
		if (rc == 0)
			rc = card_write(card, CARD_QRNG_CLAIM,
			                (uint32_t)lrint(s.limits.claim * 65536));
		if (rc == 0)
			rc = card_write(card, CARD_QRNG_RCT_CUTOFF, s.limits.rct);
		if (rc == 0)
			rc = card_write(card, CARD_QRNG_APT_CUTOFF, s.limits.apt);
	}
	qrng_begin(card->qrng, card->qrng_lanes);
	return rc;
}

void card_random_close(struct card *card)
{
	secret_free(card->pool);
	if (card->qrng_own)
		qrng_destroy(card->qrng);
}

bool card_has_random(const struct card *card)
{
	return card->pool != NULL;
}

/* What failed first, in the card's words. */
static void card_failed(struct card *card)
{
	bool tells = (card->features & CARD_FEATURE_QRNG_TESTS) != 0;
	uint32_t kind = tells ? card_get(card, CARD_QRNG_FAIL_KIND) : 0;
	bool rct = (kind & CARD_QRNG_KIND_RCT) != 0, apt = (kind & CARD_QRNG_KIND_APT) != 0;
	char what[80];

	snprintf(what, sizeof(what), "the card's own %s failed%s",
	         rct                          ? "repetition count"
	         : apt                        ? "adaptive proportion"
	         : kind & CARD_QRNG_KIND_HARD ? "check of its source"
	                                      : "health tests",
	         kind & CARD_QRNG_KIND_STARTUP ? " in start-up" : "");
	qrng_fail(card->qrng,
	          rct   ? QRNG_FAULT_STUCK
	          : apt ? QRNG_FAULT_BIASED
	                : QRNG_FAULT_CARD,
	          kind >> 8 & 0xff, what);
}

void card_random_state(struct card *card, uint32_t state)
{
	if (card->pool == NULL)
		return;
	if (state != CARD_QRNG_FAIL)
		card->qrng_restart_until = 0;
	else if (!card->qrng_restart_due && card->qrng_restart_until == 0)
		card_failed(card);
	card->qrng_up = state == CARD_QRNG_OK;
	if (!card->qrng_up)
		card_random_discard(card);
	card_status_set(card, qrng_ok, card->qrng_up && qrng_state(card->qrng) == QRNG_OK);
}

static void take(struct card *card, const struct card_buffer *b, uint64_t after_ns)
{
	size_t room = CARD_RANDOM_MAX - card->pool_bytes, made;
	uint8_t *out = card->pool + card->pool_bytes;

	card->qrng_silent_ns = 0;
	if (card_tape_take(card, true, b->data, b->used))
		room = 0;
	made = qrng_feed(card->qrng, b->data, b->used, after_ns, out, room);
	if (made > 0 && card_tape_take(card, false, out, made))
		secret_wipe(out, made);
	else
		card->pool_bytes += made;
	if (qrng_state(card->qrng) == QRNG_FAILED)
		card_random_discard(card);
}

static void watch_silence(struct card *card, uint64_t now_ns)
{
	uint64_t passed = now_ns - card->qrng_last_ns;

	card->qrng_last_ns = now_ns;
	if (now_ns < card->qrng_next_ns)
		return;
	card->qrng_silent_ns += passed < TURN_MAX_NS ? passed : TURN_MAX_NS;
	if (card->qrng_silent_ns > SILENT_NS)
		qrng_fail(card->qrng, QRNG_FAULT_SILENT, 0,
		          card->qrng_up ? "no samples for two seconds"
		                        : "no end of the card's start-up");
}

/* An operator wants start-up tests anew: of the card too, whose FAIL gives no byte. */
static void restart(struct card *card, uint64_t now_ns)
{
	if (qrng_take_restart(card->qrng)) {
		/* A source that has failed was silent for as long as that was so. */
		card->qrng_silent_ns = 0;
		card->qrng_restart_due =
		        (card->features & CARD_FEATURE_QRNG_TESTS) != 0 && !card->qrng_up;
	}
	if (card->qrng_restart_due && card->ops->write32(card->t, CARD_QRNG_RESTART, 1) == 0) {
		card->qrng_restart_due = false;
		card->qrng_restart_until = now_ns + RESTART_NS;
	}
	if (now_ns > card->qrng_restart_until)
		card->qrng_restart_until = 0;
}

unsigned int card_random_poll(struct card *card, uint64_t now_ns)
{
	struct card_ring *r = &card->ring[CARD_RING_QRNG];
	uint32_t tail = r->tail;
	struct card_buffer b;
	unsigned int n = 0;
	bool old = false, empty;

	if (card->pool == NULL)
		return 0;
	watch_silence(card, now_ns);
	restart(card, now_ns);
	while (n < BUFFERS_A_TURN) {
		bool full = !card_tape_runs(card) &&
		            CARD_RANDOM_MAX - card->pool_bytes < CARD_RING_BUFFER_BYTES;

		if (full && now_ns < card->qrng_next_ns)
			break;
		empty = !card_ring_next(r, &b);
		if (card->tape.restarts > 0)
			old = card_tape_restarts(card, now_ns, empty);
		if (empty)
			break;
		if (full)
			card->qrng_next_ns = now_ns + IDLE_NS;
		/* A buffer out of sequence may be an old one: its bytes were used. */
		if (b.error || !b.in_sequence) {
			card_status_add(card, sequence_errors, 1);
			qrng_gap(card->qrng);
		} else if (old) {
			qrng_gap(card->qrng);
		} else if (card->qrng_up) {
			take(card, &b, card->qrng_posted_ns[(r->done - 1) & r->mask]);
		}
		secret_wipe((void *)(uintptr_t)b.data, CARD_RING_BUFFER_BYTES);
		card_ring_release(r, 1);
		n++;
	}
	card_ring_refill(r);
	/* What comes in these was drawn from now on. */
	for (; tail != r->tail; tail++)
		card->qrng_posted_ns[tail & r->mask] = now_ns;
	return n;
}

int card_random(struct card *card, void *buf, size_t n)
{
	if (card->state < 0)
		return card->state;
	if (card->pool == NULL)
		return -ENOTSUP;
	if (n > CARD_RANDOM_MAX)
		return -EMSGSIZE;
	if (card->ops->read32(card->t, CARD_QRNG_STATE) == CARD_QRNG_FAIL)
		card_random_state(card, CARD_QRNG_FAIL);
	if (qrng_state(card->qrng) == QRNG_FAILED) {
		card_random_discard(card);
		return -EIO;
	}
	if (n > card->pool_bytes)
		return -EAGAIN;
	card->pool_bytes -= n;
	memcpy(buf, card->pool + card->pool_bytes, n);
	secret_wipe(card->pool + card->pool_bytes, n);
	return 0;
}

static bool telemetry_sound(const struct card_telemetry *t)
{
	uint32_t words[sizeof(*t) / 4], sum = 0;

	_Static_assert(sizeof(*t) == 64, "telemetry records have 64 bytes");
	memcpy(words, t, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 4 - 1; i++)
		sum += words[i];
	return sum == t->check;
}

unsigned int card_telemetry_poll(struct card *card)
{
	struct card_ring *r = &card->ring[CARD_RING_TELEMETRY];
	struct card_telemetry t;
	struct card_buffer b;
	unsigned int n = 0;

	while (card_ring_next(r, &b)) {
		if (b.used >= sizeof(t))
			memcpy(&t, b.data, sizeof(t));
		if (b.error || b.used < sizeof(t) || !telemetry_sound(&t)) {
			card_status_add(card, sequence_errors, 1);
		} else {
			if (!b.in_sequence)
				card_status_add(card, sequence_errors, 1);
			card_status_set(card, temperature_mc, t.temperature_mc);
			card_status_set(card, photocurrent_na, t.photocurrent_na);
			if ((card->features & CARD_FEATURE_PHASE) != 0)
				card_status_set(card, phase_mrad2, card_get(card, CARD_RX_PHASE));
			card_status_set(card, tx_power_nw, t.tx_power_nw);
		}
		card_ring_release(r, 1);
		n++;
	}
	card_ring_refill(r);
	return n;
}
