/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is done to the fibre at a place: a coupler that takes a share of the light, with or without
 * a better fibre behind it that makes up for the loss, a bend, a cut.
 */

#include <math.h>

#include "drivers/model/attack_plugin.h"

#define CUT_DB 200

static double passes(const struct attack *attack)
{
	return pow(10, -attack->loss_db / 10);
}

static void lossy(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix)
{
	attack_let_pass(1, passes(attack), p, mix);
}

static void cut(const struct attack *attack, const struct attack_pulse *p, struct outcomes_mix *mix)
{
	attack_let_pass(1, 0, p, mix);
}

static unsigned int step(const struct attack *attack, double length_km,
                         struct otdr_point point[ATTACK_POINTS])
{
	if (attack->km >= length_km)
		return 0;
	point[0] = (struct otdr_point){.km = attack->km, .loss_db = attack->loss_db};
	return 1;
}

/* Spread over what is behind the tap, less loss than the old fibre had. */
static unsigned int compensated(const struct attack *attack, double length_km,
                                struct otdr_point point[ATTACK_POINTS])
{
	unsigned int n = step(attack, length_km, point);
	double rest = length_km - attack->km, each = attack->loss_db / (ATTACK_POINTS - 1);

	for (; n > 0 && n < ATTACK_POINTS; n++)
		point[n] = (struct otdr_point){.km = attack->km + rest * n / ATTACK_POINTS,
		                               .loss_db = -each};
	return n;
}

static unsigned int end(const struct attack *attack, double length_km,
                        struct otdr_point point[ATTACK_POINTS])
{
	if (attack->km >= length_km)
		return 0;
	point[0] = (struct otdr_point){.km = attack->km, .loss_db = CUT_DB};
	return 1;
}

#define AT                                                                                         \
	{                                                                                          \
		"KM", "km", offsetof(struct attack, km), 0.001, 500                                \
	}
#define LOSS                                                                                       \
	{                                                                                          \
		"DB", "dB", offsetof(struct attack, loss_db), 0, 60                                \
	}

const struct attack_plugin attack_tap = {
        .name = "tap",
        .about = "a coupler at that distance from Alice takes so much of the light",
        .parameter = {AT, LOSS},
        .pulse = lossy,
        .fibre = step,
};

const struct attack_plugin attack_tap_compensated = {
        .name = "tap-compensated",
        .about = "a coupler likewise; a fibre of lower loss behind it makes up for it",
        .parameter = {AT, LOSS},
        .fibre = compensated,
};

const struct attack_plugin attack_fibre_bend = {
        .name = "fibre-bend",
        .about = "the fibre is bent there",
        .parameter = {AT, LOSS},
        .pulse = lossy,
        .fibre = step,
};

const struct attack_plugin attack_fibre_cut = {
        .name = "fibre-cut",
        .about = "the fibre ends there",
        .parameter = {AT},
        .pulse = cut,
        .fibre = end,
};
