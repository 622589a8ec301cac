/* SPDX-License-Identifier: BSD-3-Clause */

/* A round: a sweep over all groups and frames. */

#include "qkd-engine/cascade_run.h"

#include <errno.h>
#include <string.h>

/*
 * When a round asks less than these in the whole block, most frames are done; in the next one,
 * each range is halved twice or three times, so that the others take fewer rounds.
 */
#define FEW(frames)      ((frames) / 4 + 2)
#define VERY_FEW(frames) ((frames) / 16 + 1)

/* Answers in a round from which on most of what permutes bits is looked up. */
#define SHIFTS_LEAST 16

/* Pieces of W for all that is kept of a block. */
static void place(struct cascade_run *r, struct workspace *w)
{
	struct cascade_plan *plan = &r->plan;
	size_t strings = plan->frames * CASCADE_PASSES;

	/* Whole cache lines. */
	r->range_words = (BITS_WORDS(plan->frame_bits / 2 + 1) + 3) / 4 * 4;
	r->summary_words = BITS_WORDS(r->range_words);
	/* Less than half of the blocks are odd as a rule; those that do not fit wait. */
	r->list_max = cascade_blocks(plan, 0);
	r->list_max = r->list_max / 2 + r->list_max / 16 + 64;
	r->own = workspace_secret(w, strings * plan->frame_words * sizeof(*r->own));
	r->lanes = workspace_secret(w, cascade_lanes(plan));
	cascade_plan_place(plan, w);
	r->frames = workspace_plain(w, plan->frames * sizeof(*r->frames));
	r->groups = workspace_plain(w, plan->groups * sizeof(*r->groups));
	/* Where the orders are while permuting, there is then what searches need. */
	plan->order = workspace_plain_shared(w, cascade_orders_bytes(plan));
	r->ranges = workspace_plain(w, strings * r->range_words * sizeof(*r->ranges));
	r->known = workspace_plain(w, plan->frames * plan->frame_words * sizeof(*r->known));
	r->summary = workspace_plain(w, strings * r->summary_words * sizeof(*r->summary));
	r->list = workspace_secret(w, plan->frames * r->list_max * sizeof(*r->list));
}

int cascade_run_size(const struct cascade_params *p, struct workspace_size *out)
{
	struct cascade_plan whole;
	int ret = cascade_plan_init(&whole, p);

	*out = (struct workspace_size){0};
	if (ret < 0)
		return ret;
	/* A block of fewer frames may have longer ones: the longest of each number of frames. */
	for (size_t frames = 1; frames <= whole.frames; frames++) {
		struct cascade_params q = *p;
		struct cascade_run r;
		struct workspace w = {0};

		q.bits = frames * p->frame_bits + p->frame_bits / 2 - 1;
		if (q.bits > frames * CASCADE_FRAME_MAX)
			q.bits = frames * CASCADE_FRAME_MAX;
		if (q.bits > p->bits)
			q.bits = p->bits;
		if (cascade_plan_init(&r.plan, &q) < 0)
			continue;
		place(&r, &w);
		out->secret = w.most.secret > out->secret ? w.most.secret : out->secret;
		out->plain = w.most.plain > out->plain ? w.most.plain : out->plain;
	}
	return 0;
}

int cascade_run_init(struct cascade_run *r, const struct cascade_params *p, uint64_t *key,
                     bool corrects, struct workspace *w)
{
	int ret;

	memset(r, 0, sizeof(*r));
	ret = cascade_plan_init(&r->plan, p);
	if (ret < 0)
		return ret;
	place(r, w);
	if (!workspace_fits(w))
		return -ENOMEM;
	cascade_plan_draw(&r->plan, p->seed);
	r->key = key;
	r->corrects = corrects;
	r->work_most = CASCADE_WORK;
	memset(r->groups, 0, r->plan.groups * sizeof(*r->groups));
	for (size_t f = 0; f < r->plan.frames; f++) {
		size_t start = cascade_frame_start(&r->plan, f);
		size_t end = cascade_frame_start(&r->plan, f + 1);

		r->frames[f] = (struct cascade_frame){.start = start,
		                                      .end = end,
		                                      .group = (uint32_t)(f / r->plan.group_frames),
		                                      .padded = end - start < r->plan.frame_bits};
	}
	return 0;
}

bool cascade_run_prepare(struct cascade_run *r)
{
	if (!r->prepared)
		r->prepared = cascade_plan_build(&r->plan) &&
		              cascade_permute(&r->plan, r->key, r->own, r->lanes, &r->permuted);
	return r->prepared;
}

/* Corrections look up some twenty entries each, at random, one after the other. */
static void prefetch_shifts(const struct cascade_plan *plan)
{
	const uint16_t *end = plan->shifts + cascade_shifts(plan);

	for (const uint16_t *p = plan->shifts; p < end; p += 64 / sizeof(*p))
		__builtin_prefetch(p);
}

void cascade_run_begin(struct cascade_run *r, const uint8_t *differences, uint8_t *parities)
{
	size_t searched = r->asked;

	r->stats.rounds++;
	r->depth = r->asked > FEW(r->plan.frames) ? 1 : r->asked > VERY_FEW(r->plan.frames) ? 2 : 3;
	r->differences = differences;
	r->parities = parities;
	r->taken = r->asked = 0;
	r->gathered = 0;
	r->step = CASCADE_APPLY_GROUP;
	r->group = r->frame = 0;
	r->i = r->kept = 0;
	r->pass = 0;
	r->quiet = true;
	if (searched >= SHIFTS_LEAST)
		prefetch_shifts(&r->plan);
}

/* Next step of the sweep, with its own state at the beginning. */
static void go(struct cascade_run *r, enum cascade_step step)
{
	r->step = step;
	r->i = r->kept = 0;
	r->pass = 0;
}

static int step(struct cascade_run *r)
{
	size_t end = cascade_group_first(&r->plan, r->group + 1);
	int ret;

	switch (r->step) {
	case CASCADE_APPLY_GROUP:
		ret = cascade_group_apply(r, r->group);
		if (ret == 0) {
			go(r, CASCADE_APPLY);
			r->quiet = true;
		}
		return ret;
	case CASCADE_APPLY:
		cascade_frame_prefetch(r, r->frame);
		ret = cascade_frame_apply(r, r->frame);
		if (ret < 0)
			return ret;
		go(r, CASCADE_APPLY);
		if (++r->frame == end) {
			if (cascade_pairs_flush(r) < 0)
				return -EPROTO;
			r->frame = cascade_group_first(&r->plan, r->group);
			go(r, CASCADE_CHOOSE);
		}
		return 0;
	case CASCADE_CHOOSE:
		cascade_frame_prefetch(r, r->frame);
		ret = cascade_frame_choose(r, r->frame);
		if (ret == 0)
			go(r, CASCADE_ASK);
		return ret;
	case CASCADE_ASK:
		ret = cascade_frame_ask(r, r->frame);
		if (ret < 0)
			return ret;
		r->quiet &= r->frames[r->frame].asked == CASCADE_NOTHING;
		go(r, ++r->frame < end ? CASCADE_CHOOSE : CASCADE_ASK_GROUP);
		return 0;
	default:
		ret = r->quiet ? cascade_group_ask(r, r->group) : 0;
		if (ret == 0) {
			r->group++;
			go(r, CASCADE_APPLY_GROUP);
		}
		return ret;
	}
}

int cascade_run_sweep(struct cascade_run *r)
{
	for (r->work = 0; r->group < r->plan.groups; r->work++) {
		int ret = r->work >= r->work_most ? -EAGAIN : step(r);

		if (ret < 0)
			return ret;
	}
	/* The rest of the parities; there is room for whole words. */
	memcpy(r->parities + r->asked / 64 * 8, &r->gathered, 8);
	r->stats.alice_parities += r->asked;
	r->stats.bob_parities += r->asked; /* see cascade.h */
	return r->stats.alice_parities > r->plan.parity_max ? -EPROTO : 0;
}
