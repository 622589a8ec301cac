/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blocks of a link as the engine keeps them (qkd-engine/block.c), by their counts alone: filled,
 * compared when all their light is through, held until monitoring had its chance, and then as many
 * secret bits as the engine's bound gives, or void. Whatever an eavesdropper does is in the counts.
 */

#ifndef TESTS_BENCH_ATTACKS_BLOCKS_H
#define TESTS_BENCH_ATTACKS_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "qkd-engine/finite_key.h"
#include "qkd-engine/monitor.h"

#define BLOCKS_PART 512 /* detections that are compared together */

struct block_part {
	uint16_t x, x_errors, attacked; /* outcomes in X; of them of attacked light */
};

struct block_counts {
	struct finite_key_counts counts;
	struct block_part *part;
	uint32_t parts, told, detections, in_part;
	uint64_t attacked; /* detections of attacked light */
	uint64_t end_ns, fill_ns;
	struct monitor_mark end;
};

/* One that fills, one that is compared, and those that are held. */
#define BLOCKS_UNDER_WAY 6

struct blocks {
	struct finite_key_source source;
	double qber_abort;
	uint32_t size; /* detections */
	struct block_counts block[BLOCKS_UNDER_WAY];
	unsigned int oldest, count; /* the last one fills */
	struct monitor monitor;     /* the engine's own, of either end alike */
	bool held;                  /* engine_hold() */

	/* key that left for the store, and void blocks; since blocks_mark() */
	uint64_t released_bits, released_attacked_bits, released_blocks;
	uint64_t void_blocks, void_attacked_blocks, no_key_blocks;
	uint64_t counted[2]; /* detections by intensity, of all blocks that were compared */
};

struct detected {
	unsigned int basis, intensity;
	bool matched, wrong, cross, attacked;
};

int blocks_init(struct blocks *b, const struct finite_key_source *source, uint32_t size,
                double qber_abort, double qber_alarm);
void blocks_free(struct blocks *b);

/* A detection that is not a sample. */
void blocks_add(struct blocks *b, const struct detected *d, uint64_t now_ns);
/* Outcomes of samples, by basis; they count for the block that fills. */
void blocks_sampled(struct blocks *b, const struct monitor_counts *c, uint64_t now_ns);

/* What is told of X in a turn: outcomes, errors, and those of attacked light. */
struct blocks_told {
	uint64_t x, errors, attacked;
};
/* Parts that were compared since the last turn, and what follows. */
void blocks_turn(struct blocks *b, uint64_t now_ns, struct blocks_told *out);
void blocks_hold(struct blocks *b, bool held, uint64_t now_ns);
/* The engine's own monitor: alarm "qber-z", "qber-x" or "intercept-resend", or NULL. */
const char *blocks_alarm(const struct blocks *b);
void blocks_mark(struct blocks *b);

#endif
