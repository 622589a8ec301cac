/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/alice_monitor.h"

#include <math.h>
#include <string.h>

#include "drivers/model/alice.h"
#include "drivers/model/attack_plugin.h"

#define PHOTON_J   1.2815e-19 /* at 1550.12 nm */
#define NW_PER_UA  8.0        /* of the laser above its threshold, before the attenuator */
#define READ_NOISE 2e-3       /* of one reading, relative */
/* Of back reflection in any microsecond over its mean, without light from outside. */
#define RIPPLE 1.1

static void take(struct readings *r, double value)
{
	r->least = r->count == 0 || value < r->least ? value : r->least;
	r->most = r->count == 0 || value > r->most ? value : r->most;
	r->sum += value;
	r->count++;
}

static void put(const struct readings *r, uint32_t out[3])
{
	out[0] = monitor_word(r->count > 0 ? r->sum / (double)r->count : 0);
	out[1] = monitor_word(r->least);
	out[2] = monitor_word(r->most);
}

/* Mean photons of a slot as they leave, before what an attack makes of them. */
static double photons(const struct alice *a, const struct light *light)
{
	struct optics_link link = a->clicks->link;
	struct optics_source s = light->source;
	double mean = 0;

	physics_drifted(&a->clicks->drift, &link, &s);
	if (light->mode == CARD_TX_MODE_DARK)
		return 0;
	if (light->mode == CARD_TX_MODE_SYNC)
		return s.mu1 / 2; /* the pattern lights half of the slots */
	for (unsigned int k = 0; k < OPTICS_INTENSITIES; k++)
		mean += optics_source_p(&s, k) * optics_source_mu(&s, k);
	return mean;
}

void alice_monitor_reset(struct alice *a)
{
	memset(&a->monitor, 0, sizeof(a->monitor));
}

static void record(struct alice *a)
{
	struct alice_monitor *m = &a->monitor;
	struct shm_card *card = &a->card;
	struct card_monitor_tx r = {0};
	uint32_t back[3];

	put(&m->power_nw, r.power_nw);
	put(&m->output_fw, r.output_fw);
	put(&m->back_reflection_pw, back);
	r.back_reflection_pw[0] = back[0];
	r.back_reflection_pw[1] = monitor_word(m->back_reflection_peak_pw);
	r.extinction_mdb = shm_card_get(card, CARD_TX_EXTINCTION);
	r.laser_mc = (int32_t)(card->laser * 1000);
	r.laser_bias_ua = (uint32_t)card->bias;
	r.voa_mdb = (uint32_t)card->analog.actual[CARD_ANALOG_VOA];
	r.modulator_mv = (int32_t)card->analog.actual[CARD_ANALOG_MODULATOR];
	monitor_put(card, CARD_MONITOR_TX, &r, sizeof(r));
	memset(m, 0, sizeof(*m));
}

void alice_monitor_turn(struct alice *a)
{
	struct alice_monitor *m = &a->monitor;
	struct shm_card *card = &a->card;
	const struct light *light = clicks_last_light(a->clicks);
	double slot_s = card->slot_fs * 1e-15, output, back, peak;
	struct attack_monitors eve;
	bool due;

	attack_monitors(&light->attack, &a->clicks->link, &eve);
	card->injected_pw = eve.back_reflection_pw;
	if (!monitor_on(card) && (card->features_used & CARD_FEATURE_PROTECTION) == 0)
		return;
	output = photons(a, light) * PHOTON_J / slot_s * 1e15 * eve.output_gain;
	output *= a->clicks->transmitter.gain;
	back = card->back_reflection + eve.back_reflection_pw;
	peak = card->back_reflection * RIPPLE + eve.back_reflection_peak_pw;
	take(&m->power_nw, card->armed ? card->bias * NW_PER_UA * (1 + card->power) *
	                                         (1 + READ_NOISE * rng_gauss(&card->rng))
	                               : 0);
	take(&m->output_fw, output * (1 + READ_NOISE * rng_gauss(&card->rng)));
	take(&m->back_reflection_pw, back * (1 + READ_NOISE * rng_gauss(&card->rng)));
	m->back_reflection_peak_pw = fmax(m->back_reflection_peak_pw, peak);
	due = monitor_due(card);
	if (due)
		record(a);
	monitor_limit(card, CARD_BACK_REFLECTION_MAX, peak);
	monitor_limit(card, CARD_OUTPUT_MAX, output);
	monitor_limit(card, CARD_TEMPERATURE_MAX, (card->temperature + card->board_k) * 1000);
}
