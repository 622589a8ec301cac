/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/transmitter.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define NAT_PER_MDB (M_LN10 / 10000)
/* Calibration and drift of the intensities; and what the sum is for. */
#define MOST     0.26 /* 30 % */
#define MOST_FOR 0.37 /* 45 % */
#define MOST_SD  0.02

#define BASE                                                                                       \
	{                                                                                          \
		.learn_s = 10, .time_s = 600, .slope = 1e-4, .bound = 0.5, .spread_floor = 0.005,  \
		.growth = 1.5                                                                      \
	}
static const struct watch_level_params mean_params = {
        .base = BASE, .margin = 0.25, .rise = 0.4, .sd = 0.05};
static const struct watch_level_params peak_params = {
        .base = BASE, .margin = 0.5, .rise = 0.5, .sd = 0.1};
/* A third of a decibel: readings of both powers scatter by tenths of a percent. */
static const struct watch_level_params output_params = {
        .base = BASE, .margin = 0.05, .rise = 0.05, .sd = 0.01};

void watch_transmitter_init(struct watch_transmitter *w, double expected_fw)
{
	memset(w, 0, sizeof(*w));
	w->expected_fw = expected_fw;
	watch_level_init(&w->reflection, &mean_params, watch_nats(WATCH_REFLECTION));
	watch_level_init(&w->reflection_peak, &peak_params, watch_nats(WATCH_REFLECTION_PEAK));
	watch_level_init(&w->output, &output_params, watch_nats(WATCH_OUTPUT));
	cusum_init(&w->output_most, watch_nats(WATCH_OUTPUT));
}

static bool output(struct watch_transmitter *w, const struct card_tx_reading *r)
{
	double fw = r->output_fw[0], nw = r->power_nw[0];
	bool crossed;

	/* Other light than that of keys, or none, has other powers. */
	if (!r->key_light || !(fw > 0 && nw > 0))
		return false;
	w->output_fw = fw;
	crossed = watch_level_add(&w->output, log(fw / nw) + NAT_PER_MDB * r->voa_mdb, r->seconds);
	if (w->expected_fw > 0)
		crossed |=
		        cusum_add(&w->output_most,
		                  ratio_normal(log(fw / w->expected_fw), MOST_SD, MOST, MOST_FOR),
		                  r->seconds);
	return crossed;
}

uint32_t watch_transmitter_add(struct watch_transmitter *w, const struct card_tx_reading *r)
{
	uint32_t over = 0;

	w->reflection_pw = r->reflection_pw;
	w->reflection_peak_pw = r->reflection_peak_pw;
	if (watch_level_add(&w->reflection, log1p(r->reflection_pw), r->seconds))
		over |= 1u << WATCH_REFLECTION;
	if (watch_level_add(&w->reflection_peak, log1p(r->reflection_peak_pw), r->seconds))
		over |= 1u << WATCH_REFLECTION_PEAK;
	if (output(w, r))
		over |= 1u << WATCH_OUTPUT;
	return over;
}
