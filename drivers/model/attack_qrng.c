/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Faults of a card's random source, in its noise: all lanes or one of them are stuck at one value,
 * biased, or go round a sequence that begins anew with each start-up, each lane its own. What a
 * card conditions by a hash looks as it always does, so the conditioned stream does not show them
 * and neither do Alice's choices.
 */

#include <math.h>
#include <string.h>

#include "drivers/model/attack_plugin.h"
#include "drivers/model/qrng_card.h"

#define BIAS_BITS 16

static void stuck(const struct attack *attack, struct attack_random *state, uint8_t *bytes,
                  size_t n)
{
	memset(bytes, attack->value != 0 ? 0xff : 0, n);
}

/* 64 bits at a time, each 1 with a probability of BIAS_BITS binary places. */
static void biased(const struct attack *attack, struct attack_random *state, uint8_t *bytes,
                   size_t n)
{
	unsigned int p = (unsigned int)lrint(attack->value * (1 << BIAS_BITS));

	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = p >> BIAS_BITS != 0 ? UINT64_MAX : 0;

		for (unsigned int i = 0; i < BIAS_BITS && p >> BIAS_BITS == 0; i++) {
			uint64_t coin = rng_next(&state->rng);

			word = p >> i & 1 ? word | coin : word & coin;
		}
		memcpy(bytes + at, &word, n - at < 8 ? n - at : 8);
	}
}

static void periodic(const struct attack *attack, struct attack_random *state, uint8_t *bytes,
                     size_t n)
{
	uint64_t period = (uint64_t)attack->value;

	for (size_t at = 0; at < n; at++, state->count++) {
		struct rng place;

		rng_init_seed(&place, state->seed + state->count % period);
		bytes[at] = (uint8_t)(rng_next(&place) >> 56);
	}
}

#define CARD                                                                                       \
	{                                                                                          \
		"CARD", "1 Alice, 2 Bob", offsetof(struct attack, card), 1, 2                      \
	}
#define LANE                                                                                       \
	{                                                                                          \
		"LANE", "-1 all", offsetof(struct attack, lane), -1, QRNG_CARD_LANES_MAX - 1, true \
	}

const struct attack_plugin attack_qrng_stuck = {
        .name = "qrng-stuck",
        .about = "the random source of that card, or a lane of it, gives one bit for ever",
        .parameter = {CARD, {"BIT", "", offsetof(struct attack, value), 0, 1}, LANE},
        .random = stuck,
};

const struct attack_plugin attack_qrng_biased = {
        .name = "qrng-biased",
        .about = "its bits are ones with that probability",
        .parameter = {CARD, {"P_ONE", "", offsetof(struct attack, value), 0, 1}, LANE},
        .random = biased,
};

const struct attack_plugin attack_qrng_periodic = {
        .name = "qrng-periodic",
        .about = "it goes round a sequence of so many bytes",
        .parameter = {CARD, {"BYTES", "bytes", offsetof(struct attack, value), 1, 1e9}, LANE},
        .random = periodic,
};
