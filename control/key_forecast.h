/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * When is the key store empty? From what went and came in the last ten minutes. Rates are of the
 * unit that the levels have: keys, or bytes.
 */

#ifndef CONTROL_KEY_FORECAST_H
#define CONTROL_KEY_FORECAST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define KEY_FORECAST_STEP_S  5
#define KEY_FORECAST_SAMPLES 121 /* ten minutes between the first and the last */

struct key_forecast {
	struct key_forecast_sample {
		uint64_t time_ns, available, used, used_ns;
	} sample[KEY_FORECAST_SAMPLES]; /* a ring */
	uint64_t samples;               /* ever */
	/* As of the last look. */
	uint64_t available, came, gone, time_ns;
	/* What was used, and in which time: looks between which key came tell nothing of it. */
	uint64_t used, used_ns;
	bool looked;
};

/*
 * A look, once a second or so: what there is, what ever CAME, and what ever went without being
 * used (GONE: expired, voided). The last two since whenever, as long as they do not fall.
 */
void key_forecast_look(struct key_forecast *f, uint64_t now_ns, uint64_t available, uint64_t came,
                       uint64_t gone);

struct key_forecast_view {
	bool known;          /* false: it is not looked for long enough */
	double used_per_s;   /* 0: none was */
	double net_per_s;    /* what came less what went */
	bool drains, lasts;  /* the next two mean something */
	uint64_t empty_in_s; /* if it goes on so */
	uint64_t lasts_s;    /* if no new key comes */
};
void key_forecast_read(const struct key_forecast *f, struct key_forecast_view *out);

/* Members used_per_s, net_per_s, lasts_s and empty_in_s into OUT; null: not known, or never. */
void key_forecast_json(const struct key_forecast_view *v, json_t *out);

#endif
