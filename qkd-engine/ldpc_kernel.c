/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_kernel.h"

#include <string.h>

#define LANES 32

static int saturate(int v)
{
	return v > 127 ? 127 : v < -128 ? -128 : v;
}

static uint8_t magnitude(int8_t v)
{
	return (uint8_t)(v < 0 ? -v : v);
}

static uint8_t at_most(uint8_t v, uint8_t limit)
{
	return v < limit ? v : limit;
}

static uint8_t combined(uint8_t a, uint8_t b, const uint8_t correction[16])
{
	uint8_t least = a < b ? a : b, most = a < b ? b : a;
	uint8_t sum = (uint8_t)(least + most), difference = (uint8_t)(most - least);
	int v = least + correction[at_most(sum, 15)] - correction[at_most(difference, 15)];

	return v > 0 ? (uint8_t)v : 0;
}

/* What the checks of a block have found about their edges. */
struct checks {
	uint8_t least[LANES], rest[LANES]; /* magnitudes, the second one of all other edges */
	int8_t sign[LANES], hard[LANES];   /* bit 7: sum of the signs and the syndrome */
};

static void gather(const struct ldpc_layer *l, size_t block, struct checks *m,
                   const struct ldpc_rule *rule)
{
	size_t mask = l->z - 1;
	int8_t *message = l->messages + block * l->degree;

	memset(m->least, LDPC_LLR_MAX, LANES);
	memset(m->rest, LDPC_LLR_MAX, LANES);
	for (unsigned int i = 0; i < LANES; i++) {
		size_t check = block + i;

		m->sign[i] = m->hard[i] =
		        l->syndrome[check / 64] >> (check % 64) & 1 ? (int8_t)-128 : 0;
	}
	for (unsigned int k = 0; k < l->degree; k++, message += LANES) {
		const int8_t *llr = l->llr + l->col[k] * (l->z + LDPC_PAD);

		for (unsigned int i = 0; i < LANES; i++) {
			int8_t x = llr[(block + i + l->shift[k]) & mask];
			int8_t t = (int8_t)saturate(x - message[i]);
			uint8_t a = magnitude(t);

			message[i] = t; /* without what came from this check */
			m->sign[i] ^= t;
			m->hard[i] ^= x;
			m->rest[i] = combined(m->rest[i], a > m->least[i] ? a : m->least[i],
			                      rule->correction[k % 2]);
			m->least[i] = at_most(a, m->least[i]);
		}
	}
}

static void scatter(const struct ldpc_layer *l, size_t block, const struct checks *m,
                    const struct ldpc_rule *rule)
{
	size_t mask = l->z - 1;
	int8_t *message = l->messages + block * l->degree;
	uint8_t least[LANES], others[LANES]; /* to the edges with the least, to others */

	for (unsigned int i = 0; i < LANES; i++) {
		least[i] = at_most(m->rest[i], rule->clip);
		others[i] =
		        at_most(combined(m->rest[i], m->least[i], rule->correction[0]), rule->clip);
	}
	for (unsigned int k = 0; k < l->degree; k++, message += LANES) {
		int8_t *llr = l->llr + l->col[k] * (l->z + LDPC_PAD);

		for (unsigned int i = 0; i < LANES; i++) {
			int8_t t = message[i], r;

			r = (int8_t)(magnitude(t) == m->least[i] ? least[i] : others[i]);
			r = (int8_t)((t ^ m->sign[i]) < 0 ? -r : r);
			message[i] = r;
			llr[(block + i + l->shift[k]) & mask] = (int8_t)saturate(t + r);
		}
	}
}

static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	unsigned int violated = 0;

	for (size_t block = 0; block < l->z; block += LANES) {
		struct checks m;

		gather(l, block, &m, rule);
		for (unsigned int i = 0; i < LANES; i++)
			violated += m.hard[i] < 0;
		scatter(l, block, &m, rule);
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
