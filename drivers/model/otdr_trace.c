/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/otdr_trace.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LIGHT_KM_S      299792.458
#define SPLICE_EVERY_KM 4
#define CONNECTOR_DB    0.3
#define CONNECTOR_BACK  (-45)
#define RESPONSE_MIN_NS 10

/*
 * A source at 1625 nm of 100 mW and 0.9 nm, a circulator and a filter in front of an InGaAs
 * APD of 50 MHz: of the better half of what is sold.
 */
const struct otdr_instrument otdr_instrument_default = {
        .peak_w = 0.1,
        .path_loss_db = 3,
        .width_hz = 1e11,
        .nep_w_rthz = 1e-13,
        .saturation_w = 8e-6,
        .tail = 0.003,
        .tail_ns = 400,
        .launch_db = 0.02,
        .slope_db_km = 2e-4,
};

void otdr_fibre_lay(struct otdr_fibre *fibre, double length_km, double loss_db_per_km,
                    struct rng *rng)
{
	double km = 0;

	*fibre = (struct otdr_fibre){
	        .length_km = length_km,
	        .loss_db_per_km = loss_db_per_km,
	        .group_index = 1.468,
	        /* -82 dB at 1550 nm goes with the fourth power of the wavelength. */
	        .backscatter_db = -82.8,
	        .end_reflectance_db = CONNECTOR_BACK,
	};
	otdr_fibre_add(fibre, &(struct otdr_point){0, CONNECTOR_DB, CONNECTOR_BACK});
	for (;;) {
		struct otdr_point splice = {.loss_db = 0.02 + 0.08 * rng_uniform(rng)};

		km += SPLICE_EVERY_KM * (0.7 + 0.6 * rng_uniform(rng));
		if (km > length_km - 0.5 * SPLICE_EVERY_KM)
			break;
		splice.km = km;
		if (rng_uniform(rng) < 0.2)
			splice.reflectance_db = -60 + 10 * rng_uniform(rng);
		if (otdr_fibre_add(fibre, &splice) < 0)
			break;
	}
}

int otdr_fibre_add(struct otdr_fibre *fibre, const struct otdr_point *point)
{
	unsigned int i = fibre->points;

	if (i == OTDR_POINTS_OF_FIBRE)
		return -ENOSPC;
	for (; i > 0 && fibre->point[i - 1].km > point->km; i--)
		fibre->point[i] = fibre->point[i - 1];
	fibre->point[i] = *point;
	fibre->points++;
	return 0;
}

void otdr_fibre_turn(struct otdr_fibre *fibre)
{
	struct otdr_fibre f = *fibre;
	bool connector = f.points > 0 && f.point[0].km == 0;

	/* The connector in front of us is behind the end from there, and ours the other way round.
	 */
	fibre->points = 0;
	fibre->end_reflectance_db = connector ? f.point[0].reflectance_db : 0;
	otdr_fibre_add(fibre, &(struct otdr_point){0, connector ? f.point[0].loss_db : 0,
	                                           f.end_reflectance_db});
	for (unsigned int i = connector; i < f.points; i++) {
		struct otdr_point p = f.point[i];

		p.km = f.length_km - p.km;
		otdr_fibre_add(fibre, &p);
	}
}

double otdr_response_ns(uint32_t pulse_ns)
{
	double tau = pulse_ns / 4.0;

	return tau > RESPONSE_MIN_NS ? tau : RESPONSE_MIN_NS;
}

double otdr_noise_w(const struct otdr_instrument *instrument, const struct otdr_settings *set)
{
	/* A single pole of time constant tau lets 1 / (4 tau) Hz of white noise through. */
	double hz = 0.25e9 / otdr_response_ns(set->pulse_ns);

	return instrument->nep_w_rthz * sqrt(hz / set->averages);
}

/*
 * Intensity of a cell's speckle, mean 1: gamma with M degrees of freedom, by the cube of a
 * Gaussian (Wilson and Hilferty 1931), close from M = 1 on.
 */
static double speckle(struct rng *rng, double m)
{
	double root = 1 - 1 / (9 * m) + rng_gauss(rng) / (3 * sqrt(m));

	return root > 0 ? root * root * root : 0;
}

/* One way from here to there and back again is twice the decibels. */
static double two_way(double db)
{
	return pow(10, -2 * db / 10);
}

struct walk {
	const struct otdr_fibre *fibre;
	double km_per_point, slope, length_km;
	double cell_w; /* backscatter of the first cell */
	double speckle_m;
	unsigned int next; /* point of the fibre */
	double passed_db;  /* losses of the points behind us */
};

static double point_km(const struct walk *w, unsigned int i)
{
	return w->fibre->point[i].km * (1 + w->fibre->stretch);
}

/* Backscatter of cell I alone, W. */
static double cell(struct walk *w, uint32_t i, struct rng *rng)
{
	double begin = i * w->km_per_point, end = begin + w->km_per_point, share, power;
	double grain = speckle(rng, w->speckle_m);

	if (begin >= w->length_km)
		return 0;
	share = end <= w->length_km ? 1 : (w->length_km - begin) / w->km_per_point;
	power = w->cell_w * share * two_way(w->passed_db + w->slope * (begin + end) / 2);
	while (w->next < w->fibre->points && point_km(w, w->next) < end) {
		double behind = (end - point_km(w, w->next)) / w->km_per_point;
		double loss = w->fibre->point[w->next++].loss_db;

		behind = behind < 1 ? behind : 1;
		power *= 1 - behind + behind * two_way(loss);
		w->passed_db += loss;
	}
	return power * grain;
}

/* A reflection is as long as the pulse. */
static void reflect(double *watts, const struct otdr_settings *set, double km, double km_per_point,
                    double power)
{
	double first = km / km_per_point, last = first + set->pulse_ns * 1e3 / set->spacing_ps;

	for (uint32_t i = (uint32_t)floor(first); i < set->points && i < last; i++) {
		double from = i > first ? i : first, to = i + 1 < last ? i + 1 : last;

		watts[i] += power * (to - from);
	}
}

static void reflections(const struct walk *w, const struct otdr_settings *set, double launch_w,
                        double *watts)
{
	double passed = 0;

	for (unsigned int i = 0; i < w->fibre->points; i++) {
		const struct otdr_point *p = &w->fibre->point[i];

		if (p->reflectance_db < 0 && point_km(w, i) < w->length_km)
			reflect(watts, set, point_km(w, i), w->km_per_point,
			        launch_w * pow(10, p->reflectance_db / 10) *
			                two_way(passed + w->slope * p->km));
		passed += p->loss_db;
	}
	if (w->fibre->end_reflectance_db < 0)
		reflect(watts, set, w->length_km, w->km_per_point,
		        launch_w * pow(10, w->fibre->end_reflectance_db / 10) *
		                two_way(w->passed_db + w->slope * w->fibre->length_km));
}

/* Backscatter per cell to backscatter per pulse: the sum of the cells that it fills. */
static void fill_pulse(const double *cells, const struct otdr_settings *set, double *watts)
{
	double cells_per_pulse = set->pulse_ns * 1e3 / set->spacing_ps, sum = 0, now = 0;
	uint32_t whole = (uint32_t)cells_per_pulse;
	double part = cells_per_pulse - whole;

	for (uint32_t i = 0; i < set->points; i++) {
		double before = now;

		sum += cells[i];
		if (i >= whole)
			sum -= cells[i - whole];
		now = sum + (i >= whole ? part * cells[i - whole] : 0);
		watts[i] += (before + now) / 2; /* the mean over the interval */
	}
}

/* The receiver: it saturates, is slow, lets some of what was bright go slowly, and is noisy. */
static void receive(const struct otdr_instrument *instrument, const struct otdr_settings *set,
                    const double *light, struct rng *rng, double *watts)
{
	double dt = set->spacing_ps * 1e-3, tau = otdr_response_ns(set->pulse_ns);
	double keep = exp(-dt / tau), keep_tail = exp(-dt / instrument->tail_ns);
	double sigma = otdr_noise_w(instrument, set), noise = sigma * rng_gauss(rng);
	double fast = 0, slow = 0, before;

	for (uint32_t i = 0; i < set->points; i++) {
		double in =
		        light[i] < instrument->saturation_w ? light[i] : instrument->saturation_w;

		before = fast;
		fast = keep * fast + (1 - keep) * light[i];
		slow = keep_tail * slow + (1 - keep_tail) * in;
		noise = keep * noise + sqrt(1 - keep * keep) * sigma * rng_gauss(rng);
		/* Of what is slowly rising or falling the tail shows nothing. */
		watts[i] = (before + fast) / 2 +
		           instrument->tail * (slow > fast ? slow - fast : 0) + noise;
		if (watts[i] > instrument->saturation_w)
			watts[i] = instrument->saturation_w;
	}
}

void otdr_trace(const struct otdr_fibre *fibre, const struct otdr_instrument *instrument,
                const struct otdr_settings *set, struct rng *rng, double *watts)
{
	double cell_s = set->spacing_ps * 1e-12;
	double launch_w =
	        instrument->peak_w *
	        pow(10, (-instrument->path_loss_db + instrument->launch_db * rng_gauss(rng)) / 10);
	struct walk w = {
	        .fibre = fibre,
	        .km_per_point = LIGHT_KM_S / fibre->group_index * cell_s / 2,
	        .slope = fibre->loss_db_per_km + instrument->slope_db_km * rng_gauss(rng),
	        .length_km = fibre->length_km * (1 + fibre->stretch),
	        .cell_w = launch_w * pow(10, fibre->backscatter_db / 10) * cell_s * 1e9,
	        .speckle_m = 2 * cell_s * instrument->width_hz,
	};
	double *light = watts + set->points;

	for (uint32_t i = 0; i < set->points; i++)
		watts[i] = cell(&w, i, rng);
	memset(light, 0, set->points * sizeof(*light));
	fill_pulse(watts, set, light);
	reflections(&w, set, launch_w, light);
	receive(instrument, set, light, rng, watts);
}
