/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_kernel.h"

#include <string.h>

#define LANES 32

static int saturate(int v)
{
	return v > 127 ? 127 : v < -128 ? -128 : v;
}

static unsigned int least_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* What is more than 31 units adds nothing. */
static unsigned int phi(const uint8_t near[16], const uint8_t far[16], unsigned int a)
{
	return a < 16 ? near[a] + far[a] : a < 32 ? far[a - 16] : 0;
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
	uint8_t first[LANES], second[LANES], sum[LANES];
	/* Bit 7: sum of the syndrome and the signs, without what came from the check and with. */
	int8_t sign[LANES], hard[LANES];
};

/* LANES bytes of a column from PLACE on, and back. */
static void rotate_out(const int8_t *llr, size_t z, size_t place, int8_t *x)
{
	size_t n = z - place < LANES ? z - place : LANES;

	memcpy(x, llr + place, n);
	memcpy(x + n, llr, LANES - n);
}

static void rotate_in(int8_t *llr, size_t z, size_t place, const int8_t *x)
{
	size_t n = z - place < LANES ? z - place : LANES;

	memcpy(llr + place, x, n);
	memcpy(llr, x + n, LANES - n);
}

static void gather(const struct ldpc_layer *l, size_t block, const struct ldpc_rule *rule,
                   struct found *f)
{
	int8_t *message = l->messages + block * l->degree, x[LANES];

	memset(f->first, LDPC_LLR_MAX, LANES);
	memset(f->second, LDPC_LLR_MAX, LANES);
	memset(f->sum, 0, LANES);
	for (unsigned int i = 0; i < LANES; i++) {
		size_t check = block + i;

		f->sign[i] = f->hard[i] =
		        l->syndrome[check / 64] >> (check % 64) & 1 ? (int8_t)-128 : 0;
	}
	for (unsigned int k = 0; k < l->degree; k++, message += LANES) {
		rotate_out(l->llr + l->col[k] * (l->z + LDPC_PAD), l->z,
		           (block + l->shift[k]) & (l->z - 1), x);
		for (unsigned int i = 0; i < LANES; i++) {
			int8_t t = (int8_t)saturate(x[i] - message[i]);
			uint8_t a = (uint8_t)(t < 0 ? -t : t), b;

			message[i] = t; /* without what came from this check */
			f->sign[i] ^= t;
			f->hard[i] ^= x[i];
			b = a > f->first[i] ? a : f->first[i];
			f->first[i] = a < f->first[i] ? a : f->first[i];
			f->second[i] = b < f->second[i] ? b : f->second[i];
			f->sum[i] = (uint8_t)least_of(
			        f->sum[i] + phi(rule->phi_near[k % 2], rule->phi_far[k % 2], a),
			        255);
		}
	}
}

/* Messages to the edges with the least, with the second least, and to the others. */
struct messages {
	uint8_t first[LANES], second[LANES], others[LANES];
};

static void conclude(const struct ldpc_layer *l, size_t block, const struct ldpc_rule *rule,
                     const struct found *f, struct messages *m)
{
	unsigned int share = ldpc_share(l->degree);

	for (unsigned int i = 0; i < LANES; i++) {
		unsigned int a = phi(rule->phi_near_mid, rule->phi_far_mid, f->first[i]);
		unsigned int b = phi(rule->phi_near_mid, rule->phi_far_mid, f->second[i]);
		unsigned int both = least_of(a + b, 255);
		unsigned int rest = f->sum[i] > both ? f->sum[i] - both : 0;

		m->first[i] = message_of(rule, least_of(rest + b, 255), f->second[i], block + i);
		m->second[i] = message_of(rule, least_of(rest + a, 255), f->first[i], block + i);
		rest -= (rest * share) >> 16;
		m->others[i] = message_of(rule, least_of(rest + both, 255), f->first[i], block + i);
	}
}

static void scatter(const struct ldpc_layer *l, size_t block, const struct found *f,
                    const struct messages *m)
{
	int8_t *message = l->messages + block * l->degree, x[LANES];

	for (unsigned int k = 0; k < l->degree; k++, message += LANES) {
		uint8_t limit = (uint8_t)l->limit[k];

		for (unsigned int i = 0; i < LANES; i++) {
			int8_t t = message[i], r;
			uint8_t a = (uint8_t)(t < 0 ? -t : t);

			r = (int8_t)(a == f->first[i]    ? m->first[i]
			             : a == f->second[i] ? m->second[i]
			                                 : m->others[i]);
			r = (int8_t)(r < limit ? r : limit);
			r = (int8_t)((t ^ f->sign[i]) < 0 ? -r : r);
			message[i] = r;
			x[i] = (int8_t)saturate(t + r);
		}
		rotate_in(l->llr + l->col[k] * (l->z + LDPC_PAD), l->z,
		          (block + l->shift[k]) & (l->z - 1), x);
	}
}

static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	unsigned int violated = 0;

	for (size_t block = 0; block < l->z; block += LANES) {
		struct messages m;
		struct found f;

		gather(l, block, rule, &f);
		for (unsigned int i = 0; i < LANES; i++)
			violated += f.hard[i] < 0;
		conclude(l, block, rule, &f, &m);
		scatter(l, block, &f, &m);
	}
	return violated;
}

const struct ldpc_kernel ldpc_kernel_portable = {"portable", LANES, 200, layer};

const struct ldpc_kernel *ldpc_kernel_best(size_t z)
{
	const struct ldpc_kernel *best = ldpc_kernel_avx512();

	if (best == NULL || z % best->lanes != 0)
		best = ldpc_kernel_avx2();
	return best != NULL ? best : &ldpc_kernel_portable;
}
