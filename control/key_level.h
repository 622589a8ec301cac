/* SPDX-License-Identifier: BSD-3-Clause */

/* Does the key store run low? With hysteresis, so that a level at the mark does not chatter. */

#ifndef CONTROL_KEY_LEVEL_H
#define CONTROL_KEY_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

struct key_level {
	uint32_t low_water, max_keys; /* keys; a low_water of 0 is never undercut */
	bool expected;                /* keys should come: by light, or they came before */
	bool low;
};

/*
 * AVAILABLE keys are in the store: is that low? Yes from below the mark on until a quarter of
 * the mark above it, or half of what is left up to max_keys. Never before keys are expected.
 */
bool key_level_low(struct key_level *l, uint64_t available);

#endif
