/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/reconcile_ops.h"

#include "qkd-engine/cascade.h"
#include "qkd-engine/ldpc.h"

#define PARAMS(p)                                                                                  \
	{                                                                                          \
		.bits = (p)->bits, .frame_bits = (p)->frame_bits, .qber = (p)->qber,               \
		.seed = (p)->seed                                                                  \
	}

static size_t cascade_max(const struct reconcile_params *p)
{
	const struct cascade_params c = PARAMS(p);

	return cascade_message_max(&c);
}

static int cascade_room(const struct reconcile_params *p, struct workspace_size *out)
{
	const struct cascade_params c = PARAMS(p);

	return cascade_size(&c, out);
}

static void *cascade_a(struct workspace *w, const struct reconcile_params *p, const uint64_t *key)
{
	const struct cascade_params c = PARAMS(p);

	return cascade_alice_create_in(w, &c, key);
}

static int cascade_a_answer(void *a, const uint8_t *msg, size_t len, uint8_t *out, size_t cap)
{
	return cascade_alice_answer(a, msg, len, out, cap);
}

static void cascade_a_count(const void *a, struct reconcile_count *out)
{
	struct cascade_stats s;

	cascade_alice_stats(a, &s);
	*out = (struct reconcile_count){.alice = s.alice_parities, .bob = s.bob_parities};
}

static void *cascade_b(struct workspace *w, const struct reconcile_params *p, uint64_t *key)
{
	const struct cascade_params c = PARAMS(p);

	return cascade_bob_create_in(w, &c, key);
}

static int cascade_b_ask(void *b, uint8_t *out, size_t cap)
{
	return cascade_bob_ask(b, out, cap);
}

static int cascade_b_take(void *b, const uint8_t *msg, size_t len)
{
	return cascade_bob_take(b, msg, len);
}

static bool cascade_b_done(const void *b)
{
	return cascade_bob_done(b);
}

static void cascade_b_count(const void *b, struct reconcile_count *out)
{
	struct cascade_stats s;

	cascade_bob_stats(b, &s);
	*out = (struct reconcile_count){.alice = s.alice_parities, .bob = s.bob_parities};
}

static size_t ldpc_max(const struct reconcile_params *p)
{
	const struct ldpc_params l = PARAMS(p);

	return ldpc_message_max(&l);
}

static size_t ldpc_most(const struct reconcile_params *p)
{
	return ldpc_message_most(p->bits);
}

static int ldpc_a_room(const struct reconcile_params *p, struct workspace_size *out)
{
	return ldpc_alice_size(p->bits, p->frame_bits, out);
}

static int ldpc_b_room(const struct reconcile_params *p, struct workspace_size *out)
{
	return ldpc_bob_size(p->bits, p->frame_bits, out);
}

static void *ldpc_a(struct workspace *w, const struct reconcile_params *p, const uint64_t *key)
{
	const struct ldpc_params l = PARAMS(p);

	return ldpc_alice_create_in(w, &l, key);
}

static int ldpc_a_answer(void *a, const uint8_t *msg, size_t len, uint8_t *out, size_t cap)
{
	return ldpc_alice_answer(a, msg, len, out, cap);
}

static void ldpc_counted(const struct ldpc_stats *s, struct reconcile_count *out)
{
	*out = (struct reconcile_count){.alice = s->alice_leak,
	                                .bob = s->bob_leak,
	                                .frames = (unsigned int)s->frames,
	                                .failed = (unsigned int)s->failed};
}

static void ldpc_a_count(const void *a, struct reconcile_count *out)
{
	struct ldpc_stats s;

	ldpc_alice_stats(a, &s);
	ldpc_counted(&s, out);
}

static void *ldpc_b(struct workspace *w, const struct reconcile_params *p, uint64_t *key)
{
	const struct ldpc_params l = PARAMS(p);

	return ldpc_bob_create_in(w, &l, key);
}

static int ldpc_b_ask(void *b, uint8_t *out, size_t cap)
{
	return ldpc_bob_ask(b, out, cap);
}

static int ldpc_b_take(void *b, const uint8_t *msg, size_t len)
{
	return ldpc_bob_take(b, msg, len);
}

static bool ldpc_b_done(const void *b)
{
	return ldpc_bob_done(b);
}

static void ldpc_b_count(const void *b, struct reconcile_count *out)
{
	struct ldpc_stats s;

	ldpc_bob_stats(b, &s);
	ldpc_counted(&s, out);
}

static const struct reconcile_ops all[RECONCILE_METHODS] = {
        [RECONCILE_CASCADE] = {.mode = LEAK_TWO_WAY,
                               .message_max = cascade_max,
                               .message_most = cascade_max,
                               .alice_size = cascade_room,
                               .bob_size = cascade_room,
                               .alice_create = cascade_a,
                               .alice_answer = cascade_a_answer,
                               .alice_count = cascade_a_count,
                               .bob_create = cascade_b,
                               .bob_ask = cascade_b_ask,
                               .bob_take = cascade_b_take,
                               .bob_done = cascade_b_done,
                               .bob_count = cascade_b_count},
        [RECONCILE_LDPC] = {.mode = LEAK_ONE_WAY,
                            .checks_frames = true,
                            .message_max = ldpc_max,
                            .message_most = ldpc_most,
                            .alice_size = ldpc_a_room,
                            .bob_size = ldpc_b_room,
                            .alice_create = ldpc_a,
                            .alice_answer = ldpc_a_answer,
                            .alice_count = ldpc_a_count,
                            .bob_create = ldpc_b,
                            .bob_ask = ldpc_b_ask,
                            .bob_take = ldpc_b_take,
                            .bob_done = ldpc_b_done,
                            .bob_count = ldpc_b_count},
};

const struct reconcile_ops *reconcile_ops(enum reconcile_method method)
{
	return method > RECONCILE_AUTO && method < RECONCILE_METHODS ? &all[method] : NULL;
}
