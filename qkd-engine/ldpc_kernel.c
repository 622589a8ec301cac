/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_kernel.h"

#include <string.h>

static int saturate(int v)
{
	return v > 127 ? 127 : v < -128 ? -128 : v;
}

static unsigned int least_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Of magnitudes in steps of two; what is more than 30 units adds nothing. */
static unsigned int phi(const uint8_t table[16], unsigned int a)
{
	unsigned int i = (a + 1) / 2;

	return i < 16 ? table[i] : 0;
}

/* The message for a sum of SUM, the least of the edges in which is LEAST, from check CHECK. */
static uint8_t message_of(const struct ldpc_rule *rule, unsigned int sum, unsigned int least,
                          size_t check)
{
	static const uint8_t up[4] = {0, 2, 1, 3};
	unsigned int v;

	v = sum < 16   ? rule->inverse[0][sum]
	    : sum < 64 ? rule->inverse[1][sum / 4]
	               : rule->inverse[2][sum / 16];
	v = least_of(v, 4 * least_of(least, 63));
	return (uint8_t)(least_of(v + up[check % 4], 255) / 4);
}

/* What the checks of a block have found about their edges. */
struct found {
	uint8_t first[LDPC_LANES], second[LDPC_LANES], sum[LDPC_LANES];
	/* Bit 7: sum of the syndrome and the signs, without what came from the check and with. */
	int8_t sign[LDPC_LANES], hard[LDPC_LANES];
};

/* LDPC_LANES bytes of a column from PLACE on, and back. */
static void rotate_out(const int8_t *llr, size_t z, size_t place, int8_t *x)
{
	size_t n = z - place < LDPC_LANES ? z - place : LDPC_LANES;

	memcpy(x, llr + place, n);
	memcpy(x + n, llr, LDPC_LANES - n);
}

static void rotate_in(int8_t *llr, size_t z, size_t place, const int8_t *x)
{
	size_t n = z - place < LDPC_LANES ? z - place : LDPC_LANES;

	memcpy(llr + place, x, n);
	memcpy(llr, x + n, LDPC_LANES - n);
}

static void gather(const struct ldpc_layer *l, size_t block, const struct ldpc_rule *rule,
                   struct found *f)
{
	int8_t *message = l->messages + block * l->degree, x[LDPC_LANES];

	memset(f->first, LDPC_LLR_MAX, LDPC_LANES);
	memset(f->second, LDPC_LLR_MAX, LDPC_LANES);
	memset(f->sum, 0, LDPC_LANES);
	for (unsigned int i = 0; i < LDPC_LANES; i++) {
		size_t check = block + i;

		f->sign[i] = f->hard[i] =
		        l->syndrome[check / 64] >> (check % 64) & 1 ? (int8_t)-128 : 0;
	}
	for (unsigned int k = 0; k < l->degree; k++, message += LDPC_LANES) {
		rotate_out(l->llr + l->col[k] * (l->z + LDPC_PAD), l->z,
		           (block + l->shift[k]) & (l->z - 1), x);
		for (unsigned int i = 0; i < LDPC_LANES; i++) {
			int8_t t = (int8_t)saturate(x[i] - (l->fresh ? 0 : message[i]));
			uint8_t a = (uint8_t)(t < 0 ? -t : t), b;

			message[i] = t; /* without what came from this check */
			f->sign[i] ^= t;
			f->hard[i] ^= x[i];
			b = a > f->first[i] ? a : f->first[i];
			f->first[i] = a < f->first[i] ? a : f->first[i];
			f->second[i] = b < f->second[i] ? b : f->second[i];
			f->sum[i] = (uint8_t)least_of(f->sum[i] + phi(rule->phi[k % 2], a), 255);
		}
	}
}

/* Messages to the edges with the least, and to the others. */
struct messages {
	uint8_t first[LDPC_LANES], others[LDPC_LANES];
};

static void conclude(size_t block, const struct ldpc_rule *rule, const struct found *f,
                     struct messages *m)
{
	for (unsigned int i = 0; i < LDPC_LANES; i++) {
		unsigned int sum = f->sum[i], least = phi(rule->phi_mid, f->first[i]);

		m->first[i] =
		        message_of(rule, sum > least ? sum - least : 0, f->second[i], block + i);
		m->others[i] = message_of(rule, sum, f->first[i], block + i);
	}
}

static void scatter(const struct ldpc_layer *l, size_t block, const struct found *f,
                    const struct messages *m)
{
	int8_t *message = l->messages + block * l->degree, x[LDPC_LANES];

	for (unsigned int k = 0; k < l->degree; k++, message += LDPC_LANES) {
		for (unsigned int i = 0; i < LDPC_LANES; i++) {
			int8_t t = message[i], r;
			uint8_t a = (uint8_t)(t < 0 ? -t : t);

			r = (int8_t)(a == f->first[i] ? m->first[i] : m->others[i]);
			r = (int8_t)((t ^ f->sign[i]) < 0 ? -r : r);
			x[i] = (int8_t)saturate(t + r);
			message[i] = (int8_t)(x[i] - t);
		}
		rotate_in(l->llr + l->col[k] * (l->z + LDPC_PAD), l->z,
		          (block + l->shift[k]) & (l->z - 1), x);
	}
}

static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	unsigned int violated = 0;

	for (size_t block = 0; block < l->z; block += LDPC_LANES) {
		struct messages m;
		struct found f;

		gather(l, block, rule, &f);
		for (unsigned int i = 0; i < LDPC_LANES; i++)
			violated += f.hard[i] < 0;
		conclude(block, rule, &f, &m);
		scatter(l, block, &f, &m);
	}
	return violated;
}

const struct ldpc_kernel ldpc_kernel_portable = {"portable", 200, layer};

const struct ldpc_kernel *ldpc_kernel_best(void)
{
	const struct ldpc_kernel *best = ldpc_kernel_avx512();

	if (best == NULL)
		best = ldpc_kernel_avx2();
	return best != NULL ? best : &ldpc_kernel_portable;
}
