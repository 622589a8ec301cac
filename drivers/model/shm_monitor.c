/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/shm_monitor.h"

#include <string.h>

#include "common/clock.h"
#include "drivers/model/shm_card.h"

#define TELEMETRY_NS (100 * NS_PER_MS)

void shm_monitor_reset(struct shm_card *card)
{
	card->telemetry_ns = card->now_ns;
	card->temperature = 35 + rng_gauss(&card->rng);
	card->laser = 25;
	card->bias = 60000;
	card->back_reflection = 900;
	card->photocurrent_na = 0;
}

/* Step of a mean-reverting walk: the value strays by about WIDTH within a minute. */
static double drift(struct rng *rng, double value, double mean, double width)
{
	return value + (mean - value) / 600 + width * 0.05 * rng_gauss(rng);
}

void shm_monitor_turn(struct shm_card *card)
{
	bool alice = card->role == CARD_ROLE_ALICE;
	struct card_telemetry t = {.slot = card->slot};
	uint32_t words[sizeof(t) / 4];
	void *record;

	if (card->now_ns - card->telemetry_ns < TELEMETRY_NS)
		return;
	card->telemetry_ns += TELEMETRY_NS;
	if (card->now_ns - card->telemetry_ns > TELEMETRY_NS)
		card->telemetry_ns = card->now_ns;
	card->temperature = drift(&card->rng, card->temperature, 35, 0.5);
	card->laser = drift(&card->rng, card->laser, 25, 0.01);
	card->bias = drift(&card->rng, card->bias, 60000, 30);
	card->back_reflection = drift(&card->rng, card->back_reflection, 900, 10);
	t.temperature_mc = (int32_t)((card->temperature + card->board_k) * 1000);
	if (alice) {
		t.laser_mc = (int32_t)(card->laser * 1000);
		t.laser_bias_ua = (uint32_t)card->bias;
		t.tx_power_nw = card->armed ? (uint32_t)(card->bias * 8 * (1 + card->power)) : 0;
		t.back_reflection_pw = monitor_word(card->back_reflection + card->injected_pw);
	} else {
		t.photocurrent_na = card->photocurrent_na;
	}
	record = shm_ring_record(card, CARD_RING_TELEMETRY, sizeof(t), card->slot);
	if (record == NULL) {
		card->ring[CARD_RING_TELEMETRY].dropped += card->ring[CARD_RING_TELEMETRY].run;
		return;
	}
	memcpy(words, &t, sizeof(t));
	for (unsigned int i = 0; i < sizeof(t) / 4 - 1; i++)
		t.check += words[i];
	memcpy(record, &t, sizeof(t));
	shm_ring_commit(card, CARD_RING_TELEMETRY, sizeof(t));
}
