/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is to be expected of the next block, from public figures alone: its disclosed sample,
 * and what the blocks before it disclosed (errors by intensity, parities). The engine plans a
 * block's leak and length with it before reconciliation, with margins that an honest block
 * passes with probability below 10^-4.
 *
 * The error rate of each intensity is a local-level model: the rate of the block before, an
 * unknown drift since, whose size is learnt from how the rates moved, and the sample of the
 * block at hand. A sample that contradicts the block before (a sudden change) counts alone.
 */

#ifndef QKD_ENGINE_LEAK_TRACK_H
#define QKD_ENGINE_LEAK_TRACK_H

#include <stdbool.h>
#include <stdint.h>

/* Standard deviations above the expectation: 3 x 10^-5 of a normal distribution is beyond. */
#define LEAK_TRACK_SIGMAS 4.0

struct leak_track {
	bool known; /* a block before disclosed its errors */
	double rate[2], variance[2], drift[2];
	bool f_known;
	double f, f_spread; /* Alice's parities over n h(Q): a mean, a deviation */
	double frames, failed;
	unsigned int missed; /* budgets, one after the other */
};

/* Outcomes of a block that are disclosed and the errors among them; and how long it is. */
struct leak_sample {
	uint64_t n[2];                  /* key bits by intensity */
	uint64_t sampled[2], errors[2]; /* Z outcomes that are disclosed */
};

struct leak_expect {
	double qber;             /* most likely */
	double qber_most;        /* with margin, of all key bits */
	uint64_t errors_most[2]; /* with margin, by intensity */
};

/* A zeroed track knows nothing. */
void leak_track_expect(const struct leak_track *t, const struct leak_sample *s,
                       struct leak_expect *out);

/* f, with margin, of a block of BITS. */
double leak_track_f_most(const struct leak_track *t, uint64_t bits);

/*
 * How many of FRAMES frames, of FRAME_BITS each, the budget should let fail: each costs the
 * block FRAME_BITS; that more fail costs it all of its SECRET bits.
 */
unsigned int leak_track_reserve(const struct leak_track *t, unsigned int frames,
                                uint64_t frame_bits, double secret);

/* A block disclosed its errors M of N bits by intensity, with ALICE parities. */
void leak_track_errors(struct leak_track *t, const uint64_t n[2], const uint64_t m[2],
                       uint64_t alice);

/*
 * A block ended with nothing but its sample disclosed: that adds to what is known, so that a link
 * whose first plans leave no key comes to better ones.
 */
void leak_track_sample(struct leak_track *t, const struct leak_sample *s);

/* FAILED of FRAMES frames did not pass their check. */
void leak_track_frames(struct leak_track *t, unsigned int frames, unsigned int failed);

/* A block passed its budget: the next ones get wider margins, from their samples alone if need be.
 */
void leak_track_missed(struct leak_track *t);

#endif
