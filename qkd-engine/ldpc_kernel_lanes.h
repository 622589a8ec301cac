/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The layer of ldpc_kernel.c, LANES checks at once, for the files with a kernel each. Such a file
 * first defines LANES, TARGET (the attribute that allows its instructions), vec (a byte for each
 * check) and, for vec:
 *
 *      load, store              at any address
 *      zero, all(v)             v in each byte
 *      repeated(v)              the bytes of a word, over and over
 *      table(p), look_up(t, i)  of 16 bytes, by the low 4 bits of i; 0 where bit 7 of i is set
 *      plus, minus              signed, saturated
 *      sum_of, less             unsigned, saturated
 *      least, greatest, mean    unsigned; the mean is rounded up
 *      magnitude, exclusive     |v|; exclusive or
 *      signs_at(p, n)           a negative byte for each bit of P that is set, from bit n on
 *      signs_of(v)              the reverse, as a number
 *      where(a, b, yes, no)     a == b ? yes : no, byte by byte
 *      negated(v, s)            -v where s is negative
 *      first_of(n, yes, no)     n < LANES bytes of yes, then of no
 *      by4, by16                a quarter, a sixteenth, unsigned
 *      above3(v, yes, no)       v > 3 ? yes : no; v < 128
 *
 * and then has layer(). It has to be inlined whole: that is what keeps a block in registers.
 */

#ifndef QKD_ENGINE_LDPC_KERNEL_LANES_H
#define QKD_ENGINE_LDPC_KERNEL_LANES_H

#include <stdbool.h>

#include "qkd-engine/ldpc_code.h"
#include "qkd-engine/ldpc_kernel.h"

#define INLINE __attribute__((always_inline)) TARGET static inline

/* Where a layer's entries are. */
struct place {
	int8_t *column;
	size_t shift;
};

INLINE int8_t *at_place(const struct place *p, size_t at, size_t mask)
{
	return p->column + ((at + p->shift) & mask);
}

/* What the checks of a block have found about their edges, and tell them. */
struct block {
	vec first, second, sum, sign, hard;
	vec to_first, to_others;
};

/* A table's index is half of A, rounded up, of which 16 and more have bit 7 set. */
INLINE vec phi(vec t, vec a)
{
	return look_up(t, mean(a, all(2 * 0x70)));
}

INLINE vec message_of(const struct ldpc_rule *rule, vec sum, vec most)
{
	vec quarter = by4(sum), sixteenth = by16(sum), v;

	/* Sizes are told by what is left of the sum; both wide steps begin at index 4. */
	v = above3(sixteenth, look_up(table(rule->inverse[2]), sixteenth),
	           look_up(table(rule->inverse[1]), least(quarter, all(15))));
	v = above3(quarter, v, look_up(table(rule->inverse[0]), least(sum, all(15))));
	most = least(most, all(63));
	most = sum_of(most, most);
	v = least(v, sum_of(most, most));
	return by4(sum_of(v, repeated(0x03010200)));
}

/* An edge of a check: what all checks say of it is in X, what the others do in T. */
INLINE void meet(struct block *b, vec x, vec t, vec phi_table)
{
	vec a = magnitude(t);

	b->sign = exclusive(b->sign, t);
	b->hard = exclusive(b->hard, x);
	b->second = least(b->second, greatest(a, b->first));
	b->first = least(a, b->first);
	b->sum = sum_of(b->sum, phi(phi_table, a));
}

INLINE vec tell(const struct block *b, vec t)
{
	vec r = where(magnitude(t), b->first, b->to_first, b->to_others);

	return negated(r, exclusive(b->sign, t));
}

INLINE void conclude(const struct ldpc_rule *rule, struct block *b)
{
	vec others = less(b->sum, phi(table(rule->phi_mid), b->first));

	b->to_first = message_of(rule, others, b->second);
	b->to_others = message_of(rule, b->sum, b->first);
}

/*
 * The edges of the block from AT on are told what was concluded, in MESSAGES, and those of the next
 * are met, in one go: neither waits for the other. TOLD or MET is NULL where there is none; without
 * TOLD it is the edges of the block from AT on that are met. FRESH: messages are not yet there.
 */
INLINE void edges(const struct ldpc_layer *l, const struct place *place,
                  const struct ldpc_rule *rule, size_t at, int8_t *messages,
                  const struct block *told, struct block *met, bool fresh)
{
	const vec even = table(rule->phi[0]), odd = table(rule->phi[1]);
	size_t mask = l->z - 1, next = told != NULL ? LANES : 0;
	unsigned int degree = l->degree;
	struct block old, new = {
	                          .first = all(LDPC_LLR_MAX),
	                          .second = all(LDPC_LLR_MAX),
	                          .sum = zero(),
	                  };

	if (told != NULL)
		old = *told;
	if (met != NULL)
		new.sign = new.hard = signs_at(l->syndrome, at + next);
#pragma GCC unroll 2
	for (unsigned int k = 0; k < degree; k++, messages += LANES) {
		if (told != NULL) {
			vec t = load(messages), x = plus(t, tell(&old, t));

			store(messages, minus(x, t));
			store(at_place(place + k, at, mask), x);
		}
		if (met != NULL) {
			int8_t *message = messages + next * degree;
			vec x = load(at_place(place + k, at + next, mask));
			vec t = fresh ? x : minus(x, load(message));

			store(message, t); /* without what came from this check */
			meet(&new, x, t, k % 2 == 0 ? even : odd);
		}
	}
	if (met != NULL)
		*met = new;
}

INLINE unsigned int blocks(const struct ldpc_layer *l, const struct place *place,
                           const struct ldpc_rule *rule, bool fresh)
{
	unsigned int violated = 0;
	int8_t *messages = l->messages;
	struct block b;
	size_t at = 0;

	edges(l, place, rule, at, messages, NULL, &b, fresh);
	for (;; at += LANES, messages += LANES * l->degree) {
		violated += (unsigned int)__builtin_popcountll(signs_of(b.hard));
		conclude(rule, &b);
		if (at + LANES == l->z)
			break;
		edges(l, place, rule, at, messages, &b, &b, fresh);
	}
	edges(l, place, rule, at, messages, &b, NULL, fresh);
	return violated;
}

/* What went over the end of a column belongs to its beginning, and is repeated behind it. */
TARGET static void mend(const struct ldpc_layer *l, const struct place *place)
{
	for (unsigned int k = 0; k < l->degree; k++) {
		int8_t *llr = place[k].column;
		vec v = first_of(l->shift[k] % LANES, load(llr + l->z), load(llr));

		store(llr, v);
		store(llr + l->z, v);
	}
}

TARGET static unsigned int layer(const struct ldpc_layer *l, const struct ldpc_rule *rule)
{
	struct place place[LDPC_DEGREE_MAX];
	unsigned int violated;

	for (unsigned int k = 0; k < l->degree; k++)
		place[k] = (struct place){l->llr + l->col[k] * (l->z + LDPC_PAD), l->shift[k]};
	violated = l->fresh ? blocks(l, place, rule, true) : blocks(l, place, rule, false);
	mend(l, place);
	return violated;
}

#endif
