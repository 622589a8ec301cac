/* SPDX-License-Identifier: BSD-3-Clause */

/* Detections and what they give into their block. */

#include "common/bytes.h"
#include "qkd-engine/block.h"
#include "qkd-engine/sift_pack.h"

/* N bits of FROM, zero beyond, to place AT and on. Nothing depends on the bits but the result. */
static void append(uint64_t *to, size_t at, const uint64_t *from, size_t n)
{
	size_t w = at / 64, shift = at % 64;

	for (size_t i = 0; i < BITS_WORDS(n); i++) {
		to[w + i] |= from[i] << shift;
		if (shift + (n - 64 * i) > 64)
			to[w + i + 1] |= from[i] >> 1 >> (63 - shift);
	}
}

static void both(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t w = 0; w < words; w++)
		to[w] = a[w] & b[w];
}

void block_store(struct block *b, const uint64_t *const from[BLOCK_STRINGS], size_t n)
{
	for (unsigned int i = 0; i < BLOCK_STRINGS; i++)
		if (from[i] != NULL)
			append(b->string[i], b->detections, from[i], n);
	b->detections += n;
}

void block_shown(const struct sift_gain *g, struct monitor_counts *c)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t shown = BITS_WORDS(g->shown);
	uint64_t part[SIFT_WORDS];

	c->n[1] = (uint32_t)pack->count(g->shown_x, shown);
	c->n[0] = (uint32_t)g->shown - c->n[1];
	both(part, g->shown_error, g->shown_x, shown);
	c->e[1] = (uint32_t)pack->count(part, shown);
	c->e[0] = (uint32_t)pack->count(g->shown_error, shown) - c->e[1];
}

void block_seen(struct block *b, const struct monitor *m, enum monitor_sequence s,
                const struct monitor_counts *c)
{
	for (int i = 0; i < 2; i++)
		b->end.n[s][i] = m->seen.n[s][i] + c->n[i];
}

void block_append_sample(struct block *b, const struct sift_gain *g)
{
	for (size_t i = 0; i < g->shown; i++) {
		unsigned int decoy = bits_get(g->shown_decoy, i);

		if (bits_get(g->shown_x, i))
			continue;
		b->sampled[decoy]++;
		b->sample_errors[decoy] += bits_get(g->shown_error, i);
	}
}

void block_append(struct block *b, const struct sift_gain *g)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t keys = BITS_WORDS(g->keys), shown = BITS_WORDS(g->shown), decoys;
	uint64_t part[SIFT_WORDS];

	append(b->key, b->bits, g->key, g->keys);
	append(b->decoy, b->bits, g->key_decoy, g->keys);
	b->bits += g->keys;
	decoys = pack->count(g->key_decoy, keys);
	b->counts.n_z[1] += decoys;
	b->counts.n_z[0] += g->keys - decoys;
	b->counts.cross[0] += g->cross[0];
	b->counts.cross[1] += g->cross[1];
	/* All that is shown of them is in X. */
	decoys = pack->count(g->shown_decoy, shown);
	b->counts.n_x[1] += decoys;
	b->counts.n_x[0] += g->shown - decoys;
	both(part, g->shown_decoy, g->shown_error, shown);
	decoys = pack->count(part, shown);
	b->counts.m_x[1] += decoys;
	b->counts.m_x[0] += pack->count(g->shown_error, shown) - decoys;
}
