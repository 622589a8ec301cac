/* SPDX-License-Identifier: BSD-3-Clause */

/* What a configuration asks of memory, all of which the engine takes when it is created. */

#include <errno.h>
#include <math.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/ldpc_code.h"

/* Blocks that are not reconciled: the one that fills, and one that is made key of. */
#define OTHER_BLOCKS 2

/*
 * Amplification is short beside the rest of a block's life, but its seed takes a while to come: one
 * more may be on its way. Blocks of key are the owner's until it has stored them.
 */
#define AMPLIFYING(blocks) (1 + ((blocks) + 2) / 8)
#define RESULTS_AHEAD      2

/* Of the chance that a block has more bits than there is room for: eight standard deviations. */
#define DEVIATIONS 8

/* A plan may be for more errors than a block may have in the end. */
#define QBER_PLANNED(abort) (1.5 * (abort) + 0.02)

double engine_block_detections(const struct engine_config *c)
{
	return ceil(c->block_bits / (c->p_z * c->p_z));
}

unsigned int engine_block_count(const struct engine_config *c)
{
	return c->blocks_in_flight == 0 ? ENGINE_BLOCKS_DEFAULT : c->blocks_in_flight;
}

/*
 * Detections match in Z where Alice chose it, at the most. Where that is much less than all, no
 * room is held for what cannot be.
 */
static size_t bits_most(const struct engine_config *c)
{
	double detections = engine_block_detections(c), bits = detections * c->p_z;
	double room = detections + SIFT_BATCH_MAX;

	bits += DEVIATIONS * sqrt(bits) + SIFT_BATCH_MAX;
	if (room > 2.0 * c->block_bits && bits < room)
		room = bits;
	return room < CASCADE_BITS_MAX ? (size_t)room : CASCADE_BITS_MAX;
}

/* The largest block that METHOD may get. */
static void reconcile_most(const struct engine_config *c, enum reconcile_method method,
                           struct reconcile_params *p)
{
	double qber = QBER_PLANNED(c->qber_abort);

	*p = (struct reconcile_params){
	        .bits = bits_most(c),
	        .frame_bits = method == RECONCILE_LDPC ? 1u << LDPC_FRAME_LOG2_MAX : c->frame_bits,
	        .qber = qber < 0.5 ? qber : 0.5,
	};
}

/* The most of all methods that the configuration allows. */
static struct workspace_size space_size(const struct engine_config *c)
{
	struct workspace_size most = {0}, size;

	for (enum reconcile_method m = RECONCILE_CASCADE; m < RECONCILE_METHODS; m++) {
		struct reconcile_params p;

		if (c->reconciliation != RECONCILE_AUTO && c->reconciliation != m)
			continue;
		reconcile_most(c, m, &p);
		if (block_reconcile_size(c->role, reconcile_ops(m), &p, &size) < 0)
			continue;
		most.secret = size.secret > most.secret ? size.secret : most.secret;
		most.plain = size.plain > most.plain ? size.plain : most.plain;
	}
	return most;
}

static void add(struct workspace_size *all, unsigned int count, const struct workspace_size *one)
{
	all->secret += count * one->secret;
	all->plain += count * one->plain;
}

void engine_memory_sum(struct engine_memory *m)
{
	m->all = (struct workspace_size){0};
	add(&m->all, m->blocks, &m->block);
	add(&m->all, m->reconciling, &m->space);
	add(&m->all, m->amplifying, &m->product);
	add(&m->all, m->results, &m->result);
}

void engine_memory(const struct engine_config *c, struct engine_memory *out)
{
	size_t words = BITS_WORDS((size_t)engine_block_detections(c) + SIFT_BATCH_MAX);
	unsigned int count = engine_block_count(c);

	*out = (struct engine_memory){
	        .blocks = count,
	        .reconciling = count > OTHER_BLOCKS ? count - OTHER_BLOCKS : 1,
	        .block = {sizeof(struct block_secret) + BLOCK_STRINGS * words * 8,
	                  words * 8 + sizeof(struct block_sift) + sizeof(struct block_check)},
	        .space = space_size(c),
	        .amplifying = AMPLIFYING(count),
	        .results = AMPLIFYING(count) + RESULTS_AHEAD,
	        .result = key_blocks_size(bits_most(c)),
	};
	block_amplify_size(bits_most(c), &out->product);
	engine_memory_sum(out);
}

int engine_memory_check(const struct engine_config *c, struct err *err)
{
	unsigned int count = engine_block_count(c);
	struct engine_memory m;

	if (count < ENGINE_BLOCKS_MIN || count > ENGINE_BLOCKS_MAX)
		return err_set(err, EINVAL, "blocks-in-flight: %u is not within %u to %u", count,
		               ENGINE_BLOCKS_MIN, ENGINE_BLOCKS_MAX);
	engine_memory(c, &m);
	if (m.all.secret + m.all.plain <= ENGINE_MEMORY_MAX)
		return 0;
	return err_set(err, EINVAL,
	               "blocks-in-flight: %u blocks of %u bits take %zu MiB of memory, and %zu are "
	               "allowed",
	               count, c->block_bits, (m.all.secret + m.all.plain) >> 20,
	               ENGINE_MEMORY_MAX >> 20);
}
