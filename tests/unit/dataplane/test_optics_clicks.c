/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The clicks of the device model's card through driver and optics to an engine that has no room for
 * a while: the test stands in for it.
 */

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/optics.h"
#include "tests/unit/drivers/model_transport.h"

static bool full;
static uint64_t taken, gaps, restarts, last_slot, gap_slots, disorder;

void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns);
bool __wrap_engine_takes(const struct engine *e, size_t n);
void __wrap_engine_gap(struct engine *e, uint64_t first_slot, uint64_t last_slot);
void __wrap_engine_slots_restarted(struct engine *e);
void __wrap_engine_random_tested(struct engine *e, uint64_t until_ns);
void __wrap_engine_random_failed(struct engine *e);
void __wrap_engine_lookups_lost(struct engine *e);
void __wrap_engine_choices(struct engine *e, const struct choice *c, size_t n);

void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns)
{
	CU_ASSERT_FALSE(full && n > 0);
	for (size_t i = 0; i < n; i++) {
		disorder += d[i].slot <= last_slot;
		last_slot = d[i].slot;
	}
	taken += n;
}

bool __wrap_engine_takes(const struct engine *e, size_t n)
{
	return !full;
}

void __wrap_engine_gap(struct engine *e, uint64_t first_slot, uint64_t last)
{
	CU_ASSERT_TRUE(first_slot > last_slot && last >= first_slot);
	gaps++;
	gap_slots += last - first_slot + 1;
}

void __wrap_engine_slots_restarted(struct engine *e)
{
	restarts++;
	last_slot = 0;
}

void __wrap_engine_random_tested(struct engine *e, uint64_t until_ns)
{
}

void __wrap_engine_random_failed(struct engine *e)
{
	CU_FAIL("no fault of the random source");
}

void __wrap_engine_lookups_lost(struct engine *e)
{
	CU_FAIL("the card is not given up");
}

void __wrap_engine_choices(struct engine *e, const struct choice *c, size_t n)
{
	CU_FAIL("this is not Alice");
}

static struct optics_status status_of(const struct optics *o)
{
	struct optics_status s;

	optics_status_read(o, &s);
	return s;
}

/* MS of the link, and turns of the optics core each 250 us until it has nothing to do. */
static void pass(struct optics *o, unsigned int ms)
{
	for (uint64_t end_ns = h->now + ms * NS_PER_MS; h->now < end_ns;) {
		turn(h);
		for (int i = 0; i < 16 && optics_poll(o, NULL, h->now) > 0; i++)
			;
	}
}

/* Clicks that the card made and of which neither it nor we can tell the fate. */
static int64_t unaccounted(const struct optics *o)
{
	const struct shm_ring *ring = &h->link.bob.card.ring[CARD_RING_TAGS];
	struct optics_status s = status_of(o);
	uint64_t told = taken + s.clicks_no_phase + s.clicks_same_slot + s.clicks_too_old;
	/* In the buffer that is not complete; no GAP is among them. */
	uint64_t waits = ring->open ? ring->used / 8 : 0;

	CU_ASSERT_EQUAL(told, s.card.clicks);
	return (int64_t)(h->link.truth.clicks - told - ring->dropped - waits);
}

static struct optics *start(void)
{
	const struct card_config config = {.transport = "model",
	                                   .path = "bob",
	                                   .role = CARD_IS_BOB,
	                                   .mu1 = 0.3,
	                                   .mu2 = 0.1,
	                                   .p_mu1 = 0.3,
	                                   .p_z = 0.8,
	                                   .holdoff_ns = 1000,
	                                   .watchdog_ms = 60000};
	struct err err = {0};
	struct optics *o;

	log_level_set("*", LOG_LEVEL_ERR);
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
	CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	h = host_open(&optics_link_default, 3);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	set_tx(h, CARD_TX_MODE_QKD);
	end = B;
	o = optics_create(&config, 0.5, 60, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_TRUE_FATAL(optics_supervise(o, h->now, &err));
	return o;
}

static void test_none_is_lost_without_a_word(void)
{
	struct optics *o = start();
	struct optics_status s;
	int64_t before;
	uint64_t was;

	pass(o, 500);
	CU_ASSERT_TRUE_FATAL(status_of(o).phase_locked);
	CU_ASSERT_TRUE(taken > 300000); /* of 0.86 million a second */
	/* Of before its ring ran. */
	before = unaccounted(o);

	/* Shortly: the ring has room, and they all come, in order and at once. */
	full = true;
	was = taken;
	pass(o, 300);
	CU_ASSERT_EQUAL(taken, was);
	CU_ASSERT_TRUE(status_of(o).held);
	full = false;
	pass(o, 100);
	CU_ASSERT_TRUE(taken - was > 300000);
	CU_ASSERT_EQUAL(unaccounted(o), before);
	s = status_of(o);
	CU_ASSERT_EQUAL(gaps + restarts + s.card.gaps + s.card.dropped_tags + s.clicks_too_old, 0);

	/* For long: the card's ring is full in the end, and a GAP says where it had no room. */
	full = true;
	was = taken;
	pass(o, 3000);
	CU_ASSERT_EQUAL(taken, was);
	CU_ASSERT_TRUE(h->link.bob.card.ring[CARD_RING_TAGS].dropped > 1000000);
	full = false;
	pass(o, 600);
	CU_ASSERT_EQUAL(unaccounted(o), before);
	s = status_of(o);
	CU_ASSERT_EQUAL(s.card.gaps, 1);
	CU_ASSERT_EQUAL(s.card.dropped_tags, h->link.bob.card.ring[CARD_RING_TAGS].dropped);
	CU_ASSERT_EQUAL(s.card.lost_tags, 4095);
	CU_ASSERT_TRUE(s.card.gap_slots > 1500000000);
	/* What is in front of it is too old for Alice's card, and told as a gap, too. */
	CU_ASSERT_TRUE(s.clicks_too_old > 900000);
	CU_ASSERT_EQUAL(gaps, 2);
	CU_ASSERT_TRUE(gap_slots > 2500000000);
	/* The transmitter's clock is found again, and clicks come as before. */
	CU_ASSERT_TRUE(s.phase_locked);
	CU_ASSERT_EQUAL(restarts, 1);
	CU_ASSERT_TRUE(taken - was > 300000);
	CU_ASSERT_EQUAL(s.card.sequence_errors + disorder, 0);
	CU_ASSERT_EQUAL(s.holds, 2);
	CU_ASSERT_TRUE(s.held_ns > 3200 * NS_PER_MS);
	optics_destroy(o);
	host_close(h);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_none_is_lost_without_a_word))
