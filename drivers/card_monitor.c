/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The card's monitor records, its limits, and the states of the receiver.
 *
 * States cost key: no tag comes of them. 1 block of 128 at reduced efficiency, 1 of 256 cut off, 1
 * of 1024 lit by the emitter are 1.3 % of the clicks.
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "drivers/card_priv.h"

#define BLOCK_FS 4e11 /* a block of slots in one state: at most so long */
#define LOG2_MIN 10
#define LOG2_MAX 30
#define ONE      65536.0
#define P_LOW    (ONE / 128)
#define P_SHUT   (ONE / 256)
#define P_EMIT   (ONE / 1024)

/*
 * Limits are for what may do damage, or makes a key worthless at once; what is found out by
 * comparison is the watch's. Light of 0.1 mW at the monitor against injected light; twice the mean
 * power that was asked for behind the attenuator; 1 mA of a detector; 85 degrees.
 */
#define REFLECTION_MAX_PW   100000000u
#define OUTPUT_OVER         2.0
#define PHOTOCURRENT_MAX_NA 1000000u
#define TEMPERATURE_MAX_MC  85000u
#define PHOTON_J            1.2815e-19 /* at 1550.12 nm */

#define USED_BITS 48

double card_output_fw(const struct card_config *c, uint64_t slot_fs)
{
	double qkd = c->p_mu1 * c->mu1 + (1 - c->p_mu1) * c->mu2;

	return slot_fs > 0 ? qkd * PHOTON_J / ((double)slot_fs * 1e-15) * 1e15 : 0;
}

/* The sync pattern lights half of the slots. */
static uint32_t output_max(const struct card *card, const struct card_config *c)
{
	double key = card_output_fw(c, card->status.slot_period_fs);
	double sync = key * (c->mu1 / 2) / (c->p_mu1 * c->mu1 + (1 - c->p_mu1) * c->mu2);
	double most = OUTPUT_OVER * fmax(key, sync);

	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

static uint32_t block_log2(uint64_t slot_fs)
{
	uint32_t log2 = LOG2_MIN;

	while (log2 < LOG2_MAX && ldexp((double)slot_fs, (int)log2 + 1) <= BLOCK_FS)
		log2++;
	return log2;
}

static int set_limits(struct card *card, const struct card_config *c)
{
	int rc = card_write(card, CARD_TEMPERATURE_MAX, TEMPERATURE_MAX_MC);

	card_status_set(card, protection, true);
	if (rc == 0 && card->role == CARD_IS_BOB)
		return card_write(card, CARD_PHOTOCURRENT_MAX, PHOTOCURRENT_MAX_NA);
	if (rc == 0)
		rc = card_write(card, CARD_BACK_REFLECTION_MAX, REFLECTION_MAX_PW);
	return rc == 0 ? card_write(card, CARD_OUTPUT_MAX, output_max(card, c)) : rc;
}

/* They hold from RX_APPLY on, with which the other settings end. */
static int set_states(struct card *card)
{
	const struct {
		uint32_t offset, value;
	} list[] = {{CARD_RX_STATE_LOG2, block_log2(card->status.slot_period_fs)},
	            {CARD_RX_P_LOW, (uint32_t)P_LOW},
	            {CARD_RX_P_SHUT, (uint32_t)P_SHUT},
	            {CARD_RX_P_EMIT, (uint32_t)P_EMIT},
	            {CARD_RX_LOW_RATIO, (uint32_t)(CARD_LOW_RATIO * ONE)}};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(list) / sizeof(list[0]); i++)
		rc = card_write(card, list[i].offset, list[i].value);
	return rc;
}

int card_monitor_configure(struct card *card, const struct card_config *c)
{
	int rc = (card->features & CARD_FEATURE_PROTECTION) != 0 ? set_limits(card, c) : 0;

	if (rc < 0 || (card->features & CARD_FEATURE_MONITOR) == 0)
		return rc;
	card_status_set(card, monitor, true);
	rc = card_write(card, CARD_MONITOR_MS, CARD_MONITOR_PERIOD_MS);
	return rc == 0 && card->role == CARD_IS_BOB ? set_states(card) : rc;
}

/* A copy whose words add up; the card may still write, so what was checked is what is used. */
static bool copy(const struct card_buffer *b, uint32_t type, void *out, uint32_t bytes)
{
	const uint8_t *record = out;
	struct card_monitor_head head;
	uint32_t sum = 0, word = 0;

	if (b->error || b->used < bytes)
		return false;
	memcpy(out, b->data, bytes);
	for (uint32_t i = 0; i < bytes; i += 4) {
		memcpy(&word, record + i, 4);
		sum += word;
	}
	memcpy(&head, out, sizeof(head));
	/* WORD is the check, which the sum holds as well. */
	return sum == 2 * word && head.type == type && head.bytes == bytes &&
	       head.slots >> USED_BITS == 0 && head.slot >> USED_BITS == 0;
}

static void take_tx(const struct card *card, const struct card_monitor_tx *r, uint64_t slot,
                    struct card_tx_reading *out)
{
	*out = (struct card_tx_reading){
	        .key_light = card->status.tx_mode == CARD_TX_QKD && slot >= card->mode_from,
	        .reflection_pw = r->back_reflection_pw[0],
	        .reflection_peak_pw = r->back_reflection_pw[1],
	        .extinction_mdb = r->extinction_mdb,
	        .voa_mdb = r->voa_mdb,
	        .laser_bias_ua = r->laser_bias_ua,
	        .laser_mc = r->laser_mc,
	        .modulator_mv = r->modulator_mv,
	};
	memcpy(out->power_nw, r->power_nw, sizeof(out->power_nw));
	memcpy(out->output_fw, r->output_fw, sizeof(out->output_fw));
}

static void take_rx(const struct card_monitor_rx *r, struct card_rx_reading *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->live, r->live, sizeof(out->live));
	memcpy(out->clicks, r->clicks, sizeof(out->clicks));
	memcpy(out->doubles, r->doubles, sizeof(out->doubles));
	memcpy(out->current_na, r->photocurrent_na, sizeof(out->current_na));
	memcpy(out->peak_na, r->photocurrent_peak_na, sizeof(out->peak_na));
	memcpy(out->detector_mc, r->detector_mc, sizeof(out->detector_mc));
	memcpy(out->bright, r->bright, sizeof(out->bright));
}

static bool take(struct card *card, const struct card_buffer *b, struct card_monitor *out)
{
	union {
		struct card_monitor_head head;
		struct card_monitor_tx tx;
		struct card_monitor_rx rx;
	} record;
	bool alice = card->role == CARD_IS_ALICE;
	uint64_t slot;

	if (!copy(b, alice ? CARD_MONITOR_TX : CARD_MONITOR_RX, &record,
	          alice ? sizeof(record.tx) : sizeof(record.rx)))
		return false;
	slot = card_slot_extend(card, record.head.slot);
	/* Nothing is in two records. */
	if (card->monitor_known && slot < card->monitor_end)
		return false;
	memset(out, 0, sizeof(*out));
	out->of = card->role;
	out->slot = slot;
	out->slots = record.head.slots;
	out->missing = card->monitor_known ? slot - card->monitor_end : 0;
	card->monitor_end = slot + record.head.slots;
	card->monitor_known = true;
	if (alice)
		take_tx(card, &record.tx, slot, &out->tx);
	else
		take_rx(&record.rx, &out->rx);
	*(alice ? &out->tx.seconds : &out->rx.seconds) =
	        (double)out->slots * (double)card->status.slot_period_fs * 1e-15;
	return true;
}

bool card_monitor_next(struct card *card, struct card_monitor *out)
{
	struct card_ring *r = &card->ring[CARD_RING_MONITOR];
	struct card_buffer b;
	bool good = false;

	while (!good && card->state == 0 && card_ring_next(r, &b)) {
		good = take(card, &b, out);
		if (!good || !b.in_sequence)
			card_status_add(card, sequence_errors, 1);
		card_ring_release(r, 1);
	}
	if (!good)
		return false;
	if (out->of == CARD_IS_ALICE && out->tx.key_light)
		card_steer_power(card, out->tx.output_fw[0], out->tx.seconds);
	card_status_add(card, monitor_records, 1);
	card_status_add(card, monitor_gaps, out->missing > 0);
	return true;
}
