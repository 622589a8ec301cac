/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/bob_monitor.h"

#include <math.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/model/attack_plugin.h"
#include "drivers/model/bob.h"

/* An avalanche of 10^7 electrons, and the bias network's leak. */
#define CHARGE_NC  1.6e-3
#define LEAK_NA    3
#define WINDOW_S   1e-5
#define READ_NOISE 2e-3
#define CONTROL_MC 20 /* what the coolers leave */

double bob_monitor_current(double rate)
{
	return LEAK_NA + rate * CHARGE_NC;
}

void bob_monitor_reset(struct bob *b)
{
	memset(&b->monitor, 0, sizeof(b->monitor));
	b->monitor.since_ns = b->card.now_ns;
}

static void end_window(struct bob_monitor *m)
{
	for (unsigned int d = 0; d < 4; d++) {
		m->most[d] = m->in_window[d] > m->most[d] ? m->in_window[d] : m->most[d];
		m->in_window[d] = 0;
	}
}

void bob_monitor_click(struct bob *b, const struct click *k, uint64_t slot)
{
	struct bob_monitor *m = &b->monitor;

	if (slot >= m->window_end) {
		end_window(m);
		m->window_end = slot + (uint64_t)(WINDOW_S * 1e15 / b->card.slot_fs);
	}
	m->doubles[k->state] += (k->detectors & (k->detectors - 1)) != 0;
	for (unsigned int left = k->detectors; left != 0; left &= left - 1) {
		unsigned int d = (unsigned int)__builtin_ctz(left);

		m->clicks[k->state][d]++;
		m->fired[d]++;
		m->in_window[d]++;
		m->bright[d] += k->bright;
		if (k->state == CARD_RX_NORMAL)
			m->histogram[d][k->sub * CARD_HISTOGRAM_BINS / 256]++;
	}
}

static void record(struct bob *b, const struct attack_monitors *eve)
{
	struct bob_monitor *m = &b->monitor;
	struct shm_card *card = &b->card;
	double seconds = (double)(card->now_ns - m->since_ns) * 1e-9;
	struct card_monitor_rx r = {0};

	clicks_live(b->clicks, r.live);
	memcpy(r.clicks, m->clicks, sizeof(r.clicks));
	memcpy(r.doubles, m->doubles, sizeof(r.doubles));
	memcpy(r.bright, m->bright, sizeof(r.bright));
	memcpy(r.histogram, m->histogram, sizeof(r.histogram));
	for (unsigned int d = 0; d < 4; d++) {
		double rate = seconds > 0 ? (double)m->fired[d] / seconds : 0;
		double mean = bob_monitor_current(rate) + eve->photocurrent_na[d];
		double peak =
		        bob_monitor_current(m->most[d] / WINDOW_S) + eve->photocurrent_peak_na[d];

		r.photocurrent_na[d] =
		        monitor_word(mean * (1 + READ_NOISE * rng_gauss(&card->rng)));
		r.photocurrent_peak_na[d] =
		        monitor_word(peak * (1 + READ_NOISE * rng_gauss(&card->rng)));
		r.detector_mc[d] = (int32_t)(card->analog.actual[CARD_ANALOG_DETECTOR_MC] +
		                             CONTROL_MC * rng_gauss(&card->rng));
	}
	monitor_put(card, CARD_MONITOR_RX, &r, sizeof(r));
	bob_monitor_reset(b);
}

void bob_monitor_turn(struct bob *b)
{
	struct bob_monitor *m = &b->monitor;
	struct shm_card *card = &b->card;
	struct attack_monitors eve;
	double most = 0;

	attack_monitors(&b->clicks->light[0].attack, &b->clicks->link, &eve);
	b->eve_na = 0;
	for (unsigned int d = 0; d < 4; d++)
		b->eve_na += eve.photocurrent_na[d] / 4;
	for (unsigned int d = 0; d < 4; d++) {
		uint32_t n = m->in_window[d] > m->most[d] ? m->in_window[d] : m->most[d];

		most = fmax(most, bob_monitor_current(n / WINDOW_S) + eve.photocurrent_peak_na[d]);
	}
	if (!monitor_on(card)) {
		uint64_t live[CARD_RX_STATES];

		clicks_live(b->clicks, live);
		bob_monitor_reset(b);
	}
	if (monitor_due(card)) {
		end_window(m);
		record(b, &eve);
	}
	monitor_limit(card, CARD_PHOTOCURRENT_MAX, most);
	monitor_limit(card, CARD_TEMPERATURE_MAX, (card->temperature + card->board_k) * 1000);
}
