/* SPDX-License-Identifier: BSD-3-Clause */

/* What a host can do wrong with rings: the fault, and that nothing is transferred. */

#include "tests/conformance/conformance.h"

/* One wrong thing about ring R, laid out and not running yet. */
struct wrong {
	const char *what;
	void (*spoil)(struct rig *rig, struct ring *r);
	uint32_t code;
	uint32_t reg;  /* of the ring: the argument of a config fault */
	bool at_start; /* found when the ring starts, not by a descriptor */
};

static uint64_t beyond(const struct end *e)
{
	return e->dma.bus + e->dma.bytes + (1ULL << 30);
}

static void far_buffer(struct rig *rig, struct ring *r)
{
	r->desc[0].addr = beyond(r->e);
}

static void endless_buffer(struct rig *rig, struct ring *r)
{
	r->desc[0].addr = UINT64_MAX - 100;
}

static void buffer_past_the_end(struct rig *rig, struct ring *r)
{
	r->desc[0].addr = r->e->dma.bus + r->e->dma.bytes - BUFFER_BYTES + 8;
}

static void huge_buffer(struct rig *rig, struct ring *r)
{
	r->desc[0].len = 0xfffffff8;
}

static void short_buffer(struct rig *rig, struct ring *r)
{
	r->desc[0].len = CARD_DESC_BYTES_MIN - 8;
}

static void far_base(struct rig *rig, struct ring *r)
{
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_BASE_LO, (uint32_t)beyond(r->e));
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_BASE_HI, (uint32_t)(beyond(r->e) >> 32));
}

static void crooked_base(struct rig *rig, struct ring *r)
{
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_BASE_LO, (uint32_t)r->desc_bus + 8);
}

static void no_size(struct rig *rig, struct ring *r)
{
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_LOG2_SIZE, 0);
}

static void great_size(struct rig *rig, struct ring *r)
{
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_LOG2_SIZE, CARD_RING_LOG2_MAX + 1);
}

static void great_tail(struct rig *rig, struct ring *r)
{
	r->tail = r->size; /* and one more is posted */
}

static const struct wrong wrongs[] = {
        {"a buffer far off", far_buffer, CARD_FAULT_DMA, 0, false},
        {"a buffer at the end of all addresses", endless_buffer, CARD_FAULT_DMA, 0, false},
        {"a buffer that passes the end", buffer_past_the_end, CARD_FAULT_DMA, 0, false},
        {"a buffer without end", huge_buffer, CARD_FAULT_DMA, 0, false},
        {"a short buffer", short_buffer, CARD_FAULT_DMA, 0, false},
        {"descriptors far off", far_base, CARD_FAULT_DMA, 0, true},
        {"descriptors off their places", crooked_base, CARD_FAULT_CONFIG, CARD_RING_BASE_LO, true},
        {"a ring of one", no_size, CARD_FAULT_CONFIG, CARD_RING_LOG2_SIZE, true},
        {"a ring of 2^16", great_size, CARD_FAULT_CONFIG, CARD_RING_LOG2_SIZE, true},
        {"more posted than there is", great_tail, CARD_FAULT_CONFIG, CARD_RING_TAIL, false},
};

static void bad_descriptors(struct rig *rig, struct end *e)
{
	const unsigned int q = CARD_RING_QRNG;

	if ((e->features & CARD_FEATURE_QRNG) == 0) {
		rig->absent = "it has no QRNG ring";
		return;
	}
	for (unsigned int i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		unsigned int before = rig->failures;
		struct ring r;

		reset(rig, e);
		EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_OK), "no random bytes");
		ring_lay(rig, &r, e, q, 2);
		w->spoil(rig, &r);
		arm(rig, e);
		ring_run(rig, &r);
		if (!w->at_start)
			ring_post(&r, 1);
		EXPECT_FAULT(e, w->code, w->code == CARD_FAULT_DMA ? q : CARD_RING(q) + w->reg);
		EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_FAULT, "DARK_CAUSE is %u",
		       get(e, CARD_DARK_CAUSE));
		if (w->code == CARD_FAULT_DMA)
			EXPECT(get(e, CARD_RING(q) + CARD_RING_STATE) == CARD_RING_ERROR,
			       "STATE is %u", get(e, CARD_RING(q) + CARD_RING_STATE));
		EXPECT(get(e, CARD_RING(q) + CARD_RING_HEAD) == 0, "HEAD is %u",
		       get(e, CARD_RING(q) + CARD_RING_HEAD));
		/* What is wrong is the host's own doing: addr and len are not looked at. */
		EXPECT(ring_untouched(&r), "something was transferred");
		if (rig->failures > before)
			EXPECT(false, "... with %s", w->what);
	}
}

static void fixed_while_running(struct rig *rig, struct end *e)
{
	static const uint32_t fixed[] = {CARD_RING_BASE_LO, CARD_RING_BASE_HI, CARD_RING_LOG2_SIZE};
	const unsigned int q = e->role == CARD_ROLE_ALICE ? CARD_RING_CHOICES : CARD_RING_TAGS;

	for (unsigned int i = 0; i < 3; i++) {
		struct ring r;

		reset(rig, e);
		ring_lay(rig, &r, e, q, 2);
		ring_run(rig, &r);
		put(rig, e, CARD_RING(q) + fixed[i], 3);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_RING(q) + fixed[i]);
	}
}

static void others_rings(struct rig *rig, struct end *e)
{
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++) {
		struct ring r;

		if (card_ring_there(q, e->role, e->features))
			continue;
		reset(rig, e);
		ring_lay(rig, &r, e, q, 2);
		ring_run(rig, &r);
		EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_RING(q) + CARD_RING_CTRL);
		EXPECT(get(e, CARD_RING(q) + CARD_RING_CTRL) == 0, "ring %u runs", q);
	}
}

/* Broken questions cost an error bit, not the card. */
static void bad_queries(struct rig *rig, struct end *alice)
{
	static const uint32_t lengths[] = {0, 7, 12, 8 * (CARD_QUERY_SLOTS_MAX + 1)};
	struct lookups l;

	lookups_start(rig, &l, alice);
	enable(rig, alice);
	for (unsigned int i = 0; i < 4; i++) {
		const struct card_desc *q, *c;

		l.queries.desc[l.queries.tail % l.queries.size].len = lengths[i];
		ring_post(&l.queries, 1);
		q = ring_wait(rig, &l.queries);
		c = ring_wait(rig, &l.choices);
		if (q == NULL || c == NULL)
			return;
		EXPECT((q->flags & CARD_DESC_ERROR) != 0 && q->used == 0,
		       "a query of %u bytes: flags 0x%x, %u used", lengths[i], q->flags, q->used);
		EXPECT((c->flags & CARD_DESC_ERROR) != 0 && c->used == 0,
		       "its answer: flags 0x%x, %u used", c->flags, c->used);
	}
	EXPECT_WELL(alice);
}

const struct check checks_descriptors[] = {{"bad-descriptors", ON_EACH, bad_descriptors},
                                           {"fixed-while-running", ON_EACH, fixed_while_running},
                                           {"others-rings", ON_EACH, others_rings},
                                           {"bad-queries", ON_ALICE, bad_queries},
                                           {NULL, 0, NULL}};
