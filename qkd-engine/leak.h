/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a block's messages disclose of its bits, and how it is counted.
 *
 * A block is charged a budget that is fixed from public figures before reconciliation starts,
 * never the actual count: that count depends on the bits, and a length that follows from it
 * would tell of them. A block whose count passes the budget is void (block_plan.c). Why the
 * charge is valid: docs/security.md, "What is counted as leaked".
 */

#ifndef QKD_ENGINE_LEAK_H
#define QKD_ENGINE_LEAK_H

#include <stdbool.h>
#include <stdint.h>

enum leak_mode {
	LEAK_AUTO,          /* of a configuration: the mode that is proven for the method */
	LEAK_ONE_WAY,       /* all that Alice sends, and a bit for each of Bob's verdicts */
	LEAK_TWO_WAY,       /* parities of both ends */
	LEAK_ERROR_PATTERN, /* Alice's alone, with a proof that grants Eve the error pattern */
	LEAK_ALICE_ONLY,    /* Alice's alone, without: to compare with the literature */
	LEAK_MODES
};

const char *leak_mode_name(enum leak_mode mode);           /* "auto", "one-way", ... */
int leak_mode_find(const char *name, enum leak_mode *out); /* -EINVAL: there is none */

/* A block counted so may become key. */
static inline bool leak_mode_proven(enum leak_mode mode)
{
	return mode == LEAK_ONE_WAY || mode == LEAK_TWO_WAY;
}

/*
 * What the messages about a block disclose beside reconciliation: the two error counts, and
 * that the frames' checks, the hash, the length and the plan are right, each way.
 */
#define LEAK_COUNTS_BITS  128
#define LEAK_VERDICT_BITS 4

/* What reconciliation disclosed so far; REVEALED: of frames that failed their check. */
struct leak_count {
	uint64_t alice, bob, revealed;
};

/* Of a block in FRAMES frames, without reconciliation: checks, hash, counts, verdicts. */
uint64_t leak_fixed_bits(unsigned int frames);

/* All of it; UINT64_MAX if it is more. */
uint64_t leak_total_bits(enum leak_mode mode, unsigned int frames, const struct leak_count *c);

#endif
