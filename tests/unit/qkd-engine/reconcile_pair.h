/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Both ends of a reconciliation, without a network: of Cascade where PAIR_OF(x) is cascade_##x, of
 * LDPC where it is ldpc_##x. Whoever includes this has included the protocol's header and defined
 * PAIR_OF and PAIR_MESSAGE_MAX.
 */

#ifndef TESTS_RECONCILE_PAIR_H
#define TESTS_RECONCILE_PAIR_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "tests/unit/qkd-engine/own_space.h"
#include "tests/unit/unit.h"

struct pair {
	struct PAIR_OF(params) params;
	uint64_t *alice_key, *bob_key;
	struct PAIR_OF(alice) * alice;
	struct PAIR_OF(bob) * bob;
	struct workspace space[2];
	uint8_t *question, *answer;
	size_t cap, errors;
	uint64_t alice_bits, bob_bits; /* seen on the wire, without rounds */
};

/* Takes over the keys, which differ in ERRORS bits. */
static inline void pair_start(struct pair *t, const struct PAIR_OF(params) * params,
                              uint64_t *alice_key, uint64_t *bob_key, size_t errors)
{
	memset(t, 0, sizeof(*t));
	t->params = *params;
	t->alice_key = alice_key;
	t->bob_key = bob_key;
	t->errors = errors;
	t->alice = PAIR_OF(alice_own)(&t->space[0], params, alice_key);
	t->bob = PAIR_OF(bob_own)(&t->space[1], params, bob_key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->alice);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->bob);
	t->cap = PAIR_OF(message_max)(params);
	CU_ASSERT_TRUE_FATAL(t->cap > 4 && t->cap <= PAIR_MESSAGE_MAX);
	t->question = malloc(t->cap);
	t->answer = malloc(t->cap);
}

static inline void pair_fini(struct pair *t)
{
	workspace_fini(&t->space[0]);
	workspace_fini(&t->space[1]);
	free(t->alice_key);
	free(t->bob_key);
	free(t->question);
	free(t->answer);
}

static inline int ask(struct pair *t)
{
	int n;

	while ((n = PAIR_OF(bob_ask)(t->bob, t->question, t->cap)) == -EAGAIN)
		;
	return n;
}

static inline int answer(struct pair *t, const uint8_t *msg, size_t len)
{
	int n;

	while ((n = PAIR_OF(alice_answer)(t->alice, msg, len, t->answer, t->cap)) == -EAGAIN)
		;
	return n;
}

/* Run until Bob stops, and say why: 0 or an error. */
static inline int run_to_end(struct pair *t)
{
	int n, m;

	while ((n = ask(t)) > 0) {
		CU_ASSERT_EQUAL(ask(t), 0); /* waits */
		CU_ASSERT_FALSE(PAIR_OF(bob_done)(t->bob));
		m = answer(t, t->question, (size_t)n);
		CU_ASSERT_TRUE_FATAL(m > 4);
		t->bob_bits += 8 * ((uint64_t)n - 4);
		t->alice_bits += 8 * ((uint64_t)m - 4);
		CU_ASSERT_EQUAL_FATAL(PAIR_OF(bob_take)(t->bob, t->answer, (size_t)m), 0);
	}
	return n;
}

static inline bool pair_equal(const struct pair *t)
{
	return memcmp(t->alice_key, t->bob_key, BITS_WORDS(t->params.bits) * 8) == 0;
}

#endif
