/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_kernel.h"

#include <string.h>

#define LANES 32

static int saturate(int v)
{
	return v > 127 ? 127 : v < -128 ? -128 : v;
}

static uint8_t corrected(uint8_t least, uint8_t next, const struct ldpc_rule *rule)
{
	unsigned int half = next > least ? (unsigned int)(next - least) / 2 : 0;
	uint8_t c = rule->correction[half < 15 ? half : 15];

	return least > c ? (uint8_t)(least - c) : 0;
}

static uint8_t scaled(uint8_t v, const struct ldpc_rule *rule)
{
	uint8_t x = (uint8_t)((v * rule->factor + 128) >> 8);

	return x < rule->clip ? x : rule->clip;
}

/* What the checks of a block have found about their edges. */
struct minima {
	uint8_t first[LANES], second[LANES], third[LANES];
	int8_t sign[LANES], hard[LANES]; /* bit 7: sum of the signs and the syndrome */
};

static void gather(const struct ldpc_layer *l, size_t block, struct minima *m)
{
	size_t mask = l->z - 1;
	int8_t *message = l->messages + block * l->degree;

	memset(m->first, LDPC_LLR_MAX, 3 * LANES);
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
			uint8_t a = (uint8_t)(t < 0 ? -t : t), b, c;

			message[i] = t; /* without what came from this check */
			m->sign[i] ^= t;
			m->hard[i] ^= x;
			b = a > m->first[i] ? a : m->first[i];
			m->first[i] = a < m->first[i] ? a : m->first[i];
			c = b > m->second[i] ? b : m->second[i];
			m->second[i] = b < m->second[i] ? b : m->second[i];
			m->third[i] = c < m->third[i] ? c : m->third[i];
		}
	}
}

static void scatter(const struct ldpc_layer *l, size_t block, const struct minima *m,
                    const struct ldpc_rule *rule)
{
	size_t mask = l->z - 1;
	int8_t *message = l->messages + block * l->degree;
	uint8_t least[LANES], others[LANES]; /* to the edges with the least, to others */

	for (unsigned int i = 0; i < LANES; i++) {
		least[i] = scaled(corrected(m->second[i], m->third[i], rule), rule);
		others[i] = scaled(
		        corrected(corrected(m->first[i], m->second[i], rule), m->third[i], rule),
		        rule);
	}
	for (unsigned int k = 0; k < l->degree; k++, message += LANES) {
		int8_t *llr = l->llr + l->col[k] * (l->z + LDPC_PAD);

		for (unsigned int i = 0; i < LANES; i++) {
			int8_t t = message[i], r;
			uint8_t a = (uint8_t)(t < 0 ? -t : t);

			r = (int8_t)(a == m->first[i] ? least[i] : others[i]);
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
		struct minima m;

		gather(l, block, &m);
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
