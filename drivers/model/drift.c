/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/drift.h"

#include <math.h>
#include <string.h>

#define DAY_S 86400.0
/* Time constants: a modulator's bias, what a phase controller leaves, hands at a splice. */
#define INTENSITY_S   600.0
#define RATIO_S       1800.0
#define PHASE_S       20.0
#define LOSS_S        900.0
#define TEMPERATURE_S 1800.0
/* Group delay of standard fibre by temperature. */
#define PATH_PS_KM_K 37.0
/* Share of the daily swing that comes at random. */
#define RANDOM_SHARE 0.1

static const struct drift_params none;
const struct drift_params drift_lab = {
        .intensity = 0.003, .ratio = 0.001, .phase_mrad = 40, .fibre_k = 0.5, .board_k = 1};
/* Temperatures in the ground move by tenths of a degree a day. */
const struct drift_params drift_buried = {.intensity = 0.01,
                                          .ratio = 0.002,
                                          .phase_mrad = 60,
                                          .loss_db = 0.005,
                                          .fibre_k = 0.3,
                                          .board_k = 3};
const struct drift_params drift_aerial = {.intensity = 0.01,
                                          .ratio = 0.002,
                                          .phase_mrad = 100,
                                          .loss_db = 0.02,
                                          .fibre_k = 12,
                                          .board_k = 5};

const struct drift_params *drift_find(const char *name)
{
	static const struct {
		const char *name;
		const struct drift_params *params;
	} kinds[] = {{"none", &none},
	             {"lab", &drift_lab},
	             {"buried", &drift_buried},
	             {"aerial", &drift_aerial}};

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].params;
	return NULL;
}

/* An exact step of an Ornstein-Uhlenbeck process, whatever its length. */
static double walk(struct rng *rng, double value, double sd, double seconds, double time_constant)
{
	double keep = exp(-seconds / time_constant);

	return sd > 0 ? value * keep + sd * sqrt(1 - keep * keep) * rng_gauss(rng) : 0;
}

static void temperatures(struct drift *d)
{
	d->fibre_k = d->params.fibre_k * sin(d->day) + d->fibre_walk;
	d->board_k = d->params.board_k * sin(d->day) + d->board_walk;
}

void drift_init(struct drift *d, const struct drift_params *params, uint64_t seed)
{
	memset(d, 0, sizeof(*d));
	d->params = *params;
	rng_init_seed(&d->rng, seed);
	d->day = rng_uniform(&d->rng) * 2 * M_PI;
	/* A step much longer than all time constants forgets where it began. */
	drift_step(d, 1e3 * DAY_S);
}

bool drift_is_still(const struct drift *d)
{
	return memcmp(&d->params, &none, sizeof(none)) == 0;
}

void drift_step(struct drift *d, double seconds)
{
	const struct drift_params *p = &d->params;

	d->intensity = walk(&d->rng, d->intensity, p->intensity, seconds, INTENSITY_S);
	d->ratio = walk(&d->rng, d->ratio, p->ratio, seconds, RATIO_S);
	d->phase = walk(&d->rng, d->phase, p->phase_mrad * 1e-3, seconds, PHASE_S);
	d->loss_db = walk(&d->rng, d->loss_db, p->loss_db, seconds, LOSS_S);
	d->fibre_walk =
	        walk(&d->rng, d->fibre_walk, RANDOM_SHARE * p->fibre_k, seconds, TEMPERATURE_S);
	d->board_walk =
	        walk(&d->rng, d->board_walk, RANDOM_SHARE * p->board_k, seconds, TEMPERATURE_S);
	d->day = fmod(d->day + 2 * M_PI * seconds / DAY_S, 2 * M_PI);
	temperatures(d);
}

double drift_x_error(const struct drift *d)
{
	double s = sin(d->phase / 2);

	return s * s;
}

double drift_path_ps(const struct drift *d, double distance_km)
{
	return PATH_PS_KM_K * distance_km * d->fibre_k;
}
