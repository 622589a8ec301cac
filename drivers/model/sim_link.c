/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/sim_link.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/model/attack_plugin.h"

#define BATCH      1024
#define SLOT_MASK  0xffffffffffffULL
#define FS_PER_NS  1000000ULL
#define BEHIND_MAX NS_PER_S
/* Link time made in one turn, so that the cards are served while the link catches up. */
#define TURN_NS (20 * NS_PER_MS)
/* Bob's gap says so: how many are missing is not known. */
#define LOST_UNKNOWN 0xfff
/* A fibre loses more at 1625 nm than at the quantum channel, by Rayleigh less and by glass more. */
#define OTDR_MORE_DB_KM 0.01
/* 37 ps/km/K of 4.9 us/km. */
#define STRETCH_PER_K 7.6e-6
#define CUT_DB        200

static uint64_t slots_of(const struct sim_link *s, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * FS_PER_NS / s->slot_fs);
}

int sim_link_init(struct sim_link *s, const struct optics_link *optics, const struct rng *rng,
                  uint8_t *alice_map, uint8_t *bob_map, uint64_t now_ns)
{
	struct rng dice = *rng, clicks, alice, bob;
	int rc;

	memset(s, 0, sizeof(*s));
	/* A generator each, so that what the host does to one card moves no other dice. */
	rng_init_seed(&clicks, rng_next(&dice));
	rng_init_seed(&alice, rng_next(&dice));
	rng_init_seed(&bob, rng_next(&dice));
	clicks_init(&s->clicks, optics, &clicks);
	s->lit = lit_default;
	s->start_ns = now_ns;
	s->slot_fs = (uint64_t)optics->slot_fs;
	s->delay = (uint64_t)(optics->delay_us_km * optics->distance_km * 1e9 / optics->slot_fs);
	bob_init(&s->bob, bob_map, &s->clicks, 0, &bob);
	rc = alice_init(&s->alice, alice_map, &s->clicks, s->delay, &alice);
	if (rc < 0)
		return rc;
	/* Behind all other dice: they fall as they did without an OTDR. */
	rng_init_seed(&clicks, rng_next(&dice));
	otdr_fibre_lay(&s->fibre_laid, optics->distance_km > 0.01 ? optics->distance_km : 0.01,
	               optics->loss_db_per_km + OTDR_MORE_DB_KM, &clicks);
	s->fibre = s->fibre_done = s->fibre_laid;
	otdr_card_init(&s->alice.card.otdr, &s->fibre, false, rng_next(&dice));
	otdr_card_init(&s->bob.card.otdr, &s->fibre, true, rng_next(&dice));
	ocm_card_init(&s->alice.card.ocm, &s->lit, false, rng_next(&dice));
	ocm_card_init(&s->bob.card.ocm, &s->lit, true, rng_next(&dice));
	s->alice.card.analog.bias_point = optics->modulator_mv;
	s->alice.card.analog.bias_walk = optics->modulator_walk_mv;
	rng_init_seed(&s->alice.card.analog.rng, rng_next(&dice));
	qrng_card_seed(&s->alice.card, &dice);
	qrng_card_seed(&s->bob.card, &dice);
	return 0;
}

void sim_link_free(struct sim_link *s)
{
	otdr_card_free(&s->alice.card.otdr);
	otdr_card_free(&s->bob.card.otdr);
	alice_free(&s->alice);
}

static void add_truth(struct sim_truth *t, const struct click *k, int choice)
{
	unsigned int d = k->detectors, basis = d >= 1u << CARD_DETECTOR_X0;
	bool one = d == 1u << CARD_DETECTOR_Z1 || d == 1u << CARD_DETECTOR_X1;

	t->clicks++;
	t->dark += k->origin == CLICK_DARK;
	t->afterpulses += k->origin == CLICK_AFTERPULSE;
	if (d & (d - 1)) {
		t->doubles++;
	} else if (choice >= 0 && basis == ((unsigned int)choice & CHOICE_BASIS_X)) {
		t->sifted[basis]++;
		t->errors[basis] += one != ((choice & CHOICE_BIT) != 0);
	}
}

static void arrive(struct sim_link *s, const struct click *k)
{
	int choice;

	if (k->has_choice)
		choices_seen(&s->alice.choices, k->pulse, k->choice);
	if (k->has_choice)
		choice = k->qkd ? k->choice : -1;
	else
		choice = choices_get(&s->alice.choices, k->pulse, k->pulse + 1);
	if (s->phase_due && k->pulse >= s->attack.pulse) {
		s->phase_due = false;
		memset(&s->phase, 0, sizeof(s->phase));
	}
	if (k->state == CARD_RX_NORMAL) {
		add_truth(&s->truth, k, choice);
		add_truth(&s->phase, k, choice);
	}
	if (s->seen != NULL)
		s->seen(s->seen_ctx, k, choice);
	bob_click(&s->bob, k);
}

/* The process stood still for too long: say what is missing and go on from now. */
static void skip(struct sim_link *s, uint64_t until)
{
	uint64_t first = clicks_bob_slot(&s->clicks, s->clicks.n);

	s->skips++;
	s->skipped_ms += s->behind_ms;
	if (s->clicks.gates_on)
		bob_gap(&s->bob, first, clicks_bob_slot(&s->clicks, until) - 1, LOST_UNKNOWN);
	clicks_skip(&s->clicks, until);
}

static void take_light(struct sim_link *s);

/* Light of the OTDRs: a channel of the pulses' mean power, whose Raman light no filter keeps off.
 */
static void follow_otdrs(struct sim_link *s)
{
	unsigned int lit = 0;

	if (!(s->clicks.link.otdr_light > 0))
		return;
	lit |= otdr_card_shines(&s->alice.card.otdr) ? 1 : 0;
	lit |= otdr_card_shines(&s->bob.card.otdr) ? 2 : 0;
	if (lit == s->otdrs)
		return;
	s->otdrs = lit;
	take_light(s);
}

static void follow_settings(struct sim_link *s)
{
	const struct analog_light transmitter = analog_light(&s->alice.card);
	const struct analog_light receiver = analog_light(&s->bob.card);

	clicks_set_analog(&s->clicks, &transmitter, &receiver);
}

void sim_link_turn(struct sim_link *s, uint64_t now_ns)
{
	static struct click batch[BATCH];
	uint64_t arriving = slots_of(s, now_ns - s->start_ns), most, until, behind;

	alice_begin(&s->alice, now_ns, arriving + s->delay);
	bob_begin(&s->bob, now_ns, arriving);

	behind = arriving > s->clicks.n ? arriving - s->clicks.n : 0;
	s->behind_ms = (uint64_t)((double)behind * (double)s->slot_fs * 1e-12);
	if (behind > slots_of(s, BEHIND_MAX))
		skip(s, arriving);
	most = s->clicks.n + slots_of(s, TURN_NS);
	until = arriving < most || !s->clicks.gates_on ? arriving : most;
	while (s->clicks.n < until) {
		size_t n = clicks_run(&s->clicks, until, batch, BATCH);

		for (size_t i = 0; i < n; i++)
			arrive(s, &batch[i]);
	}
	follow_settings(s);
	follow_otdrs(s);
	s->alice.card.power = s->clicks.drift.intensity;
	s->alice.card.board_k = s->bob.card.board_k = s->clicks.drift.board_k;
	s->fibre.stretch = s->clicks.drift.fibre_k * STRETCH_PER_K;
	s->alice.card.ocm.fibre_db = s->bob.card.ocm.fibre_db =
	        s->clicks.link.loss_db_per_km * s->clicks.link.distance_km +
	        s->clicks.more_loss_db + s->clicks.drift.loss_db;
	alice_end(&s->alice, s->clicks.n);
	bob_end(&s->bob);
}

/* What was done to it and what ATTACK does, as the OTDRs see it. */
static int fibre_seen(const struct otdr_fibre *done, const struct attack *attack,
                      struct otdr_fibre *out)
{
	struct otdr_point point[ATTACK_POINTS];
	struct otdr_fibre fibre = *done;
	unsigned int n = attack_fibre(attack, fibre.length_km, point);

	for (unsigned int i = 0; i < n; i++)
		if (otdr_fibre_add(&fibre, &point[i]) < 0)
			return -ENOSPC;
	*out = fibre;
	return 0;
}

int sim_link_fibre(struct sim_link *s, const struct otdr_point *point, bool cut)
{
	struct otdr_fibre done = s->fibre_done;
	struct otdr_point at = *point;

	if (!(at.km > 0 && at.km < done.length_km))
		return -EINVAL;
	if (cut)
		at.loss_db = CUT_DB;
	if (otdr_fibre_add(&done, &at) < 0 || fibre_seen(&done, &s->attack.attack, &s->fibre) < 0)
		return -ENOSPC;
	s->fibre_done = done;
	clicks_set_loss(&s->clicks, s->clicks.more_loss_db + at.loss_db);
	return 0;
}

void sim_link_fibre_restore(struct sim_link *s)
{
	s->fibre_done = s->fibre_laid;
	fibre_seen(&s->fibre_done, &s->attack.attack, &s->fibre);
	clicks_set_loss(&s->clicks, 0);
}

static void take_light(struct sim_link *s)
{
	struct lit lit = s->lit;

	for (unsigned int bob = 0; bob < 2; bob++)
		if ((s->otdrs >> bob & 1) != 0 && lit.channels < LIT_MODEL_CHANNELS)
			lit.channel[lit.channels++] =
			        otdr_card_light(bob ? &s->bob.card.otdr : &s->alice.card.otdr);
	clicks_set_noise(&s->clicks, lit_counts_per_slot(&lit, &s->clicks.link, &s->lit_noise));
}

void sim_link_lit(struct sim_link *s, const struct lit *lit)
{
	s->lit = *lit;
	take_light(s);
}

int sim_link_attack(struct sim_link *s, const struct attack *attack)
{
	struct light light = *clicks_last_light(&s->clicks);
	struct otdr_fibre seen;

	if (attack->km >= s->fibre_laid.length_km || attack->lane >= s->alice.card.qrng.lanes)
		return -EINVAL;
	if (fibre_seen(&s->fibre_done, attack, &seen) < 0)
		return -EBUSY;
	light.from = light.from > s->alice.pulse + 1 ? light.from : s->alice.pulse + 1;
	light.attack = *attack;
	if (clicks_set_light(&s->clicks, &light) < 0)
		return -EBUSY;
	s->fibre = seen;
	s->alice.card.qrng.fault = s->bob.card.qrng.fault = *attack;
	s->attack_before = s->attack;
	s->attack = (struct sim_attack){
	        .attack = *attack,
	        .pulse = light.from,
	        .alice_slot = (s->alice.base + light.from) & SLOT_MASK,
	        .bob_slot = (s->bob.base + clicks_bob_slot(&s->clicks, light.from)) & SLOT_MASK,
	};
	s->phase_due = true;
	return 0;
}
