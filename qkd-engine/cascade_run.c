/* SPDX-License-Identifier: BSD-3-Clause */

/* A round: a sweep over all groups and frames. */

#include "qkd-engine/cascade_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/secret.h"

/*
 * When a round asks less than these in the whole block, most frames are done; in the next one,
 * each range is halved twice or three times, so that the others take fewer rounds.
 */
#define FEW(frames)      ((frames) / 4 + 2)
#define VERY_FEW(frames) ((frames) / 16 + 1)

/* With many blocks in flight, huge pages save most of the time that page tables cost. */
static void *zeroed(size_t bytes)
{
	const size_t huge = 2 << 20;
	void *p;

	if (bytes < huge)
		return calloc(1, bytes);
	bytes = (bytes + huge - 1) / huge * huge;
	p = aligned_alloc(huge, bytes);
	if (p != NULL) {
		madvise(p, bytes, MADV_HUGEPAGE);
		memset(p, 0, bytes);
	}
	return p;
}

int cascade_run_init(struct cascade_run *r, const struct cascade_params *p, uint64_t *key,
                     bool corrects)
{
	size_t strings, blocks, words;
	int ret;

	memset(r, 0, sizeof(*r));
	ret = cascade_plan_init(&r->plan, p);
	if (ret < 0)
		return ret;
	strings = r->plan.frames * CASCADE_PASSES;
	blocks = cascade_blocks(&r->plan, 0);
	r->key = key;
	r->corrects = corrects;
	r->summary_words = BITS_WORDS(r->plan.frame_words);
	/* Less than half of the blocks are odd as a rule; those that do not fit wait. */
	r->list_max = blocks / 2 + blocks / 16 + 64;
	words = strings * (2 * r->plan.frame_words + r->summary_words) +
	        r->plan.frames * (r->plan.frame_words + (r->list_max + 1) / 2);
	r->own = secret_alloc(strings * r->plan.frame_words * sizeof(uint64_t));
	r->lanes = secret_alloc(cascade_lanes(&r->plan));
	r->memory = zeroed(words * sizeof(uint64_t));
	r->frames = calloc(r->plan.frames, sizeof(*r->frames));
	r->groups = calloc(r->plan.groups, sizeof(*r->groups));
	if (r->own == NULL || r->lanes == NULL || r->memory == NULL || r->frames == NULL ||
	    r->groups == NULL) {
		cascade_run_fini(r);
		return -ENOMEM;
	}
	r->ranges = r->memory;
	r->known = (uint64_t *)(r->ranges + strings * r->plan.frame_words);
	r->summary = r->known + r->plan.frames * r->plan.frame_words;
	r->list = (uint32_t *)(r->summary + strings * r->summary_words);
	for (size_t f = 0; f < r->plan.frames; f++) {
		r->frames[f].start = cascade_frame_start(&r->plan, f);
		r->frames[f].end = cascade_frame_start(&r->plan, f + 1);
		r->frames[f].group = (uint32_t)(f / r->plan.group_frames);
	}
	return 0;
}

void cascade_run_fini(struct cascade_run *r)
{
	cascade_plan_fini(&r->plan);
	secret_free(r->own);
	secret_free(r->lanes);
	free(r->memory);
	free(r->frames);
	free(r->groups);
}

bool cascade_run_prepare(struct cascade_run *r)
{
	if (r->lanes == NULL)
		return true;
	if (!cascade_plan_build(&r->plan) ||
	    !cascade_permute(&r->plan, r->key, r->own, r->lanes, &r->permuted))
		return false;
	cascade_plan_built(&r->plan);
	secret_free(r->lanes);
	r->lanes = NULL;
	return true;
}

void cascade_run_begin(struct cascade_run *r, const uint8_t *differences, uint8_t *parities)
{
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
			cascade_flush(r);
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
		int ret = r->work >= CASCADE_WORK ? -EAGAIN : step(r);

		if (ret < 0)
			return ret;
	}
	/* The rest of the parities; there is room for whole words. */
	memcpy(r->parities + r->asked / 64 * 8, &r->gathered, 8);
	r->stats.alice_parities += r->asked;
	r->stats.bob_parities += r->asked; /* see cascade.h */
	return r->stats.alice_parities > r->plan.parity_max ? -EPROTO : 0;
}
