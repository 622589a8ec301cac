/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/trial.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "drivers/model/attack_plugin.h"
#include "tests/bench/attacks/child.h"
#include "tests/bench/attacks/random.h"

#define AFTER_S 10  /* watched on after the first alarm */
#define OTDR_S  145 /* traces of a fibre that was touched: two at least */
/* Seeds of the same link that shall not be the same dice. */
#define OF_ORDER(seed, t) (OF_LINK(seed, t) ^ 0x6f72646572ULL << 20)
#define OF_TRIAL(seed, t) (OF_LINK(seed, t) ^ 0x747269616cULL << 20)

static void take_alarms(struct trial *out, uint64_t from_ns)
{
	const struct noted_alarms *n = &noted_alarms;

	for (unsigned int i = 0; i < n->count && i < sizeof(out->alarm) / sizeof(out->alarm[0]);
	     i++) {
		memcpy(out->alarm[i].kind, n->list[i].kind, ALARMS_NAME);
		out->alarm[i].time_s = (double)(n->list[i].first_ns - from_ns) / NS_PER_S;
		out->alarms = i + 1;
	}
}

static bool touches_fibre(const struct attack *attack)
{
	struct otdr_point point[ATTACK_POINTS];

	return attack_fibre(attack, rig.link.params.optics.distance_km, point) > 0;
}

/* After what clicks tell: the OTDR's traces up to then, without light. */
static void more_traces(uint64_t until_ns)
{
	struct attacked_link *l = &rig.link;

	for (; l->now_ns < until_ns; l->now_ns += LINK_TURN_NS) {
		noted_alarms.now_ns = l->now_ns;
		fibre_otdr_poll(&rig.otdr, &l->sim.fibre, l->now_ns);
	}
}

static void attacked(const struct trial_params *p, const struct attack *attack, uint64_t seed,
                     struct trial *out)
{
	struct attacked_link *l = &rig.link;
	uint64_t from = l->now_ns, until;

	memset(out, 0, sizeof(*out));
	noted_alarms_begin();
	link_attack(l, attack, seed);
	fibre_otdr_begin(&rig.otdr, from, seed + 1);
	until = from + (uint64_t)(p->trial_s * NS_PER_S);
	while (l->now_ns < until) {
		rig_turn();
		if (out->found || noted_alarms.count == 0)
			continue;
		out->found = true;
		out->time_s = (double)(l->now_ns - from) / NS_PER_S;
		memcpy(out->bits, l->disturbed, sizeof(out->bits));
		out->released = l->blocks.released_attacked_bits;
		out->blocks = l->blocks.released_blocks;
		until = l->now_ns + AFTER_S * NS_PER_S;
	}
	if (!out->found) {
		out->time_s = p->trial_s;
		memcpy(out->bits, l->disturbed, sizeof(out->bits));
		out->released = l->blocks.released_attacked_bits;
	}
	out->after = l->blocks.released_attacked_bits - out->released;
	out->void_blocks = l->blocks.void_attacked_blocks;
	if (touches_fibre(attack))
		more_traces(from + OTDR_S * NS_PER_S);
	out->held = l->blocks.held || monitor_blocks_key(&l->blocks.monitor);
	take_alarms(out, from);
}

struct one {
	const struct trial_params *p;
	const struct attack *attack;
	uint64_t seed;
};

static void one_trial(void *ctx, void *out)
{
	const struct one *o = ctx;

	attacked(o->p, o->attack, o->seed, out);
}

struct many {
	const struct trial_params *p;
	unsigned int t, n;
	const struct cell *cells;
	const unsigned int *order;
};

static bool is_random(const struct attack *a)
{
	return a->kind == ATTACK_QRNG_STUCK || a->kind == ATTACK_QRNG_BIASED ||
	       a->kind == ATTACK_QRNG_PERIODIC;
}

/* FNV-1a: a row's dice are its own, whichever other rows there are. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3ULL;
	return h;
}

static void link_trials(void *ctx, void *out)
{
	const struct many *m = ctx;
	struct trial *trials = out;
	bool learnt = false;

	for (unsigned int i = 0; i < m->n; i++) {
		const struct cell *cell = &m->cells[m->order[i]];
		const struct attack *attack = &cell->attack;
		struct child trial;
		struct one one = {m->p, attack, OF_TRIAL(m->p->seed, m->t) ^ hash(cell->text)};

		if (is_random(attack)) {
			random_trial(attack, &m->p->link, one.seed, &trials[m->order[i]]);
			continue;
		}
		if (!learnt)
			rig_learn(m->p, m->t);
		learnt = true;
		trial = child_begin(one_trial, &one, &trials[m->order[i]], sizeof(*trials));
		child_end(&trial);
	}
	if (learnt)
		rig_free();
}

/* Where the trials of a link have their order. */
static void shuffle(const struct trial_params *p, unsigned int t, unsigned int n,
                    unsigned int *order)
{
	struct rng rng;

	rng_init_seed(&rng, OF_ORDER(p->seed, t));
	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = (unsigned int)(rng_uniform(&rng) * (i + 1));

		order[i] = order[k];
		order[k] = i;
	}
}

void trial_links(const struct trial_params *p, unsigned int trials, const struct cell *cells,
                 unsigned int n, struct trial *out)
{
	struct child child[PARALLEL_MAX];
	unsigned int order[PLAN_CELLS], begun = 0;

	for (unsigned int ended = 0; ended < trials; ended++) {
		for (; begun < trials && begun < ended + p->parallel; begun++) {
			struct many m = {p, begun, n, cells, order};

			shuffle(p, begun, n, order);
			child[begun % p->parallel] =
			        child_begin(link_trials, &m, &out[begun * n], n * sizeof(*out));
		}
		child_end(&child[ended % p->parallel]);
		fprintf(stderr, "link %u of %u\n", ended + 1, trials);
	}
}
