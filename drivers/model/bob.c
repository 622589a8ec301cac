/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/bob.h"

#include <math.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/card_table.h"
#include "drivers/model/start_slot.h"

#define SLOT_MASK       0xffffffffffffULL
#define HOLDOFF_DEFAULT 1000
#define HOLDOFF_MAX_NS  1000000000u
#define LOST_MAX        0xfff
#define CURRENT_NS      (100 * NS_PER_MS)
#define PHASE_NOISE_RAD 0.005
#define ONE             65536u /* 1 in the registers' fixed point */
#define STATE_LOG2_MIN  10
#define STATE_LOG2_MAX  30

static void set_receiver(struct bob *b)
{
	const struct bob_rx *rx = &b->active;

	clicks_set_receiver(b->clicks, b->card.armed, rx->holdoff_ns * 1e6 / b->card.slot_fs,
	                    rx->gate_start, rx->gate_width);
}

/* Blocks of slots in other states, as the host has accepted them; none while it has not. */
static void set_states(struct bob *b)
{
	const struct bob_rx *rx = &b->active;
	struct clicks_states s = {.log2 = rx->state_log2};

	if ((b->card.features_used & CARD_FEATURE_MONITOR) != 0) {
		s.p_low = (double)rx->p_low / ONE;
		s.p_shut = (double)rx->p_shut / ONE;
		s.p_emit = (double)rx->p_emit / ONE;
		s.low_ratio = (double)rx->low_ratio / ONE;
	}
	clicks_set_states(b->clicks, &s);
}

/* The first of the states' settings that cannot be, or 0. */
static uint32_t bad_states(const struct bob_rx *rx)
{
	if (rx->state_log2 < STATE_LOG2_MIN || rx->state_log2 > STATE_LOG2_MAX)
		return CARD_RX_STATE_LOG2;
	if (rx->p_low > ONE)
		return CARD_RX_P_LOW;
	if (rx->p_shut > ONE - rx->p_low)
		return CARD_RX_P_SHUT;
	if (rx->p_emit > ONE - rx->p_low - rx->p_shut)
		return CARD_RX_P_EMIT;
	return rx->low_ratio > ONE ? CARD_RX_LOW_RATIO : 0;
}

static uint32_t apply(struct bob *b)
{
	const struct bob_rx *rx = &b->shadow;

	if (rx->holdoff_ns > HOLDOFF_MAX_NS)
		return CARD_RX_HOLDOFF_NS;
	if (rx->gate_start > 255)
		return CARD_RX_GATE_START;
	if (rx->gate_width > 256)
		return CARD_RX_GATE_WIDTH;
	if ((b->card.features_used & CARD_FEATURE_MONITOR) != 0 && bad_states(rx) != 0)
		return bad_states(rx);
	b->active = *rx;
	set_receiver(b);
	set_states(b);
	return 0;
}

static uint32_t write_rx(void *end, uint32_t offset, uint32_t value)
{
	struct bob *b = end;

	switch (offset) {
	case CARD_RX_APPLY:
		return value & 1 ? apply(b) : 0;
	case CARD_RX_HOLDOFF_NS:
		b->shadow.holdoff_ns = value;
		break;
	case CARD_RX_GATE_START:
		b->shadow.gate_start = value;
		break;
	case CARD_RX_GATE_WIDTH:
		b->shadow.gate_width = value;
		break;
	case CARD_RX_STATE_LOG2:
		b->shadow.state_log2 = value;
		break;
	case CARD_RX_P_LOW:
		b->shadow.p_low = value;
		break;
	case CARD_RX_P_SHUT:
		b->shadow.p_shut = value;
		break;
	case CARD_RX_P_EMIT:
		b->shadow.p_emit = value;
		break;
	case CARD_RX_LOW_RATIO:
		b->shadow.low_ratio = value;
		break;
	default:
		return 0;
	}
	shm_card_put(&b->card, offset, value);
	return 0;
}

static void reset(void *end)
{
	struct bob *b = end;

	b->shadow = b->active =
	        (struct bob_rx){.holdoff_ns = HOLDOFF_DEFAULT,
	                        .gate_width = 256,
	                        .state_log2 = card_register_find(CARD_RX_STATE_LOG2)->reset,
	                        .low_ratio = card_register_find(CARD_RX_LOW_RATIO)->reset};
	shm_card_put(&b->card, CARD_RX_HOLDOFF_NS, b->active.holdoff_ns);
	shm_card_put(&b->card, CARD_RX_GATE_WIDTH, b->active.gate_width);
	b->card.slot = start_slot(&b->card.rng);
	b->base = b->card.slot - clicks_bob_slot(b->clicks, b->pulse);
	memset(b->count, 0, sizeof(b->count));
	b->all = b->current_all = 0;
	b->current_ns = b->card.now_ns;
	b->gap = false;
	b->shut_slots = 0;
	set_receiver(b);
	set_states(b);
	bob_monitor_reset(b);
}

static void armed(void *end, bool on)
{
	struct bob *b = end;

	/* What arrived before met closed gates. */
	if (on)
		clicks_skip(b->clicks, b->pulse);
	set_receiver(b);
}

static const struct shm_card_ops bob_ops = {.write = write_rx, .reset = reset, .armed = armed};

void bob_init(struct bob *b, uint8_t *bar, struct clicks *clicks, uint64_t pulse,
              const struct rng *rng)
{
	memset(b, 0, sizeof(*b));
	b->clicks = clicks;
	b->pulse = pulse;
	shm_card_init(&b->card, bar, CARD_ROLE_BOB, clicks->link.slot_fs, &bob_ops, b, rng);
}

/* GATED acquisitions of this card's OTDR. */
static void shut_gates(struct bob *b)
{
	const struct otdr_card *o = &b->card.otdr;
	const struct clicks *c = b->clicks;
	double ns = 1e6 / b->card.slot_fs, shut = 0;

	if (c->shut > 0 && c->n > b->shut_n)
		b->shut_slots += (double)(c->n - b->shut_n) * c->shut / c->shut_period;
	b->shut_n = c->n;
	shm_card_put64(&b->card, CARD_OTDR_SHUT_LO, (uint64_t)b->shut_slots);
	if (o->state == CARD_OTDR_RUNNING && o->samples == NULL && b->card.armed)
		shut = o->shut_ns * ns;
	clicks_set_shut(b->clicks, shut, o->shot_ns * ns);
}

void bob_begin(struct bob *b, uint64_t now_ns, uint64_t pulse)
{
	b->pulse = pulse;
	shm_card_begin(&b->card, now_ns, b->base + clicks_bob_slot(b->clicks, pulse));
}

static void put_tag(void *place, uint64_t tag)
{
	memcpy(place, &tag, sizeof(tag));
}

static void lose(struct bob *b, uint64_t first, uint64_t last, uint64_t lost)
{
	if (!b->gap) {
		b->gap = true;
		b->gap_first = first;
		b->gap_lost = 0;
	}
	/* Slots of tags increase, so a gap has two. */
	b->gap_last = last > b->gap_first ? last : b->gap_first + 1;
	b->gap_lost += lost;
}

/* GAP and GAP_END stay in one buffer. */
static bool tell_gap(struct bob *b)
{
	uint64_t lost = b->gap_lost < LOST_MAX ? b->gap_lost : LOST_MAX;
	uint8_t *place;

	if (!b->gap)
		return true;
	place = shm_ring_record(&b->card, CARD_RING_TAGS, 16, b->gap_first & SLOT_MASK);
	if (place == NULL)
		return false;
	put_tag(place, CARD_TAG(CARD_TAG_GAP, 0, 0, b->gap_first));
	put_tag(place + 8, CARD_TAG(CARD_TAG_GAP_END, lost >> 8, lost & 0xff, b->gap_last));
	shm_ring_commit(&b->card, CARD_RING_TAGS, 16);
	b->gap = false;
	return true;
}

void bob_click(struct bob *b, const struct click *k)
{
	unsigned int detectors = k->detectors, single = (unsigned int)__builtin_ctz(detectors);
	bool lone = (detectors & (detectors - 1)) == 0;
	uint64_t slot = b->base + k->slot;
	void *place = NULL;

	if (!b->card.enabled || b->card.faulted)
		return;
	b->all++;
	for (unsigned int d = 0; d < 4; d++)
		b->count[d] += detectors >> d & 1;
	if ((b->card.features_used & (CARD_FEATURE_MONITOR | CARD_FEATURE_PROTECTION)) != 0)
		bob_monitor_click(b, k, slot);
	if (k->state != CARD_RX_NORMAL)
		return; /* counted, and no tag */
	if (!b->card.ring[CARD_RING_TAGS].run) {
		b->gap = false; /* a ring that starts anew begins with its first tag */
		return;
	}
	/* A click right behind a gap's end joins it. */
	if (!(b->gap && slot <= b->gap_last) && tell_gap(b))
		place = shm_ring_record(&b->card, CARD_RING_TAGS, 8, slot & SLOT_MASK);
	if (place == NULL) {
		b->card.ring[CARD_RING_TAGS].dropped++;
		lose(b, slot, slot, 1);
		return;
	}
	put_tag(place, lone ? CARD_TAG(CARD_TAG_CLICK, single, k->sub, slot)
	                    : CARD_TAG(CARD_TAG_DOUBLE, detectors, k->sub, slot));
	shm_ring_commit(&b->card, CARD_RING_TAGS, 8);
}

void bob_gap(struct bob *b, uint64_t first, uint64_t last, uint64_t lost)
{
	if (b->card.ring[CARD_RING_TAGS].run)
		lose(b, b->base + first, b->base + last, lost);
}

/* Of the last 100 ms, as the card's own light in its interferometer shows it. */
static void tell_phase(struct bob *b)
{
	double rad = sqrt(b->phase / b->phases) + PHASE_NOISE_RAD * rng_gauss(&b->card.rng);

	b->phase = b->phases = 0;
	if ((b->card.features_used & CARD_FEATURE_PHASE) != 0)
		shm_card_put(&b->card, CARD_RX_PHASE, monitor_word(rad * rad * 1e6));
}

void bob_end(struct bob *b)
{
	struct shm_card *card = &b->card;
	uint64_t passed = card->now_ns - b->current_ns;

	bob_monitor_turn(b);
	shut_gates(b);
	b->phase += b->clicks->drift.phase * b->clicks->drift.phase;
	b->phases++;
	for (unsigned int d = 0; d < 4; d++)
		shm_card_put64(card, CARD_RX_COUNT_LO(d), b->count[d]);
	if (passed >= CURRENT_NS) {
		double rate = (double)(b->all - b->current_all) * 1e9 / (double)passed;

		card->photocurrent_na = monitor_word(bob_monitor_current(rate) + b->eve_na);
		shm_card_put(card, CARD_RX_PHOTOCURRENT, card->photocurrent_na);
		b->current_ns = card->now_ns;
		b->current_all = b->all;
		tell_phase(b);
	}
	shm_card_end(card);
}
