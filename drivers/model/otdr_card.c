/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/otdr_card.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card_table.h"
#include "drivers/model/shm_card.h"

#define LSB_AW       5000 /* full scale is above where the receiver saturates */
#define PULSE_MIN    3
#define PULSE_MAX    20000
#define RANGE_MIN    100
#define RANGE_MAX    300000
#define AVERAGES_MAX (1u << 24)
#define SAMPLE_MIN   1000
#define SAMPLE_MAX   1000000
#define POINTS_MAX   (1u << 20)
#define GROUP_INDEX  1.468 /* docs/optical-card.md: what a metre of OTDR_RANGE is */
#define LIGHT_M_S    299792458.0
/* Between the last light of a shot and the next one. */
#define PAUSE_NS 20000

void otdr_card_init(struct otdr_card *o, const struct otdr_fibre *fibre, bool far_end,
                    uint64_t seed)
{
	free(o->samples);
	memset(o, 0, sizeof(*o));
	o->fibre = fibre;
	o->far_end = far_end;
	o->instrument = otdr_instrument_default;
	rng_init_seed(&o->rng, seed);
	otdr_card_reset(o);
}

void otdr_card_free(struct otdr_card *o)
{
	free(o->samples);
	o->samples = NULL;
}

static uint32_t default_of(uint32_t offset)
{
	return card_register_find(offset)->reset;
}

void otdr_card_reset(struct otdr_card *o)
{
	otdr_card_free(o);
	o->state = CARD_OTDR_IDLE;
	o->id = 0;
	o->gated = false;
	o->wavelength_pm = default_of(CARD_OTDR_WAVELENGTH);
	o->range_m = default_of(CARD_OTDR_RANGE_M);
	o->set.pulse_ns = default_of(CARD_OTDR_PULSE_NS);
	o->set.averages = default_of(CARD_OTDR_AVERAGES);
	o->set.spacing_ps = default_of(CARD_OTDR_SAMPLE_PS);
}

static void show(struct shm_card *card)
{
	struct otdr_card *o = &card->otdr;

	shm_card_put(card, CARD_OTDR_STATE, o->state);
	shm_card_put(card, CARD_OTDR_CTRL, o->state == CARD_OTDR_RUNNING);
}

static void finish(struct shm_card *card, uint32_t state)
{
	otdr_card_free(&card->otdr);
	card->otdr.state = state;
	show(card);
}

void otdr_card_dark(struct shm_card *card)
{
	if (card->otdr.state == CARD_OTDR_RUNNING)
		finish(card, CARD_OTDR_ABORTED);
}

/* The setting that cannot be, or 0. */
static uint32_t wrong(const struct otdr_card *o)
{
	if (o->wavelength_pm != 1625000 && o->wavelength_pm != 1650000)
		return CARD_OTDR_WAVELENGTH;
	if (o->set.pulse_ns < PULSE_MIN || o->set.pulse_ns > PULSE_MAX)
		return CARD_OTDR_PULSE_NS;
	if (o->range_m < RANGE_MIN || o->range_m > RANGE_MAX)
		return CARD_OTDR_RANGE_M;
	if (o->set.averages < 1 || o->set.averages > AVERAGES_MAX)
		return CARD_OTDR_AVERAGES;
	if (o->set.spacing_ps < SAMPLE_MIN || o->set.spacing_ps > SAMPLE_MAX)
		return CARD_OTDR_SAMPLE_PS;
	/* Alice's card does not know when the gates are open. */
	return o->gated && !o->far_end ? CARD_OTDR_GATED : 0;
}

static uint32_t start(struct shm_card *card)
{
	struct otdr_card *o = &card->otdr;
	double range_ps;

	if (o->state == CARD_OTDR_RUNNING)
		return 0;
	if ((card->features_used & CARD_FEATURE_OTDR) == 0)
		return 0; /* lies still until it is accepted */
	if (!card->armed || !card->ring[CARD_RING_OTDR].run)
		return CARD_OTDR_CTRL;
	if (wrong(o) != 0)
		return wrong(o);
	range_ps = 2 * o->range_m * GROUP_INDEX / LIGHT_M_S * 1e12;
	o->taken = o->set;
	o->taken.points = (uint32_t)ceil(range_ps / o->set.spacing_ps);
	if (o->taken.points > POINTS_MAX)
		return CARD_OTDR_SAMPLE_PS;
	o->taken_wavelength_pm = o->wavelength_pm;
	o->shot_ns = range_ps * 1e-3 + o->set.pulse_ns + PAUSE_NS;
	o->shut_ns = o->gated ? o->shot_ns : 0;
	o->shot_ns += CARD_OTDR_GATED_REST * o->shut_ns;
	o->start_ns = card->now_ns;
	o->start_slot = card->slot;
	o->sent = o->flags = 0;
	o->id++;
	o->state = CARD_OTDR_RUNNING;
	shm_card_put(card, CARD_OTDR_ID, o->id);
	shm_card_put(card, CARD_OTDR_POINTS, o->taken.points);
	shm_card_put(card, CARD_OTDR_DONE, 0);
	show(card);
	return 0;
}

uint32_t otdr_card_write(struct shm_card *card, uint32_t offset, uint32_t value)
{
	struct otdr_card *o = &card->otdr;

	switch (offset) {
	case CARD_OTDR_CTRL:
		if (value & 2)
			otdr_card_dark(card);
		else if (value & 1)
			return start(card);
		return 0;
	case CARD_OTDR_WAVELENGTH:
		o->wavelength_pm = value;
		break;
	case CARD_OTDR_PULSE_NS:
		o->set.pulse_ns = value;
		break;
	case CARD_OTDR_RANGE_M:
		o->range_m = value;
		break;
	case CARD_OTDR_AVERAGES:
		o->set.averages = value;
		break;
	case CARD_OTDR_SAMPLE_PS:
		o->set.spacing_ps = value;
		break;
	case CARD_OTDR_GATED:
		value &= 1;
		o->gated = value != 0;
		break;
	default:
		return 0;
	}
	shm_card_put(card, offset, value);
	return 0;
}

/* The averages are complete: the fibre as it is now. */
static void make_trace(struct shm_card *card)
{
	struct otdr_card *o = &card->otdr;
	struct otdr_fibre fibre;
	double *watts = malloc(2 * (size_t)o->taken.points * sizeof(*watts));

	o->samples = malloc(o->taken.points * sizeof(*o->samples));
	if (watts == NULL || o->samples == NULL || o->fibre == NULL) {
		free(watts);
		finish(card, CARD_OTDR_FAILED);
		return;
	}
	fibre = *o->fibre;
	if (o->far_end)
		otdr_fibre_turn(&fibre);
	otdr_trace(&fibre, &o->instrument, &o->taken, &o->rng, watts);
	for (uint32_t i = 0; i < o->taken.points; i++) {
		bool full = watts[i] >= o->instrument.saturation_w;

		o->samples[i] = full ? INT32_MAX : (int32_t)lrint(watts[i] * 1e18 / LSB_AW);
		o->flags |= full ? CARD_OTDR_SATURATED : 0;
	}
	free(watts);
}

/* As many buffers as the host has posted. */
static void send(struct shm_card *card)
{
	struct otdr_card *o = &card->otdr;
	uint32_t total = o->taken.points;

	while (o->sent < total && shm_ring_open(card, CARD_RING_OTDR, o->start_slot)) {
		struct shm_ring *r = &card->ring[CARD_RING_OTDR];
		uint32_t room = (r->len - (uint32_t)sizeof(struct card_otdr_head)) / 4;
		uint32_t n = total - o->sent < room ? total - o->sent : room;
		struct card_otdr_head h = {
		        .slot = o->start_slot & 0xffffffffffffULL,
		        .id = o->id,
		        .first = o->sent,
		        .count = n,
		        .points = total,
		        .averages = o->taken.averages,
		        .wavelength_pm = o->taken_wavelength_pm,
		        .pulse_ns = o->taken.pulse_ns,
		        .sample_ps = o->taken.spacing_ps,
		        .lsb_aw = LSB_AW,
		        .flags = o->flags | (o->sent + n == total ? CARD_OTDR_LAST : 0),
		        .response_ps = (uint32_t)(otdr_response_ns(o->taken.pulse_ns) * 1000),
		};
		uint32_t words[sizeof(h) / 4];

		memcpy(words, &h, sizeof(h));
		for (unsigned int i = 0; i < sizeof(h) / 4 - 1; i++)
			h.check += words[i];
		for (uint32_t i = 0; i < n; i++)
			h.check += (uint32_t)o->samples[o->sent + i];
		memcpy(r->data, &h, sizeof(h));
		memcpy(r->data + sizeof(h), o->samples + o->sent, n * sizeof(*o->samples));
		r->used = (uint32_t)sizeof(h) + n * 4;
		shm_ring_complete(card, CARD_RING_OTDR, 0);
		o->sent += n;
	}
	if (o->sent == total)
		finish(card, CARD_OTDR_DONE_OK);
}

bool otdr_card_shines(const struct otdr_card *o)
{
	return o->state == CARD_OTDR_RUNNING && o->samples == NULL && o->shut_ns == 0;
}

struct lit_channel otdr_card_light(const struct otdr_card *o)
{
	double mean_w = o->instrument.peak_w * o->taken.pulse_ns / o->shot_ns;

	return (struct lit_channel){.ghz = LIGHT_M_S / o->taken_wavelength_pm * 1e3,
	                            .dbm = 10 * log10(mean_w * 1e3),
	                            .counter = o->far_end};
}

void otdr_card_turn(struct shm_card *card)
{
	struct otdr_card *o = &card->otdr;
	double shots;

	if (o->state != CARD_OTDR_RUNNING)
		return;
	shots = (double)(card->now_ns - o->start_ns) / o->shot_ns;
	shm_card_put(card, CARD_OTDR_DONE,
	             shots < o->taken.averages ? (uint32_t)shots : o->taken.averages);
	if (shots < o->taken.averages)
		return;
	if (o->samples == NULL)
		make_trace(card);
	if (o->samples != NULL)
		send(card);
}
