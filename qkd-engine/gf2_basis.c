/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_basis.h"

#include <stdbool.h>

#define CHUNK      16 /* log2 of the elements that stay in a second-level cache over many passes */
#define BLOCK      8  /* log2 of the elements whose last passes are done in one go */
#define PIECE_LOG2 13 /* of the additions in a piece of a pass */

#define INLINE static inline __attribute__((always_inline))

/* Conversion of the K bits of the index from UNIT on, but for the lowest eight. */
static void add_passes(struct gf2_basis_plan *p, unsigned int k, unsigned int unit)
{
	unsigned int q = 1;

	if (k <= 1 || (k == BLOCK && unit == 0))
		return;
	while (2 * q < k)
		q *= 2;
	for (unsigned int e = k - q; e-- > 0;)
		p->pass[p->passes++] =
		        (struct gf2_basis_pass){(uint8_t)q, (uint8_t)e, (uint8_t)unit};
	add_passes(p, k - q, unit + q);
	add_passes(p, q, unit);
}

void gf2_basis_plan_init(struct gf2_basis_plan *p, unsigned int k)
{
	p->k = k;
	p->passes = p->wide = 0;
	add_passes(p, k, 0);
	while (p->wide < p->passes &&
	       p->pass[p->wide].q + p->pass[p->wide].e + p->pass[p->wide].unit + 1 > CHUNK)
		p->wide++;
}

INLINE void add(uint32_t *restrict f, const uint32_t *restrict g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f[i] ^= g[i];
}

/*
 * Additions FROM to TO of a block, of TE in all, in words: the first E stay in one half, the
 * others lead from the upper to the lower.
 */
INLINE void halve(uint32_t *f, size_t te, size_t e, size_t from, size_t to,
                  enum gf2_basis_kind kind)
{
	size_t inner = from < e ? (to < e ? to : e) - from : 0;
	uint32_t *half = f + (kind == GF2_BASIS_DIRECT ? te : 0) + from;

	if (kind != GF2_BASIS_TRANSPOSED_BACK)
		add(half, half + te - e, inner);
	f += from + inner;
	add(f, f + te - e, to - from - inner);
	if (kind == GF2_BASIS_TRANSPOSED_BACK)
		add(half, half + te - e, inner);
}

/* Additions FROM to TO of a pass over all of F, with TE of them in a block, in elements. */
INLINE void halve_some(uint32_t *f, size_t te, size_t e, size_t from, size_t to,
                       unsigned int element, enum gf2_basis_kind kind)
{
	f += 2 * element * (from & ~(te - 1));
	if (to - from < te) {
		from &= te - 1;
		to = (to - 1) % te + 1;
		halve(f, element * te, element * e, element * from, element * to, kind);
		return;
	}
	for (; from < to; from += te, f += 2 * element * te)
		halve(f, element * te, element * e, 0, element * te, kind);
}

/* The lowest eight bits of the index, written out for the compiler. */
INLINE void block(uint32_t *f, unsigned int element, enum gf2_basis_kind kind)
{
	static const struct gf2_basis_pass pass[] = {
	        {4, 3, 0}, {4, 2, 0}, {4, 1, 0}, {4, 0, 0}, {2, 1, 4}, {2, 0, 4},
	        {1, 0, 6}, {1, 0, 4}, {2, 1, 0}, {2, 0, 0}, {1, 0, 2}, {1, 0, 0},
	};
	const size_t count = sizeof(pass) / sizeof(pass[0]);

#pragma GCC unroll 12
	for (size_t i = 0; i < count; i++) {
		const struct gf2_basis_pass *s =
		        &pass[kind == GF2_BASIS_TRANSPOSED_BACK ? count - 1 - i : i];

		halve_some(f, (size_t)1 << (s->q + s->e + s->unit), (size_t)1 << (s->e + s->unit),
		           0, (size_t)1 << (BLOCK - 1), element, kind);
	}
}

/* That of N words. */
static void blocks(uint32_t *f, size_t n, unsigned int element, enum gf2_basis_kind kind)
{
	for (size_t i = 0; i < n; i += (size_t)element << BLOCK)
		if (element == 1 && kind == GF2_BASIS_DIRECT)
			block(f + i, 1, GF2_BASIS_DIRECT);
		else if (element == 1 && kind == GF2_BASIS_TRANSPOSED)
			block(f + i, 1, GF2_BASIS_TRANSPOSED);
		else if (element == 1)
			block(f + i, 1, GF2_BASIS_TRANSPOSED_BACK);
		else if (kind == GF2_BASIS_DIRECT)
			block(f + i, 2, GF2_BASIS_DIRECT);
		else if (kind == GF2_BASIS_TRANSPOSED)
			block(f + i, 2, GF2_BASIS_TRANSPOSED);
		else
			block(f + i, 2, GF2_BASIS_TRANSPOSED_BACK);
}

/* Pieces of a pass over 2^LOG2 elements. */
static size_t pass_pieces(unsigned int log2)
{
	return log2 - 1 > PIECE_LOG2 ? (size_t)1 << (log2 - 1 - PIECE_LOG2) : 1;
}

static size_t wide_pieces(const struct gf2_basis_plan *p)
{
	return p->wide * pass_pieces(p->k);
}

static unsigned int chunk_log2(const struct gf2_basis_plan *p)
{
	return p->k < CHUNK ? p->k : CHUNK;
}

/* Of all the narrow passes, the last eight bits among them, over a chunk. */
static size_t chunk_pieces(const struct gf2_basis_plan *p)
{
	return (p->passes - p->wide + 1) * pass_pieces(chunk_log2(p));
}

size_t gf2_basis_pieces(const struct gf2_basis_plan *p)
{
	return wide_pieces(p) + (chunk_pieces(p) << (p->k - chunk_log2(p)));
}

size_t gf2_basis_piece_additions(const struct gf2_basis_plan *p)
{
	return p->k - 1 > PIECE_LOG2 ? (size_t)1 << PIECE_LOG2 : (size_t)1 << (p->k - 1);
}

static void pass_piece(const struct gf2_basis_plan *p, unsigned int pass, uint32_t *f,
                       unsigned int element, enum gf2_basis_kind kind, size_t piece)
{
	size_t n = gf2_basis_piece_additions(p);
	const struct gf2_basis_pass *s = &p->pass[pass];

	if (pass == p->passes)
		blocks(f + 2 * element * n * piece, 2 * element * n, element, kind);
	else
		halve_some(f, (size_t)1 << (s->q + s->e + s->unit), (size_t)1 << (s->e + s->unit),
		           n * piece, n * (piece + 1), element, kind);
}

void gf2_basis_piece(const struct gf2_basis_plan *p, uint32_t *f, unsigned int element,
                     enum gf2_basis_kind kind, size_t piece)
{
	size_t wide = wide_pieces(p), each;

	if (kind == GF2_BASIS_TRANSPOSED_BACK)
		piece = gf2_basis_pieces(p) - 1 - piece;
	if (piece < wide) {
		each = pass_pieces(p->k);
		pass_piece(p, (unsigned int)(piece / each), f, element, kind, piece % each);
		return;
	}
	piece -= wide;
	f += piece / chunk_pieces(p) * ((size_t)element << chunk_log2(p));
	piece %= chunk_pieces(p);
	each = pass_pieces(chunk_log2(p));
	pass_piece(p, p->wide + (unsigned int)(piece / each), f, element, kind, piece % each);
}
