/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/clicks.h"

#include <errno.h>
#include <string.h>

#include "common/sync_pattern.h"
#include "drivers/card_regs.h"
#include "drivers/model/attack_plugin.h"

/* The clock's frequency takes a step of its random walk so often, and what drifts does. */
#define CLOCK_STEP_SLOTS (1u << 23)
/* Tables follow the drift so often. */
#define TABLES_S   0.1
#define DRIFT_SEED 0x6472696674ULL
#define STATE_SEED 0x7374617465ULL
/* What the card's own emitter makes a detector see in a slot. */
#define EMITTER 1e-3

static void enter_light(struct clicks *c);

static double phase_at(const struct clicks *c, uint64_t n)
{
	return c->phase + c->frequency * (double)(int64_t)(n - c->anchor);
}

static void clock_step(struct clicks *c, uint64_t n)
{
	double seconds = (double)(n - c->anchor) * c->link.slot_fs * 1e-15;
	double mean = c->link.offset_ppb * 1e-9, max = c->link.max_ppb * 1e-9, path;

	c->phase = phase_at(c, n);
	c->anchor = n;
	c->frequency -= mean;
	c->frequency += c->link.walk_ppb_s * 1e-9 * sqrt(seconds) * rng_gauss(&c->rng);
	/* Reflected at the limits. */
	if (c->frequency > max)
		c->frequency = 2 * max - c->frequency;
	if (c->frequency < -max)
		c->frequency = -2 * max - c->frequency;
	c->frequency += mean;
	if (drift_is_still(&c->drift))
		return;
	drift_step(&c->drift, seconds);
	path = drift_path_ps(&c->drift, c->link.distance_km) * 1e3 / c->link.slot_fs;
	c->phase += path - c->path;
	c->path = path;
	if ((double)(n - c->tables) * c->link.slot_fs * 1e-15 >= TABLES_S)
		enter_light(c);
}

/* The link in a state of the receiver. */
static struct optics_link in_state(const struct clicks *c, const struct optics_link *link,
                                   unsigned int state)
{
	struct optics_link now = *link;

	/* Of other light likewise: it is no dark count. */
	if (state == CARD_RX_LOW) {
		now.efficiency *= c->states.low_ratio;
		now.noise *= c->states.low_ratio;
	}
	if (state == CARD_RX_SHUT)
		now.noise = 0;
	if (state == CARD_RX_EMIT)
		now.dark_probability = 1 - (1 - now.dark_probability) * exp(-EMITTER);
	return now;
}

static bool has_states(const struct clicks *c)
{
	return c->states.p_low > 0 || c->states.p_shut > 0 || c->states.p_emit > 0;
}

static void take_state(struct clicks *c, unsigned int state)
{
	c->state = state;
	c->p_step = c->pulse[state].click;
	c->inv_log_skip = c->p_step > 0 ? 1 / log1p(-c->p_step) : 0;
}

/* Tables for the light in force. */
static void enter_light(struct clicks *c)
{
	const struct light *l = &c->light[0];
	struct optics_source source = l->source;
	struct optics_link link = c->link;
	double slot_s = c->link.slot_fs * 1e-15;

	physics_drifted(&c->drift, &link, &source);
	link.receiver_loss_db += c->more_loss_db;
	source.mu1 *= c->transmitter.gain;
	source.mu2 *= c->transmitter.gain;
	source.mu3 *= c->transmitter.gain;
	link.misalignment += (1 - 2 * link.misalignment) * c->transmitter.leak;
	link.x_error += (1 - 2 * link.x_error) * c->receiver.x_error;
	link.dark_probability *= c->receiver.dark;
	c->tables = c->n;
	if (l->mode == CARD_TX_MODE_SYNC)
		source.p_mu1 = source.p_z = 1;
	for (unsigned int i = 0; i < (has_states(c) ? CARD_RX_STATES : 1); i++) {
		bool lit = l->mode != CARD_TX_MODE_DARK && i != CARD_RX_SHUT;
		struct optics_link now = in_state(c, &link, i);

		outcomes_build_state(&c->pulse[i], &now, &link, lit ? &source : NULL,
		                     l->mode == CARD_TX_MODE_SYNC, &l->attack);
		outcomes_build(&c->dark[i], &now, NULL, false, &l->attack);
	}
	take_state(c, c->state);
	/* The detectors' traps are set by the QKD light and stay as they are in other light. */
	if (l->mode != CARD_TX_MODE_QKD)
		return;
	c->trap = physics_afterpulse_left(&c->link, c->pulse[CARD_RX_NORMAL].click / slot_s,
	                                  (c->dead > c->holdoff ? c->dead : c->holdoff) * slot_s);
	c->trap *= 1 - attack_blinded(&l->attack);
}

void clicks_init(struct clicks *c, const struct optics_link *link, const struct rng *rng)
{
	struct rng seed;

	memset(c, 0, sizeof(*c));
	c->link = *link;
	c->rng = *rng;
	c->phase = rng_uniform(&c->rng);
	c->frequency =
	        (2 * rng_uniform(&c->rng) - 1) * link->max_ppb * 1e-9 + link->offset_ppb * 1e-9;
	/* Dice of its own: whether the link wanders moves no others. */
	seed = c->rng;
	drift_init(&c->drift, &link->drift, rng_next(&seed) ^ DRIFT_SEED);
	rng_init_seed(&c->state_rng, rng_next(&seed) ^ STATE_SEED);
	c->path = drift_path_ps(&c->drift, link->distance_km) * 1e3 / link->slot_fs;
	c->transmitter.gain = c->receiver.gain = c->receiver.dark = 1;
	c->gate_width = 256;
	c->lights = 1;
	enter_light(c);
}

int clicks_set_light(struct clicks *c, const struct light *light)
{
	unsigned int i = c->lights;

	if (light->from < c->n || light->from < c->light[i - 1].from)
		return -EINVAL;
	if (light->from == c->light[i - 1].from)
		i--;
	if (i == CLICKS_LIGHTS)
		return -ENOSPC;
	c->light[i] = *light;
	c->lights = i + 1;
	if (i == 0)
		enter_light(c);
	return 0;
}

static bool moved(const struct analog_light *a, const struct analog_light *b)
{
	return fabs(a->gain - b->gain) > 1e-3 * b->gain ||
	       fabs(a->dark - b->dark) > 0.02 * b->dark || fabs(a->leak - b->leak) > 1e-4 ||
	       fabs(a->x_error - b->x_error) > 1e-4;
}

void clicks_set_analog(struct clicks *c, const struct analog_light *transmitter,
                       const struct analog_light *receiver)
{
	if (!moved(transmitter, &c->transmitter) && !moved(receiver, &c->receiver))
		return;
	c->transmitter = *transmitter;
	c->receiver = *receiver;
	enter_light(c);
}

void clicks_set_loss(struct clicks *c, double db)
{
	c->more_loss_db = db;
	enter_light(c);
}

void clicks_set_noise(struct clicks *c, double counts)
{
	c->link.noise = counts;
	enter_light(c);
}

static double shut_share(const struct clicks *c)
{
	return c->shut > 0 ? c->shut / c->shut_period : 0;
}

/* Live slots up to c->n are counted to the state in force. */
static void count_live(struct clicks *c)
{
	double ahead = c->dead_until - (double)c->n;
	double dead = c->dead_slots - (ahead > 0 ? ahead : 0);

	if (c->gates_on)
		c->live[c->state] +=
		        (double)(c->n - c->live_n) * (1 - shut_share(c)) - (dead - c->dead_counted);
	c->live_n = c->n;
	c->dead_counted = dead;
}

void clicks_live(struct clicks *c, uint64_t live[CARD_RX_STATES])
{
	count_live(c);
	for (unsigned int i = 0; i < CARD_RX_STATES; i++) {
		live[i] = c->live[i] > 0 ? (uint64_t)(c->live[i] + 0.5) : 0;
		c->live[i] -= (double)live[i];
	}
}

/* The slot N of a click was live for its pulse, which comes in its middle; what follows is dead. */
static void dead_from(struct clicks *c, uint64_t n, double slots)
{
	double from = (double)n + 0.5, until = (double)n + slots;

	from = c->dead_until > from ? c->dead_until : from;
	if (until <= from)
		return;
	c->dead_slots += until - from;
	c->dead_until = until;
}

void clicks_set_shut(struct clicks *c, double shut, double period)
{
	if (shut == c->shut && (shut == 0 || period == c->shut_period))
		return;
	count_live(c);
	c->shut = shut;
	c->shut_period = period;
	c->shut_from = c->n;
}

void clicks_set_states(struct clicks *c, const struct clicks_states *states)
{
	count_live(c);
	c->states = *states;
	c->state = CARD_RX_NORMAL;
	c->state_end = c->n;
	enter_light(c);
}

static void next_state(struct clicks *c)
{
	double u = rng_uniform(&c->state_rng);
	const struct clicks_states *s = &c->states;

	count_live(c);
	c->state_end = c->n + (1ULL << s->log2);
	take_state(c, u < s->p_low                           ? CARD_RX_LOW
	              : u < s->p_low + s->p_shut             ? CARD_RX_SHUT
	              : u < s->p_low + s->p_shut + s->p_emit ? CARD_RX_EMIT
	                                                     : CARD_RX_NORMAL);
}

const struct light *clicks_last_light(const struct clicks *c)
{
	return &c->light[c->lights - 1];
}

void clicks_set_receiver(struct clicks *c, bool gates_on, double holdoff, unsigned int gate_start,
                         unsigned int gate_width)
{
	bool changed = holdoff != c->holdoff;

	count_live(c);
	c->gates_on = gates_on;
	/* A slot holds one tag, so no shorter dead time can be told. */
	c->holdoff = holdoff < 1 ? 1 : holdoff;
	c->dead = c->link.dead_ns * 1e6 / c->link.slot_fs;
	if (c->dead <= c->holdoff)
		c->dead = 0;
	c->gate_start = gate_start;
	c->gate_width = gate_width;
	if (!gates_on)
		c->pendings = 0;
	if (changed)
		enter_light(c);
}

uint64_t clicks_bob_slot(const struct clicks *c, uint64_t n)
{
	return n + (uint64_t)(int64_t)floor(phase_at(c, n) + 0.5);
}

static bool gate_open(const struct clicks *c, uint64_t n, unsigned int sub)
{
	if (c->shut > 0 && fmod((double)(n - c->shut_from), c->shut_period) < c->shut)
		return false;
	return c->gate_width >= 256 || ((sub - c->gate_start) & 255) < c->gate_width;
}

/* Next of the slots n, n + 1, ... with a candidate, or LIMIT. */
static uint64_t next_candidate(struct clicks *c, uint64_t limit)
{
	double skip;

	if (c->p_step <= 0)
		return limit;
	skip = -rng_exp(&c->rng) * c->inv_log_skip;
	return skip >= (double)(limit - c->n) ? limit : c->n + (uint64_t)skip;
}

static void trap_carrier(struct clicks *c, uint64_t n, double frac, unsigned int detectors)
{
	double at = frac + (c->dead > c->holdoff ? c->dead : c->holdoff) +
	            rng_exp(&c->rng) * c->link.afterpulse_tau_ns * 1e6 / c->link.slot_fs;
	unsigned int i = c->pendings, detector;
	uint64_t release = n + (uint64_t)floor(at);

	do /* one of those that fired */
		detector = rng_next(&c->rng) >> 62;
	while (!(detectors >> detector & 1));
	if (c->pendings == CLICKS_PENDING)
		return;
	for (; i > 0 && c->pending[i - 1].n > release; i--)
		c->pending[i] = c->pending[i - 1];
	c->pending[i].n = release;
	c->pending[i].frac = at - floor(at);
	c->pending[i].detector = (uint8_t)detector;
	c->pendings++;
}

/*
 * Detectors that are dead by themselves do not fire; those that do are dead from now on, whether
 * the click counts or not.
 */
static bool own_dead_times(struct clicks *c, struct click *k, double frac)
{
	unsigned int live = 0;

	for (unsigned int d = 0; d < 4; d++)
		if ((double)(int64_t)(k->pulse - c->ready[d].n) + frac >= c->ready[d].frac)
			live |= 1u << d;
	k->detectors &= (uint8_t)live;
	for (unsigned int d = 0; d < 4; d++) {
		if (!(k->detectors >> d & 1))
			continue;
		c->ready[d].n = k->pulse;
		c->ready[d].frac = frac + c->dead;
	}
	if (k->detectors != 0)
		dead_from(c, k->pulse, c->dead);
	if (k->detectors != 0 && rng_uniform(&c->rng) < c->trap)
		trap_carrier(c, k->pulse, frac, k->detectors);
	return k->detectors != 0 && (live == 0xf || !(c->link.all_live > 0));
}

/* A detector would fire at pulse + frac: does it, and how does Bob's card see it? */
static bool fire(struct clicks *c, struct click *k, double frac)
{
	double x;

	if ((double)(int64_t)(k->pulse - c->n_live) + frac < c->live_from)
		return false;
	x = frac + phase_at(c, k->pulse);
	k->slot = k->pulse + (uint64_t)(int64_t)floor(x);
	k->sub = (uint8_t)((x - floor(x)) * 256);
	if (!gate_open(c, k->pulse, k->sub) || (int64_t)(k->slot - c->last_slot) <= 0)
		return false;
	if (c->dead > 0 && !own_dead_times(c, k, frac))
		return false;
	c->last_slot = k->slot;
	c->n_live = k->pulse;
	c->live_from = frac + c->holdoff;
	k->state = (uint8_t)c->state;
	if (c->dead == 0)
		dead_from(c, k->pulse, c->holdoff);
	if (c->dead == 0 && rng_uniform(&c->rng) < c->trap)
		trap_carrier(c, k->pulse, frac, k->detectors);
	return true;
}

/* Slots that lie wholly within the hold-off need no dice. */
static void pass_holdoff(struct clicks *c, uint64_t limit)
{
	uint64_t live = c->n_live + (uint64_t)floor(c->live_from);

	if (live > c->n)
		c->n = live < limit ? live : limit;
}

static bool afterpulse(struct clicks *c, struct click *k)
{
	double frac = c->pending[0].frac;

	*k = (struct click){
	        .pulse = c->pending[0].n,
	        .detectors = (uint8_t)(1u << c->pending[0].detector),
	        .origin = CLICK_AFTERPULSE,
	};
	c->pendings--;
	memmove(&c->pending[0], &c->pending[1], c->pendings * sizeof(c->pending[0]));
	return fire(c, k, frac);
}

static bool candidate(struct clicks *c, struct click *k, uint64_t n)
{
	const struct light *l = &c->light[0];
	bool lit = l->mode == CARD_TX_MODE_QKD ||
	           (l->mode == CARD_TX_MODE_SYNC && sync_pattern_on(l->slot_base + n));
	struct outcome o;
	double frac;

	if (!lit && l->mode == CARD_TX_MODE_SYNC &&
	    rng_uniform(&c->rng) * c->p_step >= c->dark[c->state].click)
		return false;
	lit = lit && c->state != CARD_RX_SHUT;
	o = outcomes_draw(lit ? &c->pulse[c->state] : &c->dark[c->state], &c->rng);
	*k = (struct click){.pulse = n, .detectors = o.detectors, .choice = o.choice};
	k->has_choice = lit;
	k->qkd = l->mode == CARD_TX_MODE_QKD;
	k->bright = o.bright;
	k->origin = rng_uniform(&c->rng) < (double)o.dark ? CLICK_DARK : CLICK_LIGHT;
	if (k->origin == CLICK_DARK)
		frac = rng_uniform(&c->rng);
	else
		frac = 0.5 + o.shift / 256.0 +
		       rng_gauss(&c->rng) * c->link.jitter_ps * 1e3 / c->link.slot_fs;
	return fire(c, k, frac);
}

/* The end of the stretch from c->n on in which light and clock stay as they are. */
static uint64_t stretch(struct clicks *c, uint64_t until)
{
	while (c->lights > 1 && c->light[1].from <= c->n) {
		c->lights--;
		memmove(&c->light[0], &c->light[1], c->lights * sizeof(c->light[0]));
		if (c->lights == 1 || c->light[1].from > c->n)
			enter_light(c);
	}
	if (c->n - c->anchor >= CLOCK_STEP_SLOTS)
		clock_step(c, c->n);
	if (has_states(c)) {
		if (c->n >= c->state_end)
			next_state(c);
		until = c->state_end < until ? c->state_end : until;
	}
	if (c->lights > 1 && c->light[1].from < until)
		until = c->light[1].from;
	return c->anchor + CLOCK_STEP_SLOTS < until ? c->anchor + CLOCK_STEP_SLOTS : until;
}

size_t clicks_run(struct clicks *c, uint64_t until, struct click *out, size_t max)
{
	size_t count = 0;

	while (c->n < until && count < max) {
		uint64_t limit = stretch(c, until), n;

		if (!c->gates_on) {
			c->n = limit;
			continue;
		}
		pass_holdoff(c, limit);
		n = next_candidate(c, limit);
		if (c->pendings > 0 && c->pending[0].n <= n && c->pending[0].n < limit) {
			/* Whatever comes first; the jump past it is forgotten (no memory). */
			if (c->n < c->pending[0].n)
				c->n = c->pending[0].n;
			if (afterpulse(c, &out[count])) {
				count++;
				c->n++;
			}
			continue;
		}
		c->n = n;
		if (n == limit)
			continue;
		c->n = n + 1;
		if (candidate(c, &out[count], n))
			count++;
	}
	return count;
}

void clicks_skip(struct clicks *c, uint64_t until)
{
	if (until <= c->n)
		return;
	count_live(c);
	c->n = c->live_n = until;
	c->pendings = 0;
	stretch(c, until + 1);
}
