/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/card_steer.h"

#include <errno.h>
#include <string.h>

#include "drivers/card_priv.h"

#define STEP_NS (CARD_STEER_MS * NS_PER_MS / CARD_ANALOG_COUNT)

/* Temperatures that are watched as they settle. */
static const struct {
	enum card_loop loop;
	unsigned int setting;
} temperatures[] = {{CARD_LOOP_LASER, CARD_ANALOG_LASER_MC},
                    {CARD_LOOP_DETECTORS, CARD_ANALOG_DETECTOR_MC}};
#define TEMPERATURES (sizeof(temperatures) / sizeof(temperatures[0]))

static int32_t setting(const struct card *card, unsigned int i, uint32_t which)
{
	return (int32_t)card_get(card, CARD_ANALOG(i) + which);
}

static bool has(const struct card *card, unsigned int i)
{
	return (card->steer.present >> i & 1) != 0;
}

static void publish(struct card *card, enum card_loop loop, const struct steer_status *s)
{
	card_status_set(card, loop_state[loop], (uint32_t)s->state);
	card_status_set(card, loop_set[loop], s->set);
	card_status_set(card, loop_moves[loop], s->moves);
	card_status_set(card, loop_limits[loop], s->limits);
	card_status_set(card, loop_refused[loop], s->refused);
}

void card_loop_set(struct card *card, enum card_loop loop, enum steer_state state, int32_t set,
                   bool moved)
{
	bool limit = state == STEER_LIMIT && card->status.loop_state[loop] != STEER_LIMIT;

	card_status_set(card, loop_state[loop], (uint32_t)state);
	card_status_set(card, loop_set[loop], set);
	card_status_add(card, loop_moves[loop], moved);
	card_status_add(card, loop_limits[loop], limit);
}

static void read_back(struct card *card, unsigned int i)
{
	card_status_set(card, analog_set[i], setting(card, i, CARD_ANALOG_SET));
	card_status_set(card, analog_actual[i], setting(card, i, CARD_ANALOG_ACTUAL));
}

int card_steer_open(struct card *card, const struct card_config *c, struct err *err)
{
	const struct card_setting detectors = {CARD_ANALOG_DETECTOR_MC, c->detectors_mc};
	struct card_steer *s = &card->steer;
	int rc;

	memset(s, 0, sizeof(*s));
	if (c->role == CARD_IS_BOB && c->detectors_set) {
		rc = card_analog_set(card, &detectors, 1, err);
		if (rc < 0)
			return rc;
	}
	if ((card->features & CARD_FEATURE_ANALOG) == 0)
		return 0;
	s->present = card_get(card, CARD_ANALOG_PRESENT) & ((1u << CARD_ANALOG_COUNT) - 1);
	card_status_set(card, analog_present, s->present);
	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++) {
		if (!has(card, i))
			continue;
		read_back(card, i);
		card_status_set(card, analog_min[i], setting(card, i, CARD_ANALOG_MIN));
		card_status_set(card, analog_max[i], setting(card, i, CARD_ANALOG_MAX));
	}
	for (size_t k = 0; k < TEMPERATURES; k++) {
		struct steer_settle *t = &s->settle[temperatures[k].loop];

		if (!has(card, temperatures[k].setting))
			continue;
		steer_settle_start(t, card->status.analog_set[temperatures[k].setting], 0);
		publish(card, temperatures[k].loop, &t->s);
	}
	if (has(card, CARD_ANALOG_VOA)) {
		steer_attenuator_init(&s->attenuator,
		                      card_output_fw(c, card->status.slot_period_fs),
		                      card->status.analog_set[CARD_ANALOG_VOA],
		                      card->status.analog_min[CARD_ANALOG_VOA],
		                      card->status.analog_max[CARD_ANALOG_VOA]);
		card_status_set(card, target_fw, (uint32_t)s->attenuator.target_fw);
		publish(card, CARD_LOOP_ATTENUATOR, &s->attenuator.s);
	}
	return 0;
}

static bool later(struct card *card, uint32_t offset, uint32_t value)
{
	struct card_steer *s = &card->steer;

	if (s->writes == CARD_STEER_WRITES)
		return false;
	s->write[s->writes].offset = offset;
	s->write[s->writes++].value = value;
	return true;
}

static bool room(const struct card *card, unsigned int n)
{
	return card->steer.writes + n <= CARD_STEER_WRITES;
}

static void write_one(struct card *card)
{
	struct card_steer *s = &card->steer;

	if (s->writes == 0 ||
	    card->ops->write32(card->t, s->write[0].offset, s->write[0].value) < 0)
		return; /* the card is still at the write before */
	memmove(&s->write[0], &s->write[1], --s->writes * sizeof(s->write[0]));
}

int card_gate(struct card *card, unsigned int start, unsigned int width)
{
	if (card->role != CARD_IS_BOB || start > 255 || width > 256)
		return -EINVAL;
	if (!room(card, 3))
		return -EBUSY;
	later(card, CARD_RX_GATE_START, start);
	later(card, CARD_RX_GATE_WIDTH, width);
	later(card, CARD_RX_APPLY, 1);
	return 0;
}

void card_steer_power(struct card *card, double output_fw, double seconds)
{
	struct steer_attenuator *a = &card->steer.attenuator;

	card_status_set(card, output_fw, output_fw < UINT32_MAX ? (uint32_t)output_fw : UINT32_MAX);
	/* A setting that waits to be written is followed by no other; darkness is no loss. */
	if (!has(card, CARD_ANALOG_VOA) || !room(card, 2) || !card->status.armed)
		return;
	if (steer_attenuator_reading(a, output_fw, seconds)) {
		later(card, CARD_ANALOG(CARD_ANALOG_VOA) + CARD_ANALOG_SET, (uint32_t)a->s.set);
		later(card, CARD_ANALOG_APPLY, 1);
	}
	publish(card, CARD_LOOP_ATTENUATOR, &a->s);
}

void card_steer_poll(struct card *card, uint64_t now_ns)
{
	struct card_steer *s = &card->steer;
	unsigned int i;

	write_one(card);
	if (s->present == 0 || now_ns < s->next_ns)
		return;
	s->next_ns = now_ns + STEP_NS;
	i = s->next++ % CARD_ANALOG_COUNT;
	if (!has(card, i))
		return;
	read_back(card, i);
	for (size_t k = 0; k < TEMPERATURES; k++) {
		struct steer_settle *t = &s->settle[temperatures[k].loop];

		if (temperatures[k].setting != i)
			continue;
		steer_settle_reading(t, card->status.analog_actual[i], now_ns);
		publish(card, temperatures[k].loop, &t->s);
	}
}

#define get(field) __atomic_load(&card->status.field, &out->field, __ATOMIC_RELAXED)

void card_steer_status(const struct card *card, struct card_status *out)
{
	get(output_fw);
	get(target_fw);
	get(analog_present);
	for (unsigned int k = 0; k < CARD_LOOPS; k++) {
		get(loop_state[k]);
		get(loop_set[k]);
		get(loop_moves[k]);
		get(loop_limits[k]);
		get(loop_refused[k]);
	}
	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++) {
		get(analog_set[i]);
		get(analog_actual[i]);
		get(analog_min[i]);
		get(analog_max[i]);
	}
}
