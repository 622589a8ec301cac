/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What both sides of Cascade keep and do alike. Every parity that Alice tells is compared with
 * Bob's of the same range, and both sides get to know whether they differ. From these
 * differences alone follow the ranges with an odd number of errors, the errors found, and so
 * the next questions: nobody needs to name a range.
 *
 * For every pass and frame there is the permuted frame, the partition of ranges whose parities
 * are known (a bit at the first position of each, and one at frame_bits) and a bit for each
 * range that is odd. Ranges start as the blocks of the pass and are halved; they are
 * [start, start + 2^level), the last one cut off at the end of the frame. All passes name a bit by
 * where it is in pass 0.
 *
 * The last pass is seldom searched; before it is, in a frame, its odd blocks are a few bits apart.
 */

#ifndef QKD_ENGINE_CASCADE_RUN_H
#define QKD_ENGINE_CASCADE_RUN_H

#include "qkd-engine/cascade_plan.h"

/* Ranges of a frame that may be halved more than once in a round. */
#define CASCADE_DEEP_MAX 8

/* Units of about 50 ns of one call. The order of the questions does not depend on it. */
#define CASCADE_WORK 512

enum cascade_asked {
	CASCADE_NOTHING,
	CASCADE_INITIAL, /* frame: parities of all blocks of all passes */
	CASCADE_SEARCH,  /* frame: the listed ranges are halved */
	CASCADE_CHECK,   /* group: parities of all subsets */
	CASCADE_PARTS    /* group: parities of parts of an odd subset */
};

struct cascade_frame {
	size_t start, end; /* in the block */
	uint32_t group;
	uint32_t odd[CASCADE_PASSES]; /* odd ranges that are not listed */
	uint32_t listed;              /* ranges under search, all of one pass */
	uint8_t pass;                 /* theirs */
	uint8_t stage;                /* passes up to this one are searched */
	uint8_t asked;
	uint8_t depth; /* how often each listed range is halved in this round */
	bool holes;    /* in the list: pairs that were settled */
	bool started;
	bool padded;   /* is shorter than the longest frames */
	uint32_t late; /* odd blocks of the last pass before it is searched */
};

/*
 * In one cache line: what is looked up together. A bit stands for two positions: ranges begin at
 * even ones. The two bits of a pair that was searched to its end are known, which is where it
 * shows that it is not one range any more.
 */
struct cascade_ranges {
	uint64_t partition; /* first positions of ranges */
	uint64_t odd;       /* first positions of odd ranges that are not listed */
};

/* Frames that share subset parities. */
struct cascade_group {
	uint32_t differ; /* subsets with an odd number of errors, when checked */
	uint32_t own;    /* subset parities, as far as computed */
	uint32_t index;  /* part of the subset under search, of 2^level bits */
	uint8_t subset, level;
	uint8_t asked;
	bool checked, searching;
};

struct cascade_found {
	uint32_t frame, at; /* at: in the key, of Bob's */
	uint32_t pass;      /* that found it, or CASCADE_PASSES: a subset */
	uint32_t position[CASCADE_PASSES];
};
#define CASCADE_FOUND 16 /* a power of two */

/* A search that has come down to two positions of a pass, START, which is even, and the next. */
struct cascade_pair {
	uint32_t frame, start, first; /* first: the level from which on it was searched for */
	uint32_t index[2];            /* where the bits are in pass 0 */
	uint32_t slot;                /* in the list of the frame, of a pair that may be settled */
	bool found;                   /* the error is known to be ERROR of the two */
	bool error;
};
#define CASCADE_PAIRS 16 /* a power of two */

/* Where a sweep over the frames stands. */
enum cascade_step {
	CASCADE_APPLY_GROUP,
	CASCADE_APPLY, /* all frames of the group */
	CASCADE_CHOOSE,
	CASCADE_ASK, /* frame by frame */
	CASCADE_ASK_GROUP
};

struct cascade_run {
	struct cascade_plan plan;
	uint64_t *key;                 /* only Bob's is written to */
	bool corrects;                 /* Bob */
	uint64_t *own;                 /* per frame and pass: the permuted frame; secret */
	struct cascade_ranges *ranges; /* per frame and pass, 128 positions in each */
	size_t range_words;
	uint64_t *known;   /* per frame: bits, in the order of pass 0, that were compared alone */
	uint64_t *summary; /* per frame and pass: a bit for each word of ODD that is not zero */
	size_t summary_words;
	uint64_t *list; /* per frame: each range under search, cascade_listed(); secret */
	size_t list_max;
	struct cascade_frame *frames;
	struct cascade_group *groups;
	uint8_t *lanes; /* while permuting; secret */
	size_t permuted;
	bool prepared;
	struct cascade_stats stats;
	/* the round */
	const uint8_t *differences; /* a bit for each parity asked in the last one */
	size_t taken;               /* of them */
	uint8_t *parities;          /* own ones, asked in this one */
	size_t asked;
	uint64_t gathered;  /* the last asked % 64 of them, not yet in PARITIES */
	unsigned int depth; /* of frames with few ranges */
	/* the sweep */
	enum cascade_step step;
	size_t group, frame, i, kept;
	unsigned int pass;
	bool sum, whole, quiet;
	size_t work, work_most; /* of a call */
	/* pairs, and bits to be corrected, whose memory is on its way: rings from FROM to TO */
	struct cascade_pair pairs[CASCADE_PAIRS];
	unsigned int pairs_from, pairs_to;
	struct cascade_found found[CASCADE_FOUND];
	unsigned int found_from, found_to;
};

/* Takes all its memory from W. 0, -EINVAL or -ENOMEM. */
int cascade_run_init(struct cascade_run *r, const struct cascade_params *p, uint64_t *key,
                     bool corrects, struct workspace *w);

/* What that takes, for P and everything shorter with fewer errors. 0 or -EINVAL. */
int cascade_run_size(const struct cascade_params *p, struct workspace_size *out);

/* A bounded part of what precedes the first round; true when it is done. */
bool cascade_run_prepare(struct cascade_run *r);

/*
 * Begin a round: apply DIFFERENCES, one bit for each parity asked in the last round, and write
 * the own parities for this one to PARITIES, which must have room for cascade_message_max().
 */
void cascade_run_begin(struct cascade_run *r, const uint8_t *differences, uint8_t *parities);

/*
 * A bounded part of a round: -EAGAIN; -EPROTO when the differences contradict each other or
 * more was asked than an honest run needs; 0 when r->asked parities are written, none if the
 * frames agree. Unused bits of the last byte are zero.
 */
int cascade_run_sweep(struct cascade_run *r);

/* Parts of a sweep: 0, -EAGAIN or -EPROTO. */
int cascade_frame_apply(struct cascade_run *r, size_t f);
int cascade_frame_choose(struct cascade_run *r, size_t f);
int cascade_frame_ask(struct cascade_run *r, size_t f);
int cascade_group_apply(struct cascade_run *r, size_t g);
int cascade_group_ask(struct cascade_run *r, size_t g);

/*
 * Correct the bit of frame F that is INDEX in pass 0, found at POSITION of PASS or, with PASS ==
 * CASCADE_PASSES, in a subset: in the ranges of all other passes, at once or with the next
 * cascade_flush(). False when there is no such bit.
 */
bool cascade_correct(struct cascade_run *r, size_t f, unsigned int pass, size_t position,
                     size_t index);
void cascade_flush(struct cascade_run *r);

/* Fetch what frames to come will need, in the step that is under way. */
void cascade_frame_prefetch(const struct cascade_run *r, size_t f);

/*
 * Whether the range of PASS at START is odd changes; RANGES are those of frame and pass.
 * Not for ranges that are listed, nor for the last pass before it is searched.
 */
void cascade_mark_odd(struct cascade_run *r, size_t f, unsigned int pass,
                      struct cascade_ranges *ranges, size_t start);

/*
 * The pair of frame F's pass at START, searched for from level FIRST on. FOUND: the error is its
 * bit ERROR. Otherwise it is odd and in place SLOT of the list: when one of its bits is known, the
 * error is the other, nothing needs to be asked, and the list has a hole instead. Either is done by
 * cascade_pairs_flush() at the latest. 0, or -EPROTO of this or an earlier pair.
 */
int cascade_pair_add(struct cascade_run *r, const struct cascade_pair *pair);
int cascade_pairs_flush(struct cascade_run *r);

/* Whether that block of the last pass is odd changes, before it is searched. */
static inline void cascade_mark_late(struct cascade_frame *frame, size_t block)
{
	frame->late ^= 1u << block;
	frame->odd[CASCADE_PASSES - 1] += frame->late >> block & 1 ? 1 : -1U;
}

/* The list without its holes. */
void cascade_list_close(struct cascade_run *r, size_t f);

/*
 * A range under search: where it is now, the level at which it was odd first, its own level (never
 * 0), and parities of 2^FOLDED equal parts of it, lowest first, for as many questions. With these,
 * one look at the bits is enough for several rounds, between which they leave the caches.
 */
static inline uint64_t cascade_listed(size_t start, unsigned int first, unsigned int level,
                                      unsigned int folded, uint32_t parts)
{
	return (uint64_t)parts << 32 | (uint64_t)(start / 2) << 13 | first << 8 | level << 3 |
	       folded;
}

static inline size_t cascade_listed_start(uint64_t range)
{
	return 2 * (size_t)((uint32_t)range >> 13);
}

static inline unsigned int cascade_listed_first(uint64_t range)
{
	return range >> 8 & 31;
}

static inline unsigned int cascade_listed_level(uint64_t range)
{
	return range >> 3 & 31;
}

static inline unsigned int cascade_listed_folded(uint64_t range)
{
	return range & 7;
}

static inline uint32_t cascade_listed_parts(uint64_t range)
{
	return (uint32_t)(range >> 32);
}

/* Either half of one of four bits or more that has parts. */
static inline uint64_t cascade_listed_half(uint64_t range, bool right)
{
	/* A level less, and a question less; the start moves on by half the range. */
	uint32_t low = (uint32_t)range - (1 << 3) - 1;
	uint32_t move = (uint32_t)right << (cascade_listed_level(low) - 1 + 13);
	uint32_t parts =
	        cascade_listed_parts(range) >> ((unsigned int)right << cascade_listed_folded(low));

	return (uint64_t)parts << 32 | (low + move);
}

/* The smallest level for a range that ends at SIZE bits behind its start, or at 2^LEVEL. */
static inline unsigned int cascade_narrow(size_t size, unsigned int level)
{
	while (level > 0 && (size_t)1 << (level - 1) >= size)
		level--;
	return level;
}

/* The pass with the smallest blocks that has odd ranges, or CASCADE_PASSES. */
static inline unsigned int cascade_odd_pass(const struct cascade_frame *frame)
{
	unsigned int pass = 0;

	while (pass < CASCADE_PASSES && frame->odd[pass] == 0)
		pass++;
	return pass;
}

static inline size_t cascade_offset(const struct cascade_run *r, size_t f, unsigned int pass)
{
	return (f * CASCADE_PASSES + pass) * r->plan.frame_words;
}

static inline struct cascade_ranges *cascade_ranges(const struct cascade_run *r, size_t f,
                                                    unsigned int pass)
{
	return r->ranges + (f * CASCADE_PASSES + pass) * r->range_words;
}

static inline uint64_t *cascade_summary(const struct cascade_run *r, size_t f, unsigned int pass)
{
	return r->summary + (f * CASCADE_PASSES + pass) * r->summary_words;
}

/* Where the range ends that begins at START. */
static inline size_t cascade_range_end(const struct cascade_ranges *ranges, size_t start)
{
	size_t pair = start / 2 + 1, i = pair / 64;
	uint64_t v = ranges[i].partition & (~0ULL << (pair % 64));

	while (v == 0)
		v = ranges[++i].partition;
	return 2 * (i * 64 + (size_t)__builtin_ctzll(v));
}

/* Where the range begins that POSITION is in. */
static inline size_t cascade_range_start(const struct cascade_ranges *ranges, size_t position)
{
	size_t pair = position / 2, i = pair / 64;
	uint64_t v = ranges[i].partition & (~0ULL >> (63 - pair % 64));

	while (v == 0)
		v = ranges[--i].partition;
	return 2 * (i * 64 + 63 - (size_t)__builtin_clzll(v));
}

/* A range begins at POSITION, which is even. */
static inline void cascade_cut(struct cascade_ranges *ranges, size_t position)
{
	ranges[position / 128].partition |= 1ULL << (position / 2 % 64);
}

static inline bool cascade_difference(struct cascade_run *r)
{
	bool v = r->differences[r->taken / 8] >> (r->taken % 8) & 1;

	r->taken++;
	return v;
}

/* The next N own parities, lowest first; they must not go over the end of a word of 64. */
static inline void cascade_tell(struct cascade_run *r, uint64_t parities, unsigned int n)
{
	r->gathered |= parities << (r->asked % 64);
	r->asked += n;
	if (r->asked % 64 == 0) {
		memcpy(r->parities + r->asked / 8 - 8, &r->gathered, 8);
		r->gathered = 0;
	}
}

#endif
