/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "qkd-engine/cascade_bob.h"

struct cascade_bob *cascade_bob_create(const struct cascade_params *p, uint64_t *key)
{
	struct cascade_bob *b = calloc(1, sizeof(*b));
	size_t words;
	int ret;

	if (b == NULL)
		return NULL;
	ret = cascade_plan_init(&b->plan, p, true);
	if (ret < 0) {
		free(b);
		errno = -ret;
		return NULL;
	}
	words = b->plan.frames * CASCADE_PASSES * b->plan.frame_words;
	b->key = key;
	b->message_max = cascade_message_max(p);
	b->scratch = secret_alloc(b->plan.frame_words * sizeof(uint64_t));
	b->permuted = secret_alloc(words * sizeof(uint64_t));
	b->odd = secret_alloc(words * sizeof(uint64_t));
	b->partition = malloc(words * sizeof(uint64_t));
	b->frames = calloc(b->plan.frames, sizeof(*b->frames));
	b->answer = malloc(b->message_max);
	if (b->scratch == NULL || b->permuted == NULL || b->odd == NULL || b->partition == NULL ||
	    b->frames == NULL || b->answer == NULL) {
		cascade_bob_destroy(b);
		errno = ENOMEM;
		return NULL;
	}
	return b;
}

void cascade_bob_destroy(struct cascade_bob *b)
{
	if (b == NULL)
		return;
	cascade_plan_fini(&b->plan);
	secret_free(b->scratch);
	secret_free(b->permuted);
	secret_free(b->odd);
	free(b->partition);
	free(b->frames);
	free(b->answer);
	free(b);
}

/* A bounded part of the permuted frames; true when all are there. */
static bool prepare(struct cascade_bob *b)
{
	size_t words = BITS_WORDS(b->plan.frame_bits), per_frame = words * CASCADE_PASSES;

	if (!cascade_plan_build(&b->plan))
		return false;
	for (size_t n = 0; n < CASCADE_STEP / 64 && b->prepared < b->plan.frames * per_frame; n++) {
		size_t f = b->prepared / per_frame, w = b->prepared % words;
		unsigned int pass = (unsigned int)(b->prepared % per_frame / words);

		if (pass == 0 && w == 0)
			cascade_frame_load(&b->plan, b->key, f, b->scratch);
		if (w == 0)
			cascade_partition_init(&b->plan, pass,
			                       cascade_bits_of(b, b->partition, f, pass));
		cascade_bits_of(b, b->permuted, f, pass)[w] =
		        cascade_gather(&b->plan, b->scratch, pass, w);
		b->prepared++;
	}
	return b->prepared == b->plan.frames * per_frame;
}

int cascade_bob_ask(struct cascade_bob *b, uint8_t *out, size_t cap)
{
	int ret;

	switch (b->phase) {
	case CASCADE_PREPARE:
		if (prepare(b))
			b->phase = CASCADE_ASK;
		return -EAGAIN;
	case CASCADE_APPLY:
		ret = cascade_bob_apply(b);
		if (ret == -EPROTO || b->stats.alice_parities > b->plan.parity_max) {
			b->phase = CASCADE_FAILED;
			return -EPROTO;
		}
		if (ret == 0) {
			b->frame_at = 0;
			b->phase = CASCADE_ASK;
		}
		return -EAGAIN;
	case CASCADE_ASK:
		return cascade_bob_write(b, out, cap);
	case CASCADE_FAILED:
		return -EPROTO;
	default:
		return 0;
	}
}

int cascade_bob_take(struct cascade_bob *b, const uint8_t *msg, size_t len)
{
	if (b->phase != CASCADE_WAIT || len != CASCADE_HEADER + (b->asked + 7) / 8 ||
	    len > b->message_max || get_be32(msg) != (uint32_t)b->stats.rounds ||
	    (b->asked % 8 != 0 && msg[len - 1] >> (b->asked % 8) != 0)) {
		b->phase = CASCADE_FAILED;
		return -EPROTO;
	}
	memcpy(b->answer, msg, len);
	b->stats.alice_parities += b->asked;
	b->stats.bob_parities += b->asked; /* see cascade.h */
	b->frame_at = b->position = b->pass = 0;
	b->bit = 0;
	b->phase = CASCADE_APPLY;
	return 0;
}

bool cascade_bob_done(const struct cascade_bob *b)
{
	return b->phase == CASCADE_DONE;
}

void cascade_bob_stats(const struct cascade_bob *b, struct cascade_stats *out)
{
	*out = b->stats;
}
