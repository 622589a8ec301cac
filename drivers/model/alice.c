/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/alice.h"

#include <errno.h>
#include <string.h>

#include "drivers/model/outcomes.h"
#include "drivers/model/start_slot.h"

#define SLOT_MASK   0xffffffffffffULL
#define ONE         65536u /* 1 in the registers' fixed point */
#define MU_MAX      (16 * ONE)
#define RETENTION_S 8
/* Look-ups of one turn; more wait, so that the clicks never do. */
#define BUFFERS_PER_TURN 64

/*
 * The light that follows from ARM and the applied settings, from the next pulse on; returns
 * the slot in which it begins.
 */
static uint64_t set_light(struct alice *a)
{
	const struct alice_tx *tx = &a->active;
	struct light light = *clicks_last_light(a->clicks);
	struct choices_period next;

	light.from = light.from > a->pulse + 1 ? light.from : a->pulse + 1;
	light.mode = a->card.armed ? tx->mode : CARD_TX_MODE_DARK;
	light.slot_base = a->base;
	light.source = (struct optics_source){
	        .mu1 = (double)tx->mu1 / ONE,
	        .mu2 = (double)tx->mu2 / ONE,
	        .p_mu1 = (double)tx->p_mu1 / ONE,
	        .p_z = (double)tx->p_z / ONE,
	        .mu3 = (double)tx->mu3 / ONE,
	        .p_mu2 = (double)tx->p_mu2 / ONE,
	        .three_states = tx->states != 0,
	};
	if (clicks_set_light(a->clicks, &light) < 0) {
		/* More changes on their way through the fibre than we can keep. */
		shm_card_fault(&a->card, CARD_FAULT_INTERNAL, 0);
		return 0;
	}
	next = (struct choices_period){.from = light.from,
	                               .random = light.mode == CARD_TX_MODE_QKD,
	                               .p_mu1 = tx->p_mu1,
	                               .p_z = tx->p_z,
	                               .p_mu2 = tx->p_mu2,
	                               .three_states = tx->states != 0};
	choices_change(&a->choices, &next);
	return (a->base + light.from) & SLOT_MASK;
}

static uint32_t apply(struct alice *a)
{
	struct alice_tx next = a->shadow, *tx = &next;

	/* What was not accepted lies still. */
	if (!(a->card.features_used & CARD_FEATURE_TWO_DECOY))
		tx->mu3 = tx->p_mu2 = 0;
	if (!(a->card.features_used & CARD_FEATURE_THREE_STATE))
		tx->states = 0;
	if (tx->mode > CARD_TX_MODE_SYNC)
		return CARD_TX_MODE;
	if (tx->mu1 > MU_MAX)
		return CARD_TX_MU1;
	if (tx->mu2 > MU_MAX)
		return CARD_TX_MU2;
	if (tx->p_mu1 > ONE)
		return CARD_TX_P_MU1;
	if (tx->p_z > ONE)
		return CARD_TX_P_Z;
	if (tx->mu3 > MU_MAX)
		return CARD_TX_MU3;
	if (tx->p_mu2 > ONE - tx->p_mu1)
		return CARD_TX_P_MU2;
	a->active = *tx;
	shm_card_put64(&a->card, CARD_TX_FROM_LO, set_light(a));
	return 0;
}

static uint32_t write_tx(void *end, uint32_t offset, uint32_t value)
{
	struct alice *a = end;

	switch (offset) {
	case CARD_TX_APPLY:
		return value & 1 ? apply(a) : 0;
	case CARD_TX_MODE:
		a->shadow.mode = value;
		break;
	case CARD_TX_MU1:
		a->shadow.mu1 = value;
		break;
	case CARD_TX_MU2:
		a->shadow.mu2 = value;
		break;
	case CARD_TX_P_MU1:
		a->shadow.p_mu1 = value;
		break;
	case CARD_TX_P_Z:
		a->shadow.p_z = value;
		break;
	case CARD_TX_MU3:
		a->shadow.mu3 = value;
		break;
	case CARD_TX_P_MU2:
		a->shadow.p_mu2 = value;
		break;
	case CARD_TX_STATES:
		a->shadow.states = value & 1;
		break;
	default:
		return 0;
	}
	shm_card_put(&a->card, offset, value);
	return 0;
}

static void reset(void *end)
{
	struct alice *a = end;

	a->shadow = a->active = (struct alice_tx){.mode = CARD_TX_MODE_DARK};
	a->base = start_slot(&a->card.rng) - a->pulse;
	a->card.slot = a->base + a->pulse;
	choices_reset(&a->choices, a->pulse + 1, &a->card.rng);
	set_light(a);
	alice_monitor_reset(a);
	shm_card_put64(&a->card, CARD_TX_RETENTION_LO, a->choices.retention);
}

static void armed(void *end, bool on)
{
	set_light(end);
}

static const struct shm_card_ops alice_ops = {.write = write_tx, .reset = reset, .armed = armed};

int alice_init(struct alice *a, uint8_t *bar, struct clicks *clicks, uint64_t pulse,
               const struct rng *rng)
{
	struct rng own = *rng;
	double slot_fs = clicks->link.slot_fs;
	int rc;

	memset(a, 0, sizeof(*a));
	a->clicks = clicks;
	a->pulse = pulse;
	rc = choices_init(&a->choices, (uint64_t)(RETENTION_S * 1e15 / slot_fs), &own);
	if (rc < 0)
		return rc;
	shm_card_init(&a->card, bar, CARD_ROLE_ALICE, slot_fs, &alice_ops, a, &own);
	return 0;
}

void alice_keep(struct alice *a, double seconds)
{
	a->choices.retention = (uint64_t)(seconds * 1e15 / a->card.slot_fs);
	shm_card_put64(&a->card, CARD_TX_RETENTION_LO, a->choices.retention);
}

void alice_free(struct alice *a)
{
	choices_free(&a->choices);
}

void alice_begin(struct alice *a, uint64_t now_ns, uint64_t pulse)
{
	a->pulse = pulse;
	shm_card_begin(&a->card, now_ns, a->base + pulse);
}

static uint64_t pulse_of(const struct alice *a, uint64_t slot)
{
	return (slot - a->base) & SLOT_MASK;
}

static uint32_t reply(struct alice *a, uint64_t slot)
{
	int choice = choices_get(&a->choices, pulse_of(a, slot), a->pulse + 1);
	uint32_t r = CARD_CHOICE_SLOT(slot);

	if (choice < 0)
		return r;
	return r | CARD_CHOICE_VALID | (choice & CHOICE_BASIS_X ? CARD_CHOICE_BASIS_X : 0) |
	       (choice & CHOICE_BIT ? CARD_CHOICE_BIT : 0) |
	       CHOICE_INTENSITY((uint32_t)choice) << 26;
}

/* One query buffer into one reply buffer; false when it has to wait. */
static bool look_up(struct alice *a, uint64_t arrived)
{
	struct shm_card *card = &a->card;
	struct shm_ring *q = &card->ring[CARD_RING_QUERIES];
	struct shm_ring *c = &card->ring[CARD_RING_CHOICES];
	uint32_t n, flags = 0;
	uint8_t *in, *out;
	uint64_t slot;

	if (!shm_ring_open(card, CARD_RING_QUERIES, 0) ||
	    !shm_ring_open(card, CARD_RING_CHOICES, 0))
		return false;
	n = q->len / sizeof(slot);
	if (n == 0 || q->len % sizeof(slot) != 0 || n > CARD_QUERY_SLOTS_MAX) {
		flags = CARD_DESC_ERROR;
		n = 0;
	}
	in = q->data;
	out = c->data;
	/*
	 * While a pulse is on its way through the fibre what it meets is not drawn yet, and an
	 * answer now might differ from one later.
	 */
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&slot, in + i * sizeof(slot), sizeof(slot));
		if (pulse_of(a, slot) >= arrived && pulse_of(a, slot) <= a->pulse)
			return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t r;

		memcpy(&slot, in + i * sizeof(slot), sizeof(slot));
		if (i == 0)
			q->first_slot = c->first_slot = slot & SLOT_MASK;
		r = reply(a, slot);
		memcpy(out + i * sizeof(r), &r, sizeof(r));
	}
	q->used = n * (uint32_t)sizeof(slot);
	c->used = n * (uint32_t)sizeof(uint32_t);
	shm_ring_complete(card, CARD_RING_QUERIES, flags);
	shm_ring_complete(card, CARD_RING_CHOICES, flags);
	return true;
}

void alice_end(struct alice *a, uint64_t arrived)
{
	for (int i = 0; i < BUFFERS_PER_TURN && look_up(a, arrived); i++)
		;
	alice_monitor_turn(a);
	shm_card_end(&a->card);
}
