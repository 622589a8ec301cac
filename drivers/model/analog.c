/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/analog.h"

#include <math.h>

#include "common/clock.h"
#include "drivers/model/shm_card.h"

#define ALICE (1u << CARD_ROLE_ALICE)
#define BOB   (1u << CARD_ROLE_BOB)

/* Settles as e^(-t / tau), well within the contract's times. */
static const struct {
	unsigned int roles;
	int32_t calibrated, min, max;
	double tau_s;
} settings[CARD_ANALOG_COUNT] = {
        [CARD_ANALOG_LASER_BIAS] = {ALICE, 60000, 40000, 80000, 0.005},
        [CARD_ANALOG_LASER_MC] = {ALICE, 25000, 15000, 35000, 4},
        [CARD_ANALOG_VOA] = {ALICE, 50000, 40000, 60000, 0.01},
        [CARD_ANALOG_MODULATOR] = {ALICE, 2500, 0, 6000, 0.003},
        [CARD_ANALOG_PHASE] = {BOB, 0, -3200, 3200, 0.003},
        [CARD_ANALOG_DETECTOR_MC] = {BOB, -40000, -60000, -20000, 5},
};

#define V_PI_MV    5000.0 /* from dark to bright of the modulator */
#define LEAK       1e-3   /* of a modulator at its point: 30 dB */
#define READ_NOISE 0.01   /* of the leak, relative, in one reading of the monitor */
#define MONITOR_NS (10 * NS_PER_MS)
/*
 * Dark counts of InGaAs/InP avalanche photodiodes by their temperature: a factor of 2 for about 10
 * K near -40 C (thermal generation in InGaAs; arXiv:1312.2636 has 1 to 600 a second from -110 C
 * on).
 */
#define DARK_DOUBLES_MC 10000.0

static bool has(const struct shm_card *card, unsigned int i)
{
	return (settings[i].roles >> card->role & 1) != 0;
}

void analog_reset(struct shm_card *card)
{
	struct analog *a = &card->analog;
	uint32_t present = 0;

	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++) {
		if (!has(card, i))
			continue;
		present |= 1u << i;
		a->set[i] = settings[i].calibrated;
		a->active[i] = a->actual[i] = settings[i].calibrated;
		shm_card_put(card, CARD_ANALOG(i) + CARD_ANALOG_SET, (uint32_t)a->set[i]);
		shm_card_put(card, CARD_ANALOG(i) + CARD_ANALOG_ACTUAL, (uint32_t)a->set[i]);
		shm_card_put(card, CARD_ANALOG(i) + CARD_ANALOG_MIN, (uint32_t)settings[i].min);
		shm_card_put(card, CARD_ANALOG(i) + CARD_ANALOG_MAX, (uint32_t)settings[i].max);
	}
	shm_card_put(card, CARD_ANALOG_PRESENT, present);
	a->turn_ns = a->wander_ns = card->now_ns;
}

static uint32_t apply(struct shm_card *card)
{
	struct analog *a = &card->analog;

	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++)
		if (has(card, i) && (a->set[i] < settings[i].min || a->set[i] > settings[i].max))
			return CARD_ANALOG(i) + CARD_ANALOG_SET;
	if ((card->features_used & CARD_FEATURE_ANALOG) == 0)
		return 0;
	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++)
		a->active[i] = a->set[i];
	return 0;
}

uint32_t analog_write(struct shm_card *card, uint32_t offset, uint32_t value)
{
	unsigned int i = (offset - CARD_ANALOG(0)) / 0x10;

	if (offset == CARD_ANALOG_APPLY)
		return value & 1 ? apply(card) : 0;
	if (i >= CARD_ANALOG_COUNT || !has(card, i) || offset % 0x10 != CARD_ANALOG_SET)
		return 0;
	card->analog.set[i] = (int32_t)value;
	shm_card_put(card, offset, value);
	return 0;
}

static double sin2(double x)
{
	return sin(x) * sin(x);
}

static double leak(const struct analog *a)
{
	double off = a->actual[CARD_ANALOG_MODULATOR] - settings[CARD_ANALOG_MODULATOR].calibrated -
	             a->bias_point;

	return LEAK + (1 - LEAK) * sin2(M_PI / 2 * off / V_PI_MV);
}

/* The monitor behind the modulator compares what is lit with what shall be dark. */
static void show_extinction(struct shm_card *card)
{
	double seen = leak(&card->analog) * (1 + READ_NOISE * rng_gauss(&card->analog.rng));

	seen = seen < 0.999 ? seen : 0.999; /* 0 is for dark */
	shm_card_put(card, CARD_TX_EXTINCTION,
	             card->armed ? (uint32_t)lrint(-10000 * log10(seen)) : 0);
}

void analog_turn(struct shm_card *card)
{
	struct analog *a = &card->analog;
	double seconds = (double)(card->now_ns - a->turn_ns) * 1e-9;

	a->turn_ns = card->now_ns;
	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++) {
		if (!has(card, i) || a->actual[i] == a->active[i])
			continue;
		a->actual[i] +=
		        (a->active[i] - a->actual[i]) * (1 - exp(-seconds / settings[i].tau_s));
		if (fabs(a->actual[i] - a->active[i]) < 0.5)
			a->actual[i] = a->active[i];
		shm_card_put(card, CARD_ANALOG(i) + CARD_ANALOG_ACTUAL,
		             (uint32_t)(int32_t)lrint(a->actual[i]));
	}
	seconds = (double)(card->now_ns - a->wander_ns) * 1e-9;
	if (card->role != CARD_ROLE_ALICE || card->now_ns - a->wander_ns < MONITOR_NS)
		return;
	a->wander_ns = card->now_ns;
	seconds = seconds < 0.1 ? seconds : 0.1; /* nobody looked in between */
	if (a->bias_walk > 0)
		a->bias_point += a->bias_walk * sqrt(seconds) * rng_gauss(&a->rng);
	show_extinction(card);
}

struct analog_light analog_light(const struct shm_card *card)
{
	const struct analog *a = &card->analog;
	double db = (a->actual[CARD_ANALOG_VOA] - settings[CARD_ANALOG_VOA].calibrated) * 1e-3;

	if (card->role == CARD_ROLE_BOB)
		return (struct analog_light){
		        .gain = 1,
		        .x_error = sin2(a->actual[CARD_ANALOG_PHASE] * 1e-3 / 2),
		        .dark = exp2((a->actual[CARD_ANALOG_DETECTOR_MC] -
		                      settings[CARD_ANALOG_DETECTOR_MC].calibrated) /
		                     DARK_DOUBLES_MC)};
	return (struct analog_light){
	        .gain = pow(10, -db / 10) * a->actual[CARD_ANALOG_LASER_BIAS] /
	                settings[CARD_ANALOG_LASER_BIAS].calibrated,
	        .leak = leak(a) - LEAK, /* what calibration had is in the misalignment */
	};
}
