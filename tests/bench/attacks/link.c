/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/link.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "dataplane/squash.h"
#include "drivers/model/choices.h"
#include "drivers/transport.h"

#define FILE_BYTES  (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)
#define START_NS    (1000 * NS_PER_S)
#define MODEL_NS    (10 * NS_PER_MS) /* the contract's longest turn of a card */
#define WAIT_NS     (250 * NS_PER_US)
#define CLICKS_MAX  512
#define WATCHDOG_MS 1000
#define NO_LIGHT_NS (2 * NS_PER_S) /* qkd-engine/engine_bob.c */
#define POWER_NS    (1 * NS_PER_S) /* control/link_supervise.c */
/*
 * Neither tests of the random source, which cost more than all the rest and have rows of their own,
 * nor data channels.
 */
#define LEFT_OUT (CARD_FEATURE_QRNG | CARD_FEATURE_OCM | CARD_FEATURE_OTDR)

/* The one of this process, for the transport. */
static struct attacked_link *link;
static bool waiting; /* the driver waits for its card: time passes while it looks */

void link_params_default(struct link_params *p)
{
	*p = (struct link_params){
	        .optics = optics_link_default,
	        .source = {.mu = {0.5, 0.1}, .p = {0.7, 0.3}, .eps_sec = 1e-12, .eps_cor = 1e-15},
	        .p_z = 0.8,
	        .holdoff_ns = 10000,
	        .block_bits = 1000000,
	        .sample_interval = 64,
	        .qber_abort = 0.08,
	        .qber_alarm = 0.05};
	p->optics.distance_km = 50;
	p->optics.drift = drift_buried;
	p->optics.drift.intensity = 0.03;
}

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static void pass(struct attacked_link *l, uint64_t ns)
{
	l->now_ns += ns;
	sim_link_turn(&l->sim, l->now_ns);
}

/* A transport to the card of the site that its path names. */

static int t_open(const char *path, void **state, struct err *err)
{
	*state = link->map[strcmp(path, "a") == 0 ? SITE_A : SITE_B];
	return 0;
}

static void t_close(void *state)
{
}

static uint32_t word(const uint8_t *map, uint32_t offset)
{
	uint32_t v;

	memcpy(&v, map + offset, sizeof(v));
	return v;
}

static void put(uint8_t *map, uint32_t offset, uint32_t v)
{
	memcpy(map + offset, &v, sizeof(v));
}

static uint32_t t_read32(void *state, uint32_t offset)
{
	if (waiting)
		pass(link, WAIT_NS);
	return word(state, offset);
}

static int t_read64(void *state, uint32_t offset, uint64_t *value)
{
	*value = (uint64_t)word(state, offset + 4) << 32 | word(state, offset);
	return 0;
}

static bool t_written(void *state)
{
	return word(state, CARD_SHM_MBOX_DONE) == word(state, CARD_SHM_MBOX_SEQ);
}

static int t_write32(void *state, uint32_t offset, uint32_t value)
{
	if (!t_written(state))
		pass(link, WAIT_NS);
	if (!t_written(state))
		return -EAGAIN;
	put(state, CARD_SHM_MBOX_OFFSET, offset);
	put(state, CARD_SHM_MBOX_VALUE, value);
	put(state, CARD_SHM_MBOX_SEQ, word(state, CARD_SHM_MBOX_SEQ) + 1);
	if (waiting)
		pass(link, WAIT_NS);
	return 0;
}

static void t_doorbell(void *state, uint32_t offset, uint32_t value)
{
	put(state, offset, value);
}

static void t_dma(void *state, struct transport_dma *out)
{
	*out = (struct transport_dma){(uint8_t *)state + CARD_BAR0_BYTES, CARD_SHM_DMA_BYTES, 0};
}

static bool t_alive(void *state, uint64_t now_ns)
{
	return true;
}

static const struct transport_ops over_model = {.name = "attacked-link",
                                                .open = t_open,
                                                .close = t_close,
                                                .read32 = t_read32,
                                                .read64 = t_read64,
                                                .write32 = t_write32,
                                                .written = t_written,
                                                .doorbell = t_doorbell,
                                                .dma = t_dma,
                                                .alive = t_alive};

/* One detection of each interval is a sample, at a random place. */
static bool is_sample(struct attacked_link *l)
{
	uint32_t interval = l->params.sample_interval;
	bool sample;

	if (l->sample_count == 0)
		l->sample_at = (uint64_t)(rng_uniform(&l->coins) * interval);
	sample = l->sample_count == l->sample_at;
	l->sample_count = (l->sample_count + 1) % interval;
	return sample;
}

static void sift(void *ctx, const struct click *k, int choice)
{
	struct attacked_link *l = ctx;
	struct detected d = {.attacked = k->pulse >= l->attack_pulse};
	struct monitor_counts c = {0};
	struct squashed s;

	/* Without the transmitter's clock the role hands nothing on. */
	if (k->state != CARD_RX_NORMAL || !l->track.locked)
		return;
	l->light_ns = l->now_ns;
	if (choice < 0)
		return;
	s = squash(k->detectors, squash_needs_coins(k->detectors)
	                                 ? (unsigned int)(rng_next(&l->coins) >> 62)
	                                 : 0);
	d.basis = s.basis;
	d.cross = s.cross;
	d.intensity = CHOICE_INTENSITY((unsigned int)choice);
	d.matched = s.basis == ((unsigned int)choice & CHOICE_BASIS_X);
	d.wrong = s.bit != ((choice & CHOICE_BIT) != 0);
	if (!is_sample(l)) {
		blocks_add(&l->blocks, &d, l->now_ns);
		return;
	}
	if (!d.matched)
		return;
	c.n[d.basis] = 1;
	c.e[d.basis] = d.wrong;
	l->disturbed[d.basis] += d.attacked;
	*(d.basis == 0 ? &l->engine.sampled_z : &l->engine.sifted_x) += 1;
	*(d.basis == 0 ? &l->engine.sample_errors_z : &l->engine.errors_x) += d.wrong;
	*(d.intensity == 0 ? &l->engine.sampled_signal : &l->engine.sampled_decoy) += 1;
	l->engine.sampled_x += d.basis;
	l->engine.sample_errors_x += d.basis && d.wrong;
	blocks_sampled(&l->blocks, &c, l->now_ns);
}

static struct card *open_card(const struct attacked_link *l, unsigned int site)
{
	struct card_config config = {.transport = over_model.name,
	                             .path = site == SITE_A ? "a" : "b",
	                             .role = site == SITE_A ? CARD_IS_ALICE : CARD_IS_BOB,
	                             .mu1 = l->params.source.mu[0],
	                             .mu2 = l->params.source.mu[1],
	                             .p_mu1 = l->params.source.p[0],
	                             .p_z = l->params.p_z,
	                             .holdoff_ns = (uint32_t)l->params.holdoff_ns,
	                             .watchdog_ms = WATCHDOG_MS};
	struct card *card;
	struct err err = {0};

	if (card_open(&config, &card, &err) < 0 || card_arm(card, &err) < 0)
		fail(err.text);
	return card;
}

/* A card that offers less. */
static void leave_out(struct shm_card *card)
{
	card->features &= ~LEFT_OUT;
	shm_card_put(card, CARD_FEATURES_LO, card->features);
}

void link_open(struct attacked_link *l, const struct link_params *p, uint64_t seed)
{
	uint64_t from;
	struct rng rng;

	memset(l, 0, sizeof(*l));
	link = l;
	transport_add(&over_model);
	l->params = *p;
	l->attack_pulse = UINT64_MAX;
	rng_init_seed(&rng, seed);
	rng_init_seed(&l->coins, rng_next(&rng));
	phase_track_init(&l->track);
	for (unsigned int i = 0; i < SITES; i++) {
		l->map[i] = calloc(1, FILE_BYTES);
		l->monitor[i] = aligned_alloc(64, sizeof(*l->monitor[i]));
		if (l->map[i] == NULL || l->monitor[i] == NULL)
			fail("out of memory");
		memset(l->monitor[i], 0, sizeof(*l->monitor[i]));
	}
	l->now_ns = START_NS;
	if (blocks_init(&l->blocks, &p->source, (uint32_t)ceil(p->block_bits / (p->p_z * p->p_z)),
	                p->qber_abort, p->qber_alarm) < 0 ||
	    sim_link_init(&l->sim, &p->optics, &rng, l->map[SITE_A], l->map[SITE_B], l->now_ns) < 0)
		fail("out of memory");
	leave_out(&l->sim.alice.card);
	leave_out(&l->sim.bob.card);
	waiting = true;
	for (unsigned int i = 0; i < SITES; i++)
		l->card[i] = open_card(l, i);
	if (card_tx_mode(l->card[SITE_A], CARD_TX_QKD, &from) < 0)
		fail("the card refuses the light of keys");
	waiting = false;
	l->sim.seen = sift;
	l->sim.seen_ctx = l;
	l->start_ns = l->light_ns = l->now_ns;
}

bool link_is_dark(const struct attacked_link *l)
{
	return l->now_ns - l->light_ns >= NO_LIGHT_NS;
}

void link_close(struct attacked_link *l)
{
	waiting = true;
	for (unsigned int i = 0; i < SITES; i++)
		card_close(l->card[i]);
	waiting = false;
	sim_link_free(&l->sim);
	blocks_free(&l->blocks);
	for (unsigned int i = 0; i < SITES; i++) {
		free(l->map[i]);
		free(l->monitor[i]);
	}
}

void link_attack(struct attacked_link *l, const struct attack *attack, uint64_t seed)
{
	struct rng dice;

	rng_init_seed(&dice, seed);
	rng_init_seed(&l->sim.clicks.rng, rng_next(&dice));
	rng_init_seed(&l->sim.clicks.state_rng, rng_next(&dice));
	rng_init_seed(&l->sim.clicks.drift.rng, rng_next(&dice));
	rng_init_seed(&l->sim.alice.card.rng, rng_next(&dice));
	rng_init_seed(&l->sim.bob.card.rng, rng_next(&dice));
	rng_init_seed(&l->coins, rng_next(&dice));
	if (sim_link_attack(&l->sim, attack) < 0)
		fail("the link refuses the attack");
	l->attack_pulse = l->sim.attack.pulse;
	l->disturbed[0] = l->disturbed[1] = 0;
	blocks_mark(&l->blocks);
}

/* False: there were none. */
static bool take_clicks(struct attacked_link *l)
{
	static struct card_click clicks[CLICKS_MAX];
	size_t n, all = 0;

	do {
		n = card_clicks(l->card[SITE_B], clicks, CLICKS_MAX);
		for (size_t i = 0; i < n; i++) {
			const struct card_click *c = &clicks[i];
			uint64_t slot;
			double late;

			if (!c->gap && phase_track_click(&l->track, c->slot, c->sub, &slot) &&
			    phase_track_late(&l->track, c->slot, c->sub, &late))
				optics_monitor_arrival(l->monitor[SITE_B], c->detectors, late);
		}
		all += n;
	} while (n == CLICKS_MAX);
	return all > 0;
}

/* As the optics role does. */
static void drive(struct attacked_link *l)
{
	for (unsigned int i = 0; i < SITES; i++) {
		if (l->lost[i])
			continue;
		if (card_poll(l->card[i], l->now_ns) < 0) {
			l->lost[i] = true;
			optics_monitor_lost(l->monitor[i], card_fault(l->card[i]));
			continue;
		}
		optics_monitor_poll(l->monitor[i], l->card[i]);
	}
	if (!l->lost[SITE_B] && !take_clicks(l))
		phase_track_idle(&l->track, card_slot_now(l->card[SITE_B]));
}

void link_turn(struct attacked_link *l)
{
	struct card_status a;
	struct blocks_told told;
	uint32_t power;

	for (uint64_t until = l->now_ns + LINK_TURN_NS; l->now_ns < until;) {
		pass(l, MODEL_NS);
		drive(l);
	}
	blocks_turn(&l->blocks, l->now_ns, &told);
	l->engine.sifted_x += told.x;
	l->engine.errors_x += told.errors;
	l->disturbed[1] += told.attacked;
	memcpy(l->engine.counted, l->blocks.counted, sizeof(l->engine.counted));
	/* Told by the channel each second. */
	if (l->now_ns < l->next_power_ns)
		return;
	l->next_power_ns = l->now_ns + POWER_NS;
	card_status_read(l->card[SITE_A], &a);
	/* As link_supervise.c does. */
	power = a.monitor ? a.output_fw : a.tx_power_nw;
	if (power > 0)
		l->power = power;
}

void link_status(const struct attacked_link *l, unsigned int site, struct qkd_role_status *out)
{
	memset(out, 0, sizeof(*out));
	out->quantum = true;
	out->engine = l->engine;
	out->engine.role = site == SITE_A ? ENGINE_ALICE : ENGINE_BOB;
	out->engine.aligned = l->track.locked;
	out->optics.simulated = true;
	if (l->lost[site])
		return;
	out->optics.present = true;
	out->optics.phase_locked = site == SITE_A || l->track.locked;
	card_status_read(l->card[site], &out->optics.card);
}
