/* SPDX-License-Identifier: BSD-3-Clause */

/* A sifted batch into the block that fills. */

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

void block_append(struct block *b, const struct sift_gain *g, struct monitor_counts *c)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t keys = BITS_WORDS(g->keys), shown = BITS_WORDS(g->shown), errors;
	size_t decoys, decoys_x;
	uint64_t part[SIFT_WORDS];

	errors = pack->count(g->shown_error, shown);
	c->n[1] = (uint32_t)pack->count(g->shown_x, shown);
	c->n[0] = (uint32_t)g->shown - c->n[1];
	both(part, g->shown_error, g->shown_x, shown);
	c->e[1] = (uint32_t)pack->count(part, shown);
	c->e[0] = (uint32_t)errors - c->e[1];
	if (b == NULL)
		return;
	append(b->key, b->bits, g->key, g->keys);
	append(b->decoy, b->bits, g->key_decoy, g->keys);
	b->bits += g->keys;
	decoys = pack->count(g->key_decoy, keys);
	b->counts.n_z[1] += decoys;
	b->counts.n_z[0] += g->keys - decoys;
	b->counts.cross[0] += g->cross[0];
	b->counts.cross[1] += g->cross[1];
	both(part, g->shown_x, g->shown_decoy, shown);
	decoys_x = pack->count(part, shown);
	b->counts.n_x[1] += decoys_x;
	b->counts.n_x[0] += c->n[1] - decoys_x;
	decoys = pack->count(g->shown_decoy, shown) - decoys_x;
	b->sampled[1] += decoys;
	b->sampled[0] += c->n[0] - decoys;
	both(part, part, g->shown_error, shown);
	decoys_x = pack->count(part, shown);
	b->counts.m_x[1] += decoys_x;
	b->counts.m_x[0] += c->e[1] - decoys_x;
	both(part, g->shown_decoy, g->shown_error, shown);
	decoys = pack->count(part, shown) - decoys_x;
	b->sample_errors[1] += decoys;
	b->sample_errors[0] += c->e[0] - decoys;
}
