/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The matrix is cut into square tiles. A tile of 2h words, split in four, is Toeplitz in its
 * quarters, so three products of half the size do instead of four (Fan and Hasan, IEEE Trans.
 * Computers 56, 2007, section 3.1):
 *
 *     | T1 T0 | |v0|   | P2 + P0 |   P0 = (T0 + T1) v1,  P1 = (T1 + T2) v0,
 *     | T2 T1 | |v1| = | P2 + P1 |   P2 = T1 (v0 + v1)
 *
 * down to a few words, which are multiplied directly. A Toeplitz tile of w words is given by
 * 2w words of the seed (gf2_mul.h), T0, T1, T2 by those from 0, h, 2h on, 2h words each. The
 * recursion is written out with a stack, so that it can stop and go on.
 */

#include "qkd-engine/amplify.h"

#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/gf2_mul.h"

#define TILE_MAX  (1u << 16) /* words */
#define BASE_MAX  16         /* words */
#define DEPTH_MAX 17
#define STEP_US   30

struct frame {
	const uint64_t *t, *v;
	uint64_t *out;
	size_t words;
	unsigned int stage;
	uint64_t *sum_t, *sum_v, *product; /* scratch of this depth: 2h, h and h words */
};

struct amplify {
	const uint64_t *key, *seed;
	size_t n, m;
	size_t tile, base;  /* words; tile = base times a power of two */
	size_t row, column; /* of the tile under way, in words */
	const struct gf2_mul *mul;
	uint64_t *out;         /* whole tiles, secret */
	uint64_t *scratch;     /* secret */
	uint64_t *t, *v, *sum; /* of the tile under way: 2, 1 and 1 tile */
	struct frame stack[DEPTH_MAX];
	int top; /* -1: no tile under way */
};

/* Side of the tiles with the least work, for K words of key and M of output. */
static void choose_tile(struct amplify *a, size_t k, size_t m)
{
	double best = 0;

	for (size_t base = 1; base <= BASE_MAX; base++) {
		/* Products of words, and about as much time for 6 words moved per word and level.
		 */
		double work = (double)(base * (base + 1) + 4 * base);

		for (size_t tile = base; tile <= TILE_MAX; tile *= 2, work *= 3) {
			double total = work * (double)((k + tile - 1) / tile) *
			               (double)((m + tile - 1) / tile);

			if (best == 0 || total < best) {
				best = total;
				a->tile = tile;
				a->base = base;
			}
		}
	}
}

struct amplify *amplify_create(const uint64_t *key, size_t n, const uint64_t *seed, size_t m)
{
	struct amplify *a;
	uint64_t *p;
	size_t rows;

	if (m < 1 || m > n || n > AMPLIFY_BITS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	a->key = key;
	a->seed = seed;
	a->n = n;
	a->m = m;
	a->mul = gf2_mul_best();
	choose_tile(a, BITS_WORDS(n), BITS_WORDS(m));
	rows = (BITS_WORDS(m) + a->tile - 1) / a->tile;
	a->out = secret_alloc(rows * a->tile * sizeof(uint64_t));
	a->scratch = secret_alloc(8 * a->tile * sizeof(uint64_t));
	if (a->out == NULL || a->scratch == NULL) {
		amplify_destroy(a);
		errno = ENOMEM;
		return NULL;
	}
	a->t = a->scratch;
	a->v = a->t + 2 * a->tile;
	a->sum = a->v + a->tile;
	p = a->sum + a->tile;
	for (size_t d = 0, h = a->tile / 2; h >= a->base; d++, h /= 2) {
		a->stack[d].sum_t = p;
		a->stack[d].sum_v = p + 2 * h;
		a->stack[d].product = p + 3 * h;
		p += 4 * h;
	}
	a->top = -1;
	return a;
}

void amplify_destroy(struct amplify *a)
{
	if (a == NULL)
		return;
	secret_free(a->out);
	secret_free(a->scratch);
	free(a);
}

/* Word I of the seed, zero outside of it. */
static uint64_t seed_word(const struct amplify *a, long i)
{
	return i < 0 || (size_t)i >= BITS_WORDS(amplify_seed_bits(a->n, a->m)) ? 0 : a->seed[i];
}

/*
 * The seed is shifted up by 1 to 64 bits, so that out[i] is bit 64 K + i of the product with
 * the key of K words, and its words K to K + M - 1 are the result.
 */
static void load_tile(struct amplify *a)
{
	size_t k = BITS_WORDS(a->n);
	unsigned int shift = (unsigned int)(64 * k - a->n + 1);
	long from = (long)(k + a->row) - (long)(a->column + a->tile);
	uint64_t below = seed_word(a, from - 1);

	for (size_t i = 0; i < 2 * a->tile; i++) {
		uint64_t w = seed_word(a, from + (long)i);

		a->t[i] = shift == 64 ? below : w << shift | below >> (64 - shift);
		below = w;
	}
	for (size_t i = 0; i < a->tile; i++)
		a->v[i] = a->column + i < k ? a->key[a->column + i] : 0;
}

static void push(struct amplify *a, const uint64_t *t, const uint64_t *v, uint64_t *out,
                 size_t words)
{
	struct frame *f = &a->stack[++a->top];

	f->t = t;
	f->v = v;
	f->out = out;
	f->words = words;
	f->stage = 0;
}

static void add(uint64_t *restrict out, const uint64_t *x, const uint64_t *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = x[i] ^ y[i];
}

/* One stage of the topmost product; the work done, in products of words. */
static size_t advance(struct amplify *a)
{
	struct frame *f = &a->stack[a->top];
	size_t h = f->words / 2;

	if (f->words == a->base) {
		a->mul->toeplitz(f->out, f->t, f->v, a->base);
		a->top--;
		return a->base * (a->base + 1);
	}
	switch (f->stage++) {
	case 0:
		add(f->sum_t, f->t, f->t + h, 2 * h);
		push(a, f->sum_t, f->v + h, f->out, h);
		return h;
	case 1:
		add(f->sum_t, f->t + h, f->t + 2 * h, 2 * h);
		push(a, f->sum_t, f->v, f->out + h, h);
		return h;
	case 2:
		add(f->sum_v, f->v, f->v + h, h);
		push(a, f->t + h, f->sum_v, f->product, h);
		return h / 2;
	default:
		for (size_t i = 0; i < h; i++) {
			f->out[i] ^= f->product[i];
			f->out[h + i] ^= f->product[i];
		}
		a->top--;
		return h;
	}
}

bool amplify_step(struct amplify *a)
{
	size_t k = BITS_WORDS(a->n), m = BITS_WORDS(a->m), budget = STEP_US * a->mul->per_us;

	for (size_t work = 0; a->row < m;) {
		if (work >= budget)
			return false;
		if (a->top < 0) {
			load_tile(a);
			push(a, a->t, a->v, a->sum, a->tile);
			work += 4 * a->tile;
		}
		while (a->top >= 0 && work < budget)
			work += advance(a);
		if (a->top >= 0)
			return false;
		for (size_t i = 0; i < a->tile; i++)
			a->out[a->row + i] ^= a->sum[i];
		work += a->tile;
		a->column += a->tile;
		if (a->column >= k) {
			a->column = 0;
			a->row += a->tile;
		}
	}
	if (a->m % 64 != 0)
		a->out[m - 1] &= ~0ULL >> (64 - a->m % 64);
	return true;
}

const uint64_t *amplify_result(const struct amplify *a)
{
	return a->out;
}

void amplify_reference(const uint64_t *key, size_t n, const uint64_t *seed, size_t m, uint64_t *out)
{
	for (size_t i = 0; i < BITS_WORDS(m); i++)
		out[i] = 0;
	for (size_t i = 0; i < m; i++) {
		bool sum = false;

		for (size_t j = 0; j < n; j++)
			sum ^= bits_get(seed, i + n - 1 - j) && bits_get(key, j);
		bits_put(out, i, sum);
	}
}
