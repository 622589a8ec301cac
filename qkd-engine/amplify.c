/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * T times the last n - m bits of the key: bits n - m - 1 to n - 2 of the product of these, as a
 * polynomial, and the seed, and the transpose of another product. With u of m bits and v of n - m,
 *
 *     product of u and v = F^-1 (F u * F v)        * point by point
 *     T v' = F^T (F v * F^-T w)
 *
 * where F takes coefficients to values at as many points as the product has coefficients: n bits,
 * where a product of seed and key has 2 n - m. u, v and w have their bits in reverse order then;
 * with the transposed transforms on reversed arrays (gf2_fft.h) that of the seed w and of the
 * result is undone, and with T taken from its last column on that of the key.
 *
 * Bits become elements of GF(2^64) by the 32: y^0 to y^31 hold those of u and v, so that the 63
 * bits of a product of two stay below the modulus. Its sums of bits, which overlap by 32, are
 * transposed to windows of 64 bits that do. A window is what the linear functions "coefficient 63
 * of y^i z", i < 64, say of an element z: bit 63 - i of z, for i < 60; bits 3 to 0 are corrected.
 */

#include "qkd-engine/amplify.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/gf2_basis.h"

#define STEP_NS   40000
#define PIECE     1024 /* at most, elements of a pass that does little with each */
#define PASSES    32
#define WORD_BITS 32 /* of the key in an element */

struct pass {
	void (*run)(struct amplify *a, unsigned int sub, size_t piece);
	unsigned int sub;  /* pass of a transform */
	size_t pieces, ns; /* ns: of a piece, roughly */
};

struct amplify {
	const uint64_t *key, *seed;
	uint64_t *out; /* may be KEY: its words are read as they are written, or before */
	size_t n, m;
	size_t points, each; /* EACH: elements of a piece, see PIECE */
	uint64_t *v, *w;     /* points each, secret */
	struct gf2_fft_plan fft;
	struct gf2_basis_plan basis;
	unsigned int passes, at; /* AT: pass under way */
	size_t piece;
	struct pass pass[PASSES];
};

/* 64 bits of W, which has WORDS, from bit AT on; zeros outside. */
static uint64_t bits_from(const uint64_t *w, size_t words, long at)
{
	long i = at >> 6;
	unsigned int shift = at & 63;
	uint64_t low = i >= 0 && (size_t)i < words ? w[i] : 0;
	uint64_t high = i >= -1 && (size_t)(i + 1) < words ? w[i + 1] : 0;

	return shift == 0 ? low : low >> shift | high << (64 - shift);
}

/* Words FROM to TO of the bits of W from AT on. */
static void copy_bits(uint64_t *restrict out, size_t from, size_t to, const uint64_t *w,
                      size_t words, long at)
{
	const uint64_t *in = w + (at >> 6) + (long)from;
	unsigned int shift = at & 63;

	if ((at >> 6) + (long)from < 0 || (at >> 6) + (long)to >= (long)words) {
		for (size_t i = from; i < to; i++)
			out[i] = bits_from(w, words, at + 64 * (long)i);
	} else if (shift == 0) {
		memcpy(out + from, in, (to - from) * sizeof(*out));
	} else {
		for (size_t i = from; i < to; i++, in++)
			out[i] = in[0] >> shift | in[1] << (64 - shift);
	}
}

/* The last bits of the key, packed, in the upper half of V. */
static void load_key(struct amplify *a, unsigned int sub, size_t piece)
{
	copy_bits(a->v + a->points / 2, piece * a->each / 2, (piece + 1) * a->each / 2, a->key,
	          BITS_WORDS(a->n), (long)a->m);
}

static void convert_key(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_basis_piece(&a->basis, (uint32_t *)(a->v + a->points / 2), 1, GF2_BASIS_DIRECT, piece);
}

static void spread_key(struct amplify *a, unsigned int sub, size_t piece)
{
	const uint32_t *packed = (const uint32_t *)(a->v + a->points / 2);

	for (size_t i = piece * a->each; i < (piece + 1) * a->each; i++)
		a->v[i] = packed[i];
}

static void transform_key(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_fft_piece(&a->fft, a->v, GF2_FFT_VALUES, sub, piece);
}

/* Bits of the seed from the start of word I on, where its last bit is in the last place. */
static long seed_at(const struct amplify *a, long i)
{
	long last = (long)amplify_seed_bits(a->n, a->m) - (long)(WORD_BITS * a->points);

	return last + WORD_BITS * i;
}

static void load_seed(struct amplify *a, unsigned int sub, size_t piece)
{
	copy_bits(a->w + a->points / 2, piece * a->each / 2, (piece + 1) * a->each / 2, a->seed,
	          BITS_WORDS(amplify_seed_bits(a->n, a->m)), seed_at(a, 0));
}

/* Its windows: a word and the one before, of which there may be some even at the start. */
static void spread_seed(struct amplify *a, unsigned int sub, size_t piece)
{
	const uint32_t *packed = (const uint32_t *)(a->w + a->points / 2);
	size_t from = piece * a->each;
	uint32_t before =
	        from > 0 ? packed[from - 1]
	                 : (uint32_t)bits_from(a->seed, BITS_WORDS(amplify_seed_bits(a->n, a->m)),
	                                       seed_at(a, -1));

	for (size_t i = from; i < from + a->each; i++) {
		uint32_t word = packed[i];
		uint64_t z = (uint64_t)word << 32 | before;

		before = word;
		a->w[i] = z ^ z >> 60 ^ z >> 61 ^ z >> 63;
	}
}

static void convert_seed(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_basis_piece(&a->basis, (uint32_t *)a->w, 2, GF2_BASIS_TRANSPOSED, piece);
}

static void transform_seed(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_fft_piece(&a->fft, a->w, GF2_FFT_TRANSPOSED, sub, piece);
}

static void multiply(struct amplify *a, unsigned int sub, size_t piece)
{
	size_t from = piece * a->each;

	a->fft.fft->multiply(a->w + from, a->v + from, a->each);
}

static void transform_back(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_fft_piece_back(&a->fft, a->w, GF2_FFT_TRANSPOSED, sub, piece);
}

/* The upper halves, packed at the start of W. */
static void pack(struct amplify *a, unsigned int sub, size_t piece)
{
	uint32_t *packed = (uint32_t *)a->w;

	for (size_t i = piece * a->each; i < (piece + 1) * a->each; i++)
		packed[i] = (uint32_t)(a->w[i] >> 32);
}

static void convert_back(struct amplify *a, unsigned int sub, size_t piece)
{
	gf2_basis_piece(&a->basis, (uint32_t *)a->w, 1, GF2_BASIS_TRANSPOSED_BACK, piece);
}

/* The last m bits, and the first of the key. */
static void finish(struct amplify *a, unsigned int sub, size_t piece)
{
	size_t words = BITS_WORDS(a->m), end = (piece + 1) * a->each;
	long from = (long)(WORD_BITS * a->points - a->m);

	if (piece * a->each < words)
		copy_bits(a->v, piece * a->each, end < words ? end : words, a->w, a->points / 2,
		          from);
	for (size_t i = piece * a->each; i < end && i < words; i++)
		a->out[i] = a->v[i] ^ a->key[i];
	if (piece * a->each < words && end >= words && a->m % 64 != 0)
		a->out[words - 1] &= ~0ULL >> (64 - a->m % 64);
}

static void add(struct amplify *a, void (*run)(struct amplify *, unsigned int, size_t),
                unsigned int sub, size_t pieces, size_t ns)
{
	a->pass[a->passes++] = (struct pass){run, sub, pieces, ns};
}

static void add_transform(struct amplify *a, void (*run)(struct amplify *, unsigned int, size_t),
                          bool back)
{
	unsigned int passes = gf2_fft_passes(&a->fft);

	for (unsigned int i = 0; i < passes; i++) {
		unsigned int s = back ? passes - 1 - i : i;

		add(a, run, s, gf2_fft_pieces(&a->fft, s),
		    gf2_fft_piece_work(&a->fft, s) * 1000 / a->fft.fft->per_us);
	}
}

static void plan(struct amplify *a)
{
	size_t small = a->points / a->each, basis = gf2_basis_pieces(&a->basis);
	size_t ns = a->each, multiply_ns = a->each * 1000 / a->fft.fft->per_us;
	size_t basis_ns = gf2_basis_piece_additions(&a->basis) / 2;

	if (a->n > a->m) {
		add(a, load_key, 0, small, ns);
		add(a, convert_key, 0, basis, basis_ns);
		add(a, spread_key, 0, small, ns);
		add_transform(a, transform_key, false);
		add(a, load_seed, 0, small, ns);
		add(a, spread_seed, 0, small, ns);
		add(a, convert_seed, 0, basis, 2 * basis_ns);
		add_transform(a, transform_seed, false);
		add(a, multiply, 0, small, multiply_ns);
		add_transform(a, transform_back, true);
		add(a, pack, 0, small, ns);
		add(a, convert_back, 0, basis, basis_ns);
	}
	add(a, finish, 0, (BITS_WORDS(a->m) + a->each - 1) / a->each, ns);
}

/* Of a transform with POINTS at least. */
static unsigned int log2_points(size_t points)
{
	unsigned int k = GF2_FFT_LOG2_MIN;

	while (((size_t)1 << k) + 1 < points)
		k++;
	return k;
}

static struct amplify *take(struct workspace *w, size_t points)
{
	struct amplify *a = workspace_plain(w, sizeof(*a));
	uint64_t *v = workspace_secret(w, 2 * points * sizeof(*v));

	if (!workspace_fits(w))
		return NULL;
	*a = (struct amplify){.points = points, .v = v, .w = v + points};
	return a;
}

int amplify_size(size_t n, struct workspace_size *out)
{
	struct workspace w = {0};

	if (n < 1 || n > AMPLIFY_BITS_MAX)
		return -EINVAL;
	/* The two parts of n, each rounded up, and whatever m is. */
	take(&w, (size_t)1 << log2_points((n + WORD_BITS - 1) / WORD_BITS + 1));
	*out = w.most;
	return 0;
}

struct amplify *amplify_create_in(struct workspace *w, const struct gf2_fft *fft,
                                  const uint64_t *key, size_t n, const uint64_t *seed, size_t m,
                                  uint64_t *out)
{
	struct amplify *a;
	unsigned int k;

	if (m < 1 || m > n || n > AMPLIFY_BITS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	k = log2_points((m + WORD_BITS - 1) / WORD_BITS + (n - m + WORD_BITS - 1) / WORD_BITS);
	a = take(w, (size_t)1 << k);
	if (a == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	a->key = key;
	a->seed = seed;
	a->out = out;
	a->n = n;
	a->m = m;
	a->each = a->points < PIECE ? a->points : PIECE;
	gf2_fft_plan_init(&a->fft, fft, k);
	gf2_basis_plan_init(&a->basis, k);
	plan(a);
	return a;
}

bool amplify_step(struct amplify *a)
{
	for (size_t ns = 0; a->at < a->passes;) {
		const struct pass *p = &a->pass[a->at];

		if (ns > 0 && ns + p->ns > STEP_NS)
			return false;
		p->run(a, p->sub, a->piece);
		ns += p->ns;
		if (++a->piece == p->pieces) {
			a->piece = 0;
			a->at++;
		}
	}
	return true;
}

void amplify_reference(const uint64_t *key, size_t n, const uint64_t *seed, size_t m, uint64_t *out)
{
	for (size_t i = 0; i < BITS_WORDS(m); i++)
		out[i] = 0;
	for (size_t i = 0; i < m; i++) {
		bool sum = bits_get(key, i);

		for (size_t j = 0; j < n - m; j++)
			sum ^= bits_get(seed, i + n - m - 1 - j) && bits_get(key, m + j);
		bits_put(out, i, sum);
	}
}
