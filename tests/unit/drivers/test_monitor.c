/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Monitor records and limits of the modelled cards, as a host sees them. Counts are held to five
 * standard deviations: 5.7e-7 each that a right model fails, and the seeds are fixed.
 */

#include "drivers/model/monitor.h"

#include <math.h>

#include "tests/unit/drivers/model_host.h"

#define RING     CARD_RING_MONITOR
#define FEATURES (CARD_FEATURE_MONITOR | CARD_FEATURE_PROTECTION)
#define HOLDOFF  1000.0

/* Records of all the time so far, added up. */
struct seen {
	double slots, live[4], clicks[4], doubles[4], bright, histogram[32];
	unsigned int records;
	struct card_monitor_rx rx; /* the last ones */
	struct card_monitor_tx tx;
};

static struct host *lit(const struct optics_link *link, uint64_t seed)
{
	struct host *h = host_open(link, seed);

	for (int end = 0; end < 2; end++) {
		host_write(h, end, CARD_FEATURES_USED_LO, FEATURES);
		ring_run(h, end, RING, 4);
		post(h, end, RING, 16);
	}
	light_up(h);
	return h;
}

static void read_record(struct host *h, int end, uint32_t i, void *out, uint32_t bytes)
{
	const struct card_desc *d = desc(h, end, RING, i & 15);
	uint32_t sum = 0, words[192];

	CU_ASSERT_EQUAL(d->used, bytes);
	memcpy(words, buffer(h, end, RING, i & 15), bytes);
	for (uint32_t w = 0; w < bytes / 4 - 1; w++)
		sum += words[w];
	CU_ASSERT_EQUAL(sum, words[bytes / 4 - 1]);
	memcpy(out, words, bytes);
	post(h, end, RING, i + 17);
}

static void add(struct seen *s)
{
	s->records++;
	s->slots += (double)s->rx.head.slots;
	for (int st = 0; st < 4; st++) {
		s->live[st] += (double)s->rx.live[st];
		s->doubles[st] += s->rx.doubles[st];
		for (int d = 0; d < 4; d++)
			s->clicks[st] += s->rx.clicks[st][d];
	}
	for (int d = 0; d < 4; d++) {
		s->bright += s->rx.bright[d];
		for (int b = 0; b < 32; b++)
			s->histogram[b] += s->rx.histogram[d][b];
	}
}

/* Some time, without what the first record holds of before. */
static void watch(struct host *h, unsigned int ms, struct seen *s)
{
	uint32_t from = head(h, B, RING) + 1, tx = head(h, A, RING);

	memset(s, 0, sizeof(*s));
	for (unsigned int passed = 0; passed < ms; passed += 100) {
		pass_ms(h, 100);
		for (; tx < head(h, A, RING); tx++)
			read_record(h, A, tx, &s->tx, sizeof(s->tx));
		for (uint32_t i = head(h, B, RING) - 1; from <= i; from++) {
			read_record(h, B, from, &s->rx, sizeof(s->rx));
			add(s);
		}
	}
}

static void states(struct host *h, uint32_t low, uint32_t shut, uint32_t emit)
{
	host_write(h, B, CARD_RX_STATE_LOG2, 12);
	host_write(h, B, CARD_RX_P_LOW, low);
	host_write(h, B, CARD_RX_P_SHUT, shut);
	host_write(h, B, CARD_RX_P_EMIT, emit);
	host_write(h, B, CARD_RX_APPLY, 1);
}

/* COUNT against MEAN, both with the spread of counts behind a hold-off at most. */
static bool near(double count, double mean, double sigmas)
{
	bool ok = fabs(count - mean) < sigmas * sqrt(mean) + 1;

	if (!ok)
		printf("%.0f, expected %.0f +- %.0f\n", count, mean, sigmas * sqrt(mean));
	return ok;
}

static double per_slot(const struct optics_link *link, double ratio)
{
	double eta = physics_transmittance(link) * ratio;

	return 0.3 * -expm1(-eta * 0.3) + 0.7 * -expm1(-eta * 0.1);
}

static struct optics_link bare(void)
{
	struct optics_link link = optics_link_default;

	link.afterpulse = 0;
	link.dark_probability = 1e-5;
	return link;
}

static void test_records_hold_every_slot_once(void)
{
	struct host *h = lit(&optics_link_default, 71);
	struct seen s;
	uint64_t slot;

	watch(h, 1000, &s);
	CU_ASSERT(s.records >= 8 && s.records <= 10);
	CU_ASSERT(s.rx.head.type == CARD_MONITOR_RX && s.rx.head.bytes == sizeof(s.rx));
	CU_ASSERT(s.tx.head.type == CARD_MONITOR_TX && s.tx.head.bytes == sizeof(s.tx));
	slot = s.rx.head.slot + s.rx.head.slots;
	watch(h, 200, &s);
	/* The next but one begins where that one's successor ends. */
	CU_ASSERT(s.rx.head.slot >= slot && s.rx.head.slot - slot < 300000000);
	/* What is not live is in the hold-off of a click. */
	CU_ASSERT(near((s.slots - s.live[0]) / HOLDOFF, s.clicks[0], 1));
	CU_ASSERT(s.live[1] == 0 && s.clicks[1] == 0);
	/* A ring without room loses a record, and says so. */
	post(h, B, RING, head(h, B, RING));
	pass_ms(h, 250);
	CU_ASSERT(reg64(h, B, CARD_RING(RING) + CARD_RING_DROPPED_LO) >= 2);
	host_close(h);
}

/* Clicks a slot of light of that gain, dark counts, and light of other channels. */
static double with_noise(double gain, double dark, double noise)
{
	return -expm1(log1p(-gain) - dark - noise);
}

/* NOISE: counts a slot of other light on the fibre, which answers to the states as the link's does.
 */
static void check_states(double noise, uint64_t seed)
{
	struct optics_link link = bare();
	double gain, low, dark = 4e-5;
	struct host *h;
	struct seen s;

	link.noise = noise;
	h = lit(&link, seed);
	gain = per_slot(&link, 1);
	low = per_slot(&link, 0.5);
	states(h, 16384, 16384, 16384);
	watch(h, 2000, &s);
	for (int i = 0; i < 4; i++)
		CU_ASSERT(s.live[i] > 0.015 * s.slots);
	CU_ASSERT(near(s.clicks[CARD_RX_NORMAL],
	               s.live[CARD_RX_NORMAL] * with_noise(gain, dark, noise), 5));
	CU_ASSERT(near(s.clicks[CARD_RX_LOW],
	               s.live[CARD_RX_LOW] * with_noise(low, dark, noise / 2), 5));
	CU_ASSERT(near(s.clicks[CARD_RX_SHUT], s.live[CARD_RX_SHUT] * dark, 5));
	CU_ASSERT(near(s.clicks[CARD_RX_EMIT],
	               s.live[CARD_RX_EMIT] * with_noise(gain, dark + 4e-3, noise), 5));
	/* A quarter of the blocks is normal: its clicks alone are in the histogram. */
	{
		double sum = 0;

		for (int b = 0; b < 32; b++)
			sum += s.histogram[b];
		CU_ASSERT_EQUAL(sum, s.clicks[CARD_RX_NORMAL]);
	}
	host_close(h);
}

static void test_states_of_the_receiver(void)
{
	check_states(0, 72);
	check_states(1e-3, 73);
}

static void test_clicks_of_other_states_are_no_tags(void)
{
	struct host *h = host_open(&optics_link_default, 73);
	uint64_t all, slots = 0;

	host_write(h, B, CARD_FEATURES_USED_LO, FEATURES);
	ring_run(h, B, CARD_RING_TAGS, 4);
	light_up(h);
	states(h, 65536, 0, 0);
	post(h, B, CARD_RING_TAGS, 16);
	all = reg64(h, B, CARD_RX_COUNT_LO(0));
	pass_ms(h, 20);
	CU_ASSERT(reg64(h, B, CARD_RX_COUNT_LO(0)) > all + 1000);
	slots = desc(h, B, CARD_RING_TAGS, 0)->used + 4096 * head(h, B, CARD_RING_TAGS);
	CU_ASSERT(slots <= 8192); /* what came before the states were set, at most */
	host_close(h);
}

static void test_without_acceptance_nothing_happens(void)
{
	struct host *h = host_open(&optics_link_default, 74);

	light_up(h);
	states(h, 65536, 65536, 65536);
	host_write(h, B, CARD_MONITOR_MS, 1);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_NONE);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RX_P_LOW), 65536);
	host_close(h);
	h = lit(&optics_link_default, 75);
	host_write(h, A, CARD_MONITOR_MS, 9);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_MONITOR_MS);
	states(h, 32768, 32768, 1);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_RX_P_EMIT);
	host_close(h);
}

/* Steady blinding light in every place where physics shows it. */
static void test_blinding_shows(void)
{
	struct attack a = {.kind = ATTACK_BLINDING, .power_mw = 1, .trigger = 1.5};
	struct optics_link link = bare();
	struct host *h = lit(&link, 76);
	struct seen honest, s;

	states(h, 16384, 16384, 16384);
	watch(h, 1000, &honest);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &a), 0);
	pass_ms(h, 300);
	watch(h, 1000, &s);
	CU_ASSERT(honest.doubles[0] > 20 && s.doubles[0] == 0);
	CU_ASSERT(honest.clicks[CARD_RX_SHUT] > 100 && s.clicks[CARD_RX_SHUT] == 0);
	/* Reduced efficiency and the emitter make no difference. */
	for (int st = CARD_RX_LOW; st <= CARD_RX_EMIT; st += 2)
		CU_ASSERT(near(s.clicks[st], s.live[st] * per_slot(&link, 1), 5));
	CU_ASSERT(honest.bright == 0 &&
	          s.bright == s.clicks[0] + s.clicks[1] + s.clicks[2] + s.clicks[3]);
	for (int d = 0; d < 4; d++) {
		CU_ASSERT(honest.rx.photocurrent_na[d] < 2000);
		CU_ASSERT(s.rx.photocurrent_na[d] > 20 * honest.rx.photocurrent_na[d]);
	}
	CU_ASSERT(reg(h, B, CARD_RX_PHOTOCURRENT) > 50000);
	host_close(h);
}

static void test_transmitter_sees_what_is_done_to_it(void)
{
	struct attack damage = {.kind = ATTACK_LASER_DAMAGE, .gain_db = 1};
	struct attack trojan = {.kind = ATTACK_TROJAN_HORSE, .power_mw = 1e-3, .duty = 0.1};
	struct host *h = lit(&optics_link_default, 77);
	struct seen honest, s;
	double mean = (0.3 * 0.3 + 0.7 * 0.1) * 1.2815e-19 / 1e-9 * 1e15;

	watch(h, 300, &honest);
	CU_ASSERT_DOUBLE_EQUAL(honest.tx.output_fw[0] / mean, 1, 1e-3);
	CU_ASSERT(honest.tx.output_fw[1] <= honest.tx.output_fw[0] &&
	          honest.tx.output_fw[0] <= honest.tx.output_fw[2]);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &damage), 0);
	pass_ms(h, 100);
	watch(h, 300, &s);
	CU_ASSERT_DOUBLE_EQUAL((double)s.tx.output_fw[0] / honest.tx.output_fw[0], 1.2589, 1e-3);
	CU_ASSERT_DOUBLE_EQUAL((double)s.tx.power_nw[0] / honest.tx.power_nw[0], 1, 5e-3);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &trojan), 0);
	pass_ms(h, 100);
	watch(h, 300, &s);
	CU_ASSERT(honest.tx.back_reflection_pw[0] < 1100 && honest.tx.back_reflection_pw[1] < 1300);
	CU_ASSERT_DOUBLE_EQUAL(s.tx.back_reflection_pw[0], 1.09e4, 300);
	CU_ASSERT_DOUBLE_EQUAL(s.tx.back_reflection_pw[1], 1.01e5, 300);
	host_close(h);
}

/* Beyond a limit the card goes dark by itself; one that is not reached changes nothing. */
static void test_limits(void)
{
	static const struct {
		int end;
		uint32_t limit, value, fault;
		struct attack attack;
	} rows[] = {
	        {A,
	         CARD_OUTPUT_MAX,
	         25000,
	         CARD_FAULT_OUTPUT_POWER,
	         {.kind = ATTACK_LASER_DAMAGE, .gain_db = 3}},
	        {A,
	         CARD_BACK_REFLECTION_MAX,
	         2000,
	         CARD_FAULT_BACK_REFLECTION,
	         {.kind = ATTACK_TROJAN_HORSE, .power_mw = 1e-3, .duty = 1}},
	        {B,
	         CARD_PHOTOCURRENT_MAX,
	         20000,
	         CARD_FAULT_PHOTOCURRENT,
	         {.kind = ATTACK_BLINDING, .power_mw = 1, .trigger = 1.5}},
	        {B, CARD_TEMPERATURE_MAX, 20000, CARD_FAULT_TEMPERATURE, {.kind = ATTACK_NONE}}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host *h = lit(&optics_link_default, 80 + i);
		bool attacked = rows[i].attack.kind != ATTACK_NONE;

		if (attacked) {
			host_write(h, rows[i].end, rows[i].limit, rows[i].value);
			pass_ms(h, 20);
			CU_ASSERT_EQUAL(reg(h, rows[i].end, CARD_FAULT_CODE), CARD_FAULT_NONE);
			CU_ASSERT_EQUAL(sim_link_attack(&h->link, &rows[i].attack), 0);
			turn(h);
			turn(h);
		} else {
			host_write(h, rows[i].end, rows[i].limit, rows[i].value);
			turn(h);
		}
		CU_ASSERT_EQUAL(reg(h, rows[i].end, CARD_FAULT_CODE), rows[i].fault);
		CU_ASSERT_EQUAL(reg(h, rows[i].end, CARD_FAULT_ARG), rows[i].limit);
		CU_ASSERT_EQUAL(reg(h, rows[i].end, CARD_STATUS) & CARD_STATUS_ARMED, 0);
		host_close(h);
	}
}

/* The receiver's card tells what its phase controller leaves over, when it is asked to. */
static void test_phase(void)
{
	for (int used = 0; used < 2; used++) {
		struct optics_link link = bare();
		struct host *h;
		double mean = 0, reading = 0, phase;

		link.drift = drift_aerial;
		h = host_open(&link, 11);
		if (used)
			host_write(h, B, CARD_FEATURES_USED_LO, CARD_FEATURE_PHASE);
		light_up(h);
		for (int i = 0; i < 300; i++) {
			pass_ms(h, 100);
			phase = h->link.clicks.drift.phase;
			mean += phase * phase / 300;
			reading += 1e-6 * reg(h, B, CARD_RX_PHASE) / 300;
		}
		if (used)
			CU_ASSERT_DOUBLE_EQUAL(reading, mean, 0.1 * mean);
		if (!used)
			CU_ASSERT_EQUAL(reading, 0);
		host_close(h);
	}
}

UNIT_MAIN(UNIT(test_records_hold_every_slot_once), UNIT(test_states_of_the_receiver),
          UNIT(test_clicks_of_other_states_are_no_tags),
          UNIT(test_without_acceptance_nothing_happens), UNIT(test_blinding_shows),
          UNIT(test_transmitter_sees_what_is_done_to_it), UNIT(test_limits), UNIT(test_phase))
