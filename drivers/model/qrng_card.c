/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/qrng_card.h"

#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "drivers/model/shm_card.h"
#include "drivers/qrng_limits.h"

#define STARTUP_NS      (20 * NS_PER_MS)
#define STARTUP_WINDOWS 4 /* SP 800-90B section 4.3 asks for 1024 samples */
/* Bytes per turn: about 130 Mb/s at 4,000 turns a second. */
#define TURN_BYTES 4096
/* The noise is watched while nobody takes it: a window of each lane. */
#define IDLE_NS       NS_PER_MS
#define CLAIM_ONE     65536u
#define CLAIM_DEFAULT (CLAIM_ONE / 2)
#define ALPHA_LOG2    60
#define REGISTER_LANE 8 /* shift of the lane in QRNG_FAIL_KIND */

static bool accepted(const struct shm_card *card)
{
	return (card->features_used & CARD_FEATURE_QRNG_TESTS) != 0;
}

/* Cut-offs in force: the host's, else what follows from its claim, else from the card's. */
static void set_cutoffs(struct shm_card *card)
{
	struct qrng_card *q = &card->qrng;
	bool given = accepted(card) && q->claim > 0 && q->claim <= CLAIM_ONE;
	struct qrng_limits own;

	qrng_limits_set(&own, (double)(given ? q->claim : CLAIM_DEFAULT) / CLAIM_ONE, ALPHA_LOG2);
	q->rct = accepted(card) && q->rct_cutoff > 1 ? q->rct_cutoff : own.rct;
	q->apt = accepted(card) && q->apt_cutoff > 1 ? q->apt_cutoff : own.apt;
}

/* Start-up: nothing that was drawn before is part of what comes after it. */
static void start(struct shm_card *card)
{
	struct qrng_card *q = &card->qrng;
	struct shm_ring *r = &card->ring[CARD_RING_QRNG];

	if (r->open && r->used > 0)
		explicit_bzero(r->data, r->used);
	r->open = false;
	for (unsigned int i = 0; i < QRNG_CARD_LANES_MAX; i++) {
		struct qrng_card_lane *l = &q->lane[i];

		l->used = l->run = 0;
		l->fault.count = 0; /* a generator in its place begins anew */
	}
	q->startup_ns = card->now_ns;
	q->state = CARD_QRNG_STARTUP;
	shm_card_put(card, CARD_QRNG_STATE, q->state);
	shm_card_put(card, CARD_QRNG_FAIL_KIND, 0);
}

static bool offered(const struct qrng_card *q)
{
	return q->tests != QRNG_CARD_UNTESTED;
}

void qrng_card_build(struct shm_card *card, unsigned int lanes, enum qrng_card_tests tests)
{
	card->qrng.tests = tests;
	card->qrng.lanes = offered(&card->qrng) ? lanes : 1;
	card->features = offered(&card->qrng) ? card->features | CARD_FEATURE_QRNG_TESTS
	                                      : card->features & ~(uint32_t)CARD_FEATURE_QRNG_TESTS;
	shm_card_put(card, CARD_FEATURES_LO, card->features);
	qrng_card_reset(card);
}

void qrng_card_seed(struct shm_card *card, struct rng *dice)
{
	for (unsigned int i = 0; i < QRNG_CARD_LANES_MAX; i++) {
		rng_init_seed(&card->qrng.lane[i].fault.rng, rng_next(dice));
		card->qrng.lane[i].fault.seed = rng_next(dice);
	}
}

void qrng_card_reset(struct shm_card *card)
{
	struct qrng_card *q = &card->qrng;

	q->ctrl = 1;
	q->claim = CLAIM_DEFAULT;
	q->rct_cutoff = q->apt_cutoff = q->fails = 0;
	q->rate_ns = card->now_ns;
	q->bits = 0;
	shm_card_put(card, CARD_QRNG_CTRL, q->ctrl);
	shm_card_put(card, CARD_QRNG_CLAIM, offered(q) ? q->claim : 0);
	shm_card_put(card, CARD_QRNG_LANES, offered(q) ? q->lanes : 0);
	set_cutoffs(card);
	start(card);
}

uint32_t qrng_card_write(struct shm_card *card, uint32_t offset, uint32_t value)
{
	struct qrng_card *q = &card->qrng;

	if (offset != CARD_QRNG_CTRL && !offered(q))
		return 0;
	switch (offset) {
	case CARD_QRNG_CTRL:
		q->ctrl = value & 1;
		shm_card_put(card, offset, q->ctrl);
		return 0;
	case CARD_QRNG_CLAIM:
		value &= 0x1ffff;
		if (accepted(card) && (value == 0 || value > CLAIM_ONE))
			return offset;
		q->claim = value;
		break;
	case CARD_QRNG_RCT_CUTOFF:
		if (accepted(card) && value == 1)
			return offset;
		q->rct_cutoff = value;
		break;
	case CARD_QRNG_APT_CUTOFF:
		if (accepted(card) && (value == 1 || value > CARD_QRNG_APT_BITS))
			return offset;
		q->apt_cutoff = value;
		break;
	case CARD_QRNG_RESTART:
		if (!(value & 1) || !accepted(card))
			return 0;
		if (card->armed)
			return offset;
		set_cutoffs(card);
		start(card);
		return 0;
	default:
		return 0;
	}
	shm_card_put(card, offset, value);
	set_cutoffs(card);
	return 0;
}

/* One lane is enough: the card gives nothing more, and no light that such noise would choose. */
static void fail(struct shm_card *card, uint32_t kind, unsigned int lane)
{
	struct qrng_card *q = &card->qrng;
	struct shm_ring *r = &card->ring[CARD_RING_QRNG];

	if (q->state == CARD_QRNG_STARTUP)
		kind |= CARD_QRNG_KIND_STARTUP;
	q->state = CARD_QRNG_FAIL;
	q->fails++;
	shm_card_put(card, CARD_QRNG_STATE, q->state);
	shm_card_put(card, CARD_QRNG_FAILS, q->fails);
	shm_card_put(card, CARD_QRNG_FAIL_KIND, kind | lane << REGISTER_LANE);
	if (r->open)
		explicit_bzero(r->data, r->used);
	r->open = false;
	if (card->armed)
		shm_card_fault(card, CARD_FAULT_QRNG, lane);
}

static void test_window(struct shm_card *card, unsigned int lane)
{
	struct qrng_card *q = &card->qrng;
	struct qrng_card_lane *l = &q->lane[lane];
	uint32_t ones = qrng_kernel_best()->ones(l->window);
	uint32_t like_first = l->window[0] & 1 ? ones : QRNG_WINDOW_BITS - ones;

	l->used = 0;
	if (qrng_window_runs(l->window, q->rct, &l->run, &l->run_bit))
		fail(card, CARD_QRNG_KIND_RCT, lane);
	else if (like_first >= q->apt)
		fail(card, CARD_QRNG_KIND_APT, lane);
}

/* N bytes of noise of LANE, tested. Seeds of real keys: from the kernel, whatever --seed says. */
static void draw_lane(struct shm_card *card, unsigned int lane, uint8_t *bytes, uint32_t n)
{
	struct qrng_card *q = &card->qrng;
	struct qrng_card_lane *l = &q->lane[lane];

	if (q->fault.lane < 0 || (unsigned int)q->fault.lane == lane)
		attack_random(&q->fault, card->role, &l->fault, bytes, n);
	for (uint32_t part; q->tests == QRNG_CARD_TESTS && n > 0; bytes += part, n -= part) {
		part = QRNG_WINDOW_BYTES - l->used < n ? QRNG_WINDOW_BYTES - l->used : n;
		memcpy(l->window + l->used, bytes, part);
		l->used += part;
		if (l->used == QRNG_WINDOW_BYTES && q->state != CARD_QRNG_FAIL)
			test_window(card, lane);
		l->used %= QRNG_WINDOW_BYTES;
	}
}

/* N bytes as they lie in a buffer, from byte AT of it on, at most TURN_BYTES. */
static void draw(struct shm_card *card, uint8_t *out, uint32_t at, uint32_t n)
{
	struct qrng_card *q = &card->qrng;
	uint8_t bytes[TURN_BYTES];

	random_bytes(out, n);
	q->bits += 8ULL * n;
	for (unsigned int lane = 0; lane < q->lanes; lane++) {
		uint32_t first = (lane + q->lanes - at % q->lanes) % q->lanes, k = 0;

		for (uint32_t i = first; i < n; i += q->lanes)
			bytes[k++] = out[i];
		draw_lane(card, lane, bytes, k);
		k = 0;
		for (uint32_t i = first; i < n; i += q->lanes)
			out[i] = bytes[k++];
	}
	explicit_bzero(bytes, sizeof(bytes));
}

/* WINDOWS of each lane that nobody gets. */
static void watch(struct shm_card *card, unsigned int windows)
{
	uint8_t unused[QRNG_WINDOW_BYTES];

	for (unsigned int i = 0; i < windows * card->qrng.lanes; i++)
		draw(card, unused, 0, sizeof(unused));
	explicit_bzero(unused, sizeof(unused));
}

/* True: bytes went to the host. */
static bool deliver(struct shm_card *card)
{
	struct qrng_card *q = &card->qrng;
	struct shm_ring *r = &card->ring[CARD_RING_QRNG];
	uint32_t left = TURN_BYTES, n;

	while (left > 0 && shm_ring_open(card, CARD_RING_QRNG, card->slot)) {
		n = r->len - r->used < left ? r->len - r->used : left;
		draw(card, r->data + r->used, r->used, n);
		if (q->state == CARD_QRNG_FAIL)
			return true;
		/* What is conditioned looks well whatever the noise was. */
		if (q->ctrl & 1)
			random_bytes(r->data + r->used, n);
		shm_ring_commit(card, CARD_RING_QRNG, n);
		left -= n;
	}
	return left < TURN_BYTES;
}

void qrng_card_turn(struct shm_card *card)
{
	struct qrng_card *q = &card->qrng;

	if (q->state == CARD_QRNG_STARTUP && card->now_ns - q->startup_ns >= STARTUP_NS) {
		watch(card, STARTUP_WINDOWS);
		if (q->state == CARD_QRNG_STARTUP)
			q->state = CARD_QRNG_OK;
		shm_card_put(card, CARD_QRNG_STATE, q->state);
	}
	if (q->state == CARD_QRNG_OK && !deliver(card) && offered(q) &&
	    card->now_ns - q->idle_ns >= IDLE_NS) {
		q->idle_ns = card->now_ns;
		watch(card, 1);
	}
	if (!offered(q) || card->now_ns - q->rate_ns < NS_PER_S)
		return;
	shm_card_put(card, CARD_QRNG_KBIT_S,
	             (uint32_t)(q->bits * NS_PER_MS / (card->now_ns - q->rate_ns)));
	q->rate_ns = card->now_ns;
	q->bits = 0;
}
