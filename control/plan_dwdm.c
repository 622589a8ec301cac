/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_dwdm.h"

#include <math.h>
#include <stdlib.h>

#include "drivers/physics/itu_grid.h"

#define O_BAND_NM 1360.0
#define LEAST_DBM -80.0
#define STEP_DB   0.01

const struct lit_quantum plan_dwdm_quantum = {.bandwidth_nm = 0.12,
                                              .gate_ns = 0.3,
                                              .filters = 3,
                                              .adjacent_db = 35,
                                              .other_db = 47,
                                              .spacing_ghz = 100,
                                              .return_loss_db = 33};

bool plan_dwdm_blocked(const struct plan_dwdm *d)
{
	for (unsigned int i = 0; i < d->amplifier_count; i++)
		if (d->amplifiers[i].on_quantum_path)
			return true;
	return false;
}

void plan_dwdm_at(const struct plan_dwdm *d, double ghz, struct plan_lit *out)
{
	struct lit_fibre fibre = d->fibre;
	struct lit_quantum quantum = d->quantum;
	struct plan_link link = d->link;

	out->ghz = quantum.ghz = ghz;
	if (itu_wavelength_nm(ghz) < O_BAND_NM)
		fibre.quantum_db_km = d->o_band_db_km;
	lit_fibre_noise(&fibre, &quantum, d->channels, d->channel_count, d->amplifiers,
	                d->amplifier_count, &out->noise);
	out->counts = lit_counts(out->noise.total, quantum.gate_ns, link.receiver_loss_db,
	                         link.efficiency);
	link.loss_db_per_km = fibre.quantum_db_km;
	/* A splitter shares it among both bases, each detector its part; else it meets one basis.
	 */
	link.noise += out->counts / (link.splitter ? 4 : link.detectors);
	if (link.noise > 0.5)
		link.noise = 0.5;
	plan_link_point(&link, fibre.data.length_km, &out->point);
	if (plan_dwdm_blocked(d))
		out->point.rate_finite = out->point.rate_asymptotic = 0;
}

static int better(const void *a, const void *b)
{
	const struct plan_lit *x = a, *y = b;

	if (x->point.rate_finite != y->point.rate_finite)
		return x->point.rate_finite > y->point.rate_finite ? -1 : 1;
	if (x->point.rate_asymptotic != y->point.rate_asymptotic)
		return x->point.rate_asymptotic > y->point.rate_asymptotic ? -1 : 1;
	if (x->counts != y->counts)
		return x->counts < y->counts ? -1 : 1;
	return x->ghz < y->ghz ? -1 : x->ghz > y->ghz;
}

static bool is_free(const struct plan_dwdm *d, double ghz)
{
	for (unsigned int i = 0; i < d->channel_count; i++)
		if (fabs(d->channels[i].ghz - ghz) < d->quantum.spacing_ghz * 0.999)
			return false;
	return true;
}

unsigned int plan_dwdm_rank(const struct plan_dwdm *d, struct plan_lit out[PLAN_SLOTS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->slot_count; i++)
		if (is_free(d, d->slots[i]))
			plan_dwdm_at(d, d->slots[i], &out[n++]);
	qsort(out, n, sizeof(out[0]), better);
	return n;
}

static double rate_with(struct plan_dwdm *d, unsigned int which, double dbm)
{
	struct plan_lit at;

	d->channels[which].dbm = dbm;
	plan_dwdm_at(d, d->quantum.ghz, &at);
	return at.point.rate_finite;
}

double plan_dwdm_power(const struct plan_dwdm *d, unsigned int which, double rate, double most)
{
	struct plan_dwdm copy = *d;
	double low = LEAST_DBM, high = most;

	if (rate_with(&copy, which, LEAST_DBM) < rate)
		return LIT_OFF_DBM;
	if (rate_with(&copy, which, most) >= rate)
		return most;
	while (high - low > STEP_DB) {
		double middle = (low + high) / 2;

		if (rate_with(&copy, which, middle) >= rate)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static double rate_raised(const struct plan_dwdm *d, double db)
{
	struct plan_dwdm copy = *d;
	struct plan_lit at;

	for (unsigned int i = 0; i < copy.channel_count; i++)
		copy.channels[i].dbm += db;
	plan_dwdm_at(&copy, copy.quantum.ghz, &at);
	return at.point.rate_finite;
}

double plan_dwdm_headroom(const struct plan_dwdm *d, double rate, double most)
{
	double low = LEAST_DBM, high = most;

	if (rate_raised(d, LEAST_DBM) < rate)
		return LIT_OFF_DBM;
	if (rate_raised(d, most) >= rate)
		return most;
	while (high - low > STEP_DB) {
		double middle = (low + high) / 2;

		if (rate_raised(d, middle) >= rate)
			low = middle;
		else
			high = middle;
	}
	return low;
}
