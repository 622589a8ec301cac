/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "tests/unit/drivers/fake_card.h"

/* A card scripted register by register; the engine's ends of the calls are here. */

#define SPACING 16384 /* slots between clicks */
#define Z0      0
#define Z1      1
#define X0      2
#define X1      3

static uint64_t now = 1000 * NS_PER_S;
static struct err err;

static struct detection found[32768];
static size_t found_count, gap_at; /* gap_at: detections before the gap */
static uint64_t gap_first, gap_last;
static unsigned int gaps, restarts, lookups_lost, answers;
static unsigned int random_failed;
static uint64_t random_until;
static struct choice answer[CARD_LOOKUP_MAX];
static size_t answer_len;

void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns);
bool __wrap_engine_takes(const struct engine *e, size_t n);
void __wrap_engine_gap(struct engine *e, uint64_t first_slot, uint64_t last_slot);
void __wrap_engine_slots_restarted(struct engine *e);
void __wrap_engine_random_failed(struct engine *e);
void __wrap_engine_random_tested(struct engine *e, uint64_t until_ns);
void __wrap_engine_lookups_lost(struct engine *e);
void __wrap_engine_choices(struct engine *e, const struct choice *c, size_t n);

void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns)
{
	CU_ASSERT_FATAL(found_count + n <= sizeof(found) / sizeof(found[0]));
	CU_ASSERT_EQUAL(now_ns, now);
	memcpy(found + found_count, d, n * sizeof(d[0]));
	found_count += n;
}

static bool full;

bool __wrap_engine_takes(const struct engine *e, size_t n)
{
	return !full;
}

void __wrap_engine_random_failed(struct engine *e)
{
	random_failed++;
}

void __wrap_engine_random_tested(struct engine *e, uint64_t until_ns)
{
	random_until = until_ns;
}

void __wrap_engine_gap(struct engine *e, uint64_t first_slot, uint64_t last_slot)
{
	gaps++;
	gap_at = found_count;
	gap_first = first_slot;
	gap_last = last_slot;
}

void __wrap_engine_slots_restarted(struct engine *e)
{
	restarts++;
}

void __wrap_engine_lookups_lost(struct engine *e)
{
	lookups_lost++;
}

void __wrap_engine_choices(struct engine *e, const struct choice *c, size_t n)
{
	answers++;
	memcpy(answer, c, n * sizeof(c[0]));
	answer_len = n;
}

static struct optics *start(enum card_role role)
{
	struct card_config config = {.transport = "fake",
	                             .path = "card0",
	                             .role = role,
	                             .mu1 = 0.3,
	                             .mu2 = 0.1,
	                             .p_mu1 = 0.3,
	                             .p_z = 0.8,
	                             .holdoff_ns = 1000,
	                             .watchdog_ms = 300};
	struct optics *o;

	log_level_set("*", LOG_LEVEL_ERR);
	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&fake_transport), 0);
	}
	fake_new(role == CARD_IS_ALICE ? CARD_ROLE_ALICE : CARD_ROLE_BOB);
	found_count = gaps = restarts = lookups_lost = answers = random_failed = 0;
	err = (struct err){0};
	o = optics_create(&config, 0.5, 60, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static void stop(struct optics *o)
{
	optics_destroy(o);
	CU_ASSERT_EQUAL(secret_used(), 0);
	free(fake.dma);
	fake.dma = NULL;
}

static struct optics_status status_of(const struct optics *o)
{
	struct optics_status s;

	optics_status_read(o, &s);
	return s;
}

static unsigned int turn(struct optics *o)
{
	now += NS_PER_MS;
	return optics_poll(o, NULL, now);
}

/* One buffer of tags, and turns until all are read out. */
static void give(struct optics *o, const uint64_t *tags, unsigned int n)
{
	fake.slot = CARD_TAG_SLOT(tags[n - 1]);
	CU_ASSERT_TRUE_FATAL(fake_tags(tags, n));
	for (int i = 0; i < 4; i++)
		turn(o);
}

/* N clicks at regular distances, 1/256 SUB late in their slots; returns the last slot. */
static uint64_t clicks(struct optics *o, unsigned int n, int sub)
{
	uint64_t tags[256], slot = fake.slot, noise = 1;

	while (n > 0) {
		unsigned int k = 0;

		for (; k < 256 && k < n; k++) {
			slot += SPACING;
			noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
			tags[k] = CARD_TAG(CARD_TAG_CLICK, k % 4,
			                   sub < 0 ? noise >> 56 : (unsigned int)sub, slot);
		}
		give(o, tags, k);
		n -= k;
	}
	return slot;
}

static struct optics *locked(void)
{
	struct optics *o = start(CARD_IS_BOB);

	CU_ASSERT_TRUE_FATAL(optics_supervise(o, now, &err));
	CU_ASSERT_EQUAL(optics_slot_now(o), 0);
	clicks(o, 1024, 100);
	CU_ASSERT_TRUE_FATAL(status_of(o).phase_locked);
	/* Each click is handed on or counted. */
	CU_ASSERT_EQUAL(status_of(o).clicks_no_phase + found_count, 1024);
	CU_ASSERT_EQUAL(status_of(o).clicks_same_slot, 0);
	CU_ASSERT_EQUAL(restarts, 0);
	CU_ASSERT_EQUAL(optics_slot_now(o), fake.slot);
	found_count = 0;
	return o;
}

static void test_no_card_then_one(void)
{
	struct optics *o = start(CARD_IS_ALICE);
	uint64_t slot = 1;

	fake.absent = true;
	CU_ASSERT_FALSE(optics_supervise(o, now, &err));
	CU_ASSERT_EQUAL(err.code, ENODEV);
	CU_ASSERT_EQUAL(optics_poll(o, NULL, now), 0);
	CU_ASSERT_EQUAL(optics_source_mode(o, SOURCE_QKD, &slot), -ENODEV);
	CU_ASSERT_EQUAL(optics_lookup(o, &slot, 1), -ENODEV);
	CU_ASSERT_EQUAL(optics_random(o, &slot, sizeof(slot)), -EAGAIN);
	CU_ASSERT_EQUAL(optics_slot_now(o), 0);
	CU_ASSERT_FALSE(status_of(o).present);
	CU_ASSERT_FALSE(status_of(o).simulated);

	/* Not at every call. */
	fake.absent = false;
	CU_ASSERT_FALSE(optics_supervise(o, now, &err));
	now += 1000 * NS_PER_S;
	CU_ASSERT_TRUE(optics_supervise(o, now, &err));
	CU_ASSERT(status_of(o).present && status_of(o).simulated);
	CU_ASSERT_TRUE(status_of(o).card.armed);
	CU_ASSERT_EQUAL(optics_slot_now(o), fake.slot);
	CU_ASSERT_EQUAL(optics_source_mode(o, SOURCE_SYNC, &slot), 0);
	CU_ASSERT_EQUAL(slot, fake.slot + 1000);
	CU_ASSERT_EQUAL(*fake_reg(CARD_TX_MODE), CARD_TX_MODE_SYNC);
	/* In use: nothing to do, however often it is called. */
	fake.written = 0;
	now += 1000 * NS_PER_S;
	CU_ASSERT_TRUE(optics_supervise(o, now, &err));
	CU_ASSERT_EQUAL(fake.written, 0);
	stop(o);
	CU_ASSERT_EQUAL(*fake_reg(CARD_CTRL), 0);
}

static void test_card_that_does_not_answer_gets_little_time(void)
{
	struct optics *o = start(CARD_IS_BOB);
	uint64_t begin = clock_mono_ns(), took;

	fake.stuck_reset = true;
	CU_ASSERT_FALSE(optics_supervise(o, now, &err));
	took = clock_mono_ns() - begin;
	CU_ASSERT_EQUAL(err.code, ETIMEDOUT);
	CU_ASSERT(took >= NS_PER_S);
	fake.stuck_reset = false;
	fake.written = 0;
	CU_ASSERT_FALSE(optics_supervise(o, now + 9 * NS_PER_S, &err));
	CU_ASSERT_EQUAL(fake.written, 0);
	CU_ASSERT_TRUE(optics_supervise(o, now + 10 * took, &err));
	stop(o);
}

static void check_given_up(struct optics *o, unsigned int times)
{
	uint64_t slot = 5;

	CU_ASSERT_EQUAL(lookups_lost, times);
	CU_ASSERT_EQUAL(restarts, times);
	CU_ASSERT_FALSE(status_of(o).present);
	/* Key that is still being made has its clicks. */
	CU_ASSERT_TRUE(status_of(o).simulated);
	CU_ASSERT_FALSE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(turn(o), 0);
	CU_ASSERT_EQUAL(optics_slot_now(o), 0);
	CU_ASSERT_EQUAL(optics_lookup(o, &slot, 1), -ENODEV);
	CU_ASSERT_EQUAL(lookups_lost, times);
}

static void test_fault_and_loss_are_followed_by_a_new_start(void)
{
	struct optics *o = locked();

	fake_fault(CARD_FAULT_CONFIG, 7);
	CU_ASSERT_EQUAL(turn(o), 1);
	check_given_up(o, 1);
	now += 1000 * NS_PER_S;
	CU_ASSERT_TRUE(optics_supervise(o, now, &err));
	CU_ASSERT_TRUE(status_of(o).present);
	CU_ASSERT_EQUAL(optics_slot_now(o), 0);
	/* Another epoch, but the engine was told when the card went. */
	clicks(o, 1024, 200);
	CU_ASSERT_TRUE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(restarts, 1);
	CU_ASSERT(found_count > 256);

	fake.dead = true;
	CU_ASSERT_EQUAL(turn(o), 1);
	check_given_up(o, 2);
	fake.dead = false;
	now += 1000 * NS_PER_S;
	CU_ASSERT_TRUE(optics_supervise(o, now, &err));
	stop(o);
}

static void test_detections_keep_distance_basis_and_bit(void)
{
	struct optics *o = locked();
	uint64_t first = fake.slot + SPACING;

	clicks(o, 300, 100);
	CU_ASSERT_EQUAL_FATAL(found_count, 300);
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int detector = i % 256 % 4;

		CU_ASSERT_EQUAL(found[i].slot, first + (uint64_t)i * SPACING);
		CU_ASSERT_EQUAL(found[i].basis, detector >= X0);
		CU_ASSERT_EQUAL(found[i].bit, detector % 2);
	}
	stop(o);
}

static void test_a_slot_is_detected_once(void)
{
	struct optics *o = locked();
	uint64_t s = fake.slot + SPACING;
	/* The grid's phase is 100/256: late clicks of a card's slot are the next slot's. */
	const uint64_t tags[] = {CARD_TAG(CARD_TAG_CLICK, Z0, 250, s),
	                         CARD_TAG(CARD_TAG_CLICK, Z1, 100, s + 1),
	                         CARD_TAG(CARD_TAG_CLICK, X1, 100, s + 2)};

	give(o, tags, 3);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT_EQUAL(found[0].slot, s + 1);
	CU_ASSERT_EQUAL(found[0].bit, 0);
	CU_ASSERT_EQUAL(found[1].slot, s + 2);
	CU_ASSERT_EQUAL(status_of(o).clicks_same_slot, 1);
	stop(o);
}

static unsigned int crosses;

/* What N double clicks of MASK become: counts by basis and bit, and those marked as of both. */
static void doubles(unsigned int mask, unsigned int n, unsigned int count[2][2])
{
	struct optics *o = locked();
	uint64_t tags[400], slot = fake.slot;

	for (unsigned int i = 0; i < n; i++)
		tags[i] = CARD_TAG(CARD_TAG_DOUBLE, mask, 100, slot += SPACING);
	give(o, tags, n);
	CU_ASSERT_EQUAL_FATAL(found_count, n);
	memset(count, 0, 4 * sizeof(count[0][0]));
	crosses = 0;
	for (unsigned int i = 0; i < n; i++) {
		count[found[i].basis][found[i].bit]++;
		crosses += found[i].cross;
	}
	stop(o);
}

/* Within 7 standard deviations of a fair coin. */
static bool fair(unsigned int k, unsigned int n)
{
	double d = k - n / 2.0;

	return d * d < 49 * n / 4.0;
}

static void test_double_clicks_are_squashed(void)
{
	unsigned int c[2][2];

	doubles(1 << Z0 | 1 << Z1, 400, c);
	CU_ASSERT_EQUAL(c[1][0] + c[1][1], 0);
	CU_ASSERT_TRUE(fair(c[0][0], 400));
	doubles(1 << X0 | 1 << X1, 400, c);
	CU_ASSERT_EQUAL(c[0][0] + c[0][1], 0);
	CU_ASSERT_TRUE(fair(c[1][0], 400));
	CU_ASSERT_EQUAL(crosses, 0);
	/* Across bases the basis is random, the bit that of the detector in it. */
	doubles(1 << Z1 | 1 << X0, 400, c);
	CU_ASSERT_EQUAL(c[0][0] + c[1][1], 0);
	CU_ASSERT_TRUE(fair(c[0][1], 400));
	doubles(1 << Z0 | 1 << Z1 | 1 << X1, 400, c);
	CU_ASSERT_EQUAL(crosses, 400);
	CU_ASSERT_EQUAL(c[1][0], 0);
	CU_ASSERT_TRUE(fair(c[1][1], 400));
	CU_ASSERT_TRUE(fair(c[0][0], 400 - c[1][1]));
}

static void test_gap_comes_between_its_detections(void)
{
	struct optics *o = locked();
	uint64_t s = fake.slot + SPACING;
	const uint64_t tags[] = {CARD_TAG(CARD_TAG_CLICK, Z0, 100, s),
	                         CARD_TAG(CARD_TAG_GAP, 0, 0, s + 10),
	                         CARD_TAG(CARD_TAG_GAP_END, 0, 3, s + 500),
	                         CARD_TAG(CARD_TAG_CLICK, Z1, 100, s + 501)};

	give(o, tags, 4);
	CU_ASSERT_EQUAL(gaps, 1);
	CU_ASSERT_EQUAL(gap_at, 1);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT(gap_first > found[0].slot && gap_first <= s + 10);
	CU_ASSERT(gap_last >= s + 499 && gap_last < found[1].slot);
	stop(o);
}

static void test_lost_phase_restarts_the_slots(void)
{
	struct optics *o = locked();

	/* 2^24 slots without a common phase, then another one. */
	clicks(o, 1400, -1);
	CU_ASSERT_FALSE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(optics_slot_now(o), 0);
	CU_ASSERT_EQUAL(restarts, 0);
	found_count = 0;
	clicks(o, 1024, 230);
	CU_ASSERT_TRUE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(restarts, 1);
	CU_ASSERT(found_count > 256);
	for (size_t i = 1; i < found_count; i++)
		CU_ASSERT_EQUAL(found[i].slot, found[i - 1].slot + SPACING);
	stop(o);
}

static void test_light_that_goes_loses_the_phase(void)
{
	struct optics *o = locked();

	for (int i = 0; i < 200; i++) {
		fake.slot += NS_PER_MS;
		turn(o);
	}
	CU_ASSERT_FALSE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(found_count, 0);
	stop(o);
}

/* N clicks that the fake card is given one buffer at a time; false: its ring is full. */
static bool buffers(unsigned int n, uint64_t *slot)
{
	uint64_t tags[256];

	for (; n > 0; n--) {
		for (unsigned int k = 0; k < 256; k++)
			tags[k] = CARD_TAG(CARD_TAG_CLICK, k % 4, 100, *slot += SPACING);
		fake.slot = *slot;
		if (!fake_tags(tags, 256))
			return false;
	}
	return true;
}

/* What the engine has no room for stays at the card, however long, and comes when there is. */
static void test_clicks_stay_at_the_card(void)
{
	struct optics *o = locked();
	uint64_t first = fake.slot + SPACING, slot = fake.slot;

	full = true;
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_TRUE(buffers(1, &slot));
		turn(o);
	}
	CU_ASSERT_EQUAL(found_count, 0);
	CU_ASSERT_TRUE(status_of(o).held);
	CU_ASSERT_EQUAL(status_of(o).holds, 1);
	CU_ASSERT_EQUAL(status_of(o).held_ns, 99 * NS_PER_MS);
	full = false;
	while (turn(o) > 0 && found_count < 25600)
		;
	CU_ASSERT_FALSE(status_of(o).held);
	CU_ASSERT_EQUAL(status_of(o).clicks_too_old, 25600 - found_count);
	/* 0.42 s: none is too old, and they are all there in order. */
	CU_ASSERT_EQUAL(status_of(o).clicks_too_old, 0);
	CU_ASSERT_EQUAL(found[0].slot, first);
	CU_ASSERT_EQUAL(gaps, 0);
	CU_ASSERT_EQUAL(restarts, 0);
	stop(o);
}

/* What waited for more than half a second is passed over, one gap, and the clock goes on with it.
 */
static void test_old_clicks_are_passed_over(void)
{
	struct optics *o = locked();
	uint64_t slot = fake.slot, first = slot + SPACING, young;

	full = true;
	CU_ASSERT_TRUE(buffers(20, &slot)); /* 84 ms */
	turn(o);
	fake.slot =
	        slot + ENGINE_PATIENCE_NS - 4 * 256 * SPACING; /* the last four buffers are young */
	turn(o);
	full = false;
	while (turn(o) > 0)
		;
	young = slot - (4 * 256 - 1) * SPACING;
	CU_ASSERT(found_count >= 4 * 256 - 1 && found_count <= 4 * 256 + 1);
	CU_ASSERT_EQUAL(found_count + status_of(o).clicks_too_old, 20 * 256);
	CU_ASSERT_EQUAL(found[0].slot, young + (4 * 256 - found_count) * SPACING);
	CU_ASSERT_EQUAL(gaps, 1);
	CU_ASSERT_EQUAL(gap_at, 0);
	CU_ASSERT_EQUAL(gap_first, first);
	CU_ASSERT_EQUAL(gap_last, found[0].slot - SPACING);
	CU_ASSERT_TRUE(status_of(o).phase_locked);
	CU_ASSERT_EQUAL(restarts, 0);
	stop(o);
}

static void test_drops_of_the_card_are_counted(void)
{
	struct optics *o = locked();

	*fake_ring_reg(CARD_RING_TAGS, CARD_RING_DROPPED_LO) = 5;
	*fake_ring_reg(CARD_RING_TAGS, CARD_RING_DROPPED_HI) = 1;
	for (int i = 0; i < 20; i++)
		turn(o);
	CU_ASSERT_EQUAL(status_of(o).card.dropped_tags, (1ULL << 32) + 5);
	stop(o);
}

static void answer_query(uint64_t first, uint32_t n)
{
	uint32_t words[CARD_LOOKUP_MAX];

	fake_complete(CARD_RING_QUERIES, 8 * n, first);
	for (uint32_t i = 0; i < n; i++)
		words[i] = CARD_CHOICE_VALID | (i & 1 ? CARD_CHOICE_BIT : 0) |
		           (i & 2 ? CARD_CHOICE_BASIS_X : 0) | (uint32_t)((first + i) & 0xffffff);
	CU_ASSERT_TRUE(fake_put(CARD_RING_CHOICES, words, 4 * n, first));
}

static void test_answers_come_in_order_a_few_a_turn(void)
{
	struct optics *o = start(CARD_IS_ALICE);
	uint64_t slots[4];

	CU_ASSERT_TRUE_FATAL(optics_supervise(o, now, &err));
	for (uint64_t q = 0; q < 10; q++) {
		for (uint64_t i = 0; i < 4; i++)
			slots[i] = 1000 * q + i;
		CU_ASSERT_EQUAL(optics_lookup(o, slots, 4 - q % 2), 0);
	}
	turn(o);
	for (uint64_t q = 0; q < 10; q++)
		answer_query(1000 * q, 4 - q % 2);
	CU_ASSERT(turn(o) > 0);
	CU_ASSERT_EQUAL(answers, 8);
	CU_ASSERT(turn(o) > 0);
	CU_ASSERT_EQUAL(answers, 10);
	CU_ASSERT_EQUAL(answer_len, 3);
	for (unsigned int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(answer[i].bit, i & 1);
		CU_ASSERT_EQUAL(answer[i].basis, i >> 1);
		CU_ASSERT_EQUAL(answer[i].valid, 1);
	}
	turn(o);
	CU_ASSERT_EQUAL(answers, 10);
	stop(o);
}

static void give_random(struct optics *o, unsigned int buffers)
{
	uint8_t raw[4096];

	for (unsigned int i = 0; i < buffers; i++) {
		for (size_t k = 0; k < sizeof(raw); k++)
			raw[k] = (uint8_t)dice(256);
		CU_ASSERT_TRUE_FATAL(fake_put(CARD_RING_QRNG, raw, sizeof(raw), 0));
		turn(o);
	}
}

/* A stuck source: dark at once, void what it chose, and dark until it is let go and passes. */
static void test_random_fault_is_latched(void)
{
	struct optics *o = start(CARD_IS_ALICE);
	uint8_t stuck[4096] = {0};

	CU_ASSERT_TRUE_FATAL(optics_supervise(o, now, &err));
	turn(o);
	CU_ASSERT_EQUAL(random_until, 0);
	give_random(o, 8);
	CU_ASSERT_EQUAL(status_of(o).qrng.state, QRNG_OK);
	CU_ASSERT_EQUAL(random_until, 0);
	give_random(o, 25);
	/* Rounds of 16 buffers: what was drawn before the second one is known to be good. */
	CU_ASSERT(random_until <= now - 16 * NS_PER_MS && random_until > now - 25 * NS_PER_MS);
	CU_ASSERT_EQUAL(optics_random(o, stuck, 16), 0);

	memset(stuck, 0, sizeof(stuck));
	fake_put(CARD_RING_QRNG, stuck, sizeof(stuck), 0);
	turn(o);
	CU_ASSERT_EQUAL(random_failed, 1);
	CU_ASSERT_FALSE(status_of(o).present);
	CU_ASSERT((*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED) == 0);
	now += NS_PER_S;
	CU_ASSERT_TRUE_FATAL(optics_supervise(o, now, &err));
	CU_ASSERT((*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED) == 0);
	turn(o);
	give_random(o, 20);
	CU_ASSERT_EQUAL(random_until, 0);
	CU_ASSERT_EQUAL(status_of(o).qrng.state, QRNG_FAILED);
	CU_ASSERT_EQUAL(status_of(o).qrng.fault, QRNG_FAULT_STUCK);
	CU_ASSERT_EQUAL(optics_random(o, stuck, 16), -EIO);
	CU_ASSERT_EQUAL(random_failed, 1);

	qrng_restart(optics_qrng(o)->qrng);
	give_random(o, 7);
	CU_ASSERT_EQUAL(status_of(o).qrng.state, QRNG_STARTUP);
	CU_ASSERT_TRUE(status_of(o).qrng.latched);
	give_random(o, 1);
	CU_ASSERT_FALSE(status_of(o).present);
	now += NS_PER_S;
	CU_ASSERT_TRUE_FATAL(optics_supervise(o, now, &err));
	CU_ASSERT((*fake_reg(CARD_STATUS) & CARD_STATUS_ARMED) != 0);
	turn(o);
	give_random(o, 20);
	CU_ASSERT_EQUAL(optics_random(o, stuck, 16), 0);
	CU_ASSERT_FALSE(status_of(o).qrng.latched);
	stop(o);
}

UNIT_MAIN(UNIT(test_random_fault_is_latched), UNIT(test_no_card_then_one),
          UNIT(test_card_that_does_not_answer_gets_little_time),
          UNIT(test_fault_and_loss_are_followed_by_a_new_start),
          UNIT(test_detections_keep_distance_basis_and_bit), UNIT(test_a_slot_is_detected_once),
          UNIT(test_double_clicks_are_squashed), UNIT(test_gap_comes_between_its_detections),
          UNIT(test_clicks_stay_at_the_card), UNIT(test_old_clicks_are_passed_over),
          UNIT(test_drops_of_the_card_are_counted), UNIT(test_lost_phase_restarts_the_slots),
          UNIT(test_light_that_goes_loses_the_phase), UNIT(test_answers_come_in_order_a_few_a_turn))
