/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/leak.h"

#include <errno.h>
#include <string.h>

#include "qkd-engine/frame_check.h"
#include "qkd-engine/verify.h"

static const char *const names[LEAK_MODES] = {
        [LEAK_AUTO] = "auto",
        [LEAK_ONE_WAY] = "one-way",
        [LEAK_TWO_WAY] = "two-way",
        [LEAK_ERROR_PATTERN] = "error-pattern",
        [LEAK_ALICE_ONLY] = "alice-only",
};

const char *leak_mode_name(enum leak_mode mode)
{
	return mode < LEAK_MODES ? names[mode] : "none";
}

int leak_mode_find(const char *name, enum leak_mode *out)
{
	for (unsigned int i = 0; i < LEAK_MODES; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (enum leak_mode)i;
		return 0;
	}
	return -EINVAL;
}

uint64_t leak_fixed_bits(unsigned int frames)
{
	/* Alice's check of each frame, and Bob's verdict on it. */
	return (uint64_t)frames * (FRAME_CHECK_BITS + 1) + VERIFY_TAG_BITS + LEAK_COUNTS_BITS +
	       LEAK_VERDICT_BITS;
}

/* The peer states some of them: a sum beyond 64 bits is no small one. */
static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t leak_total_bits(enum leak_mode mode, unsigned int frames, const struct leak_count *c)
{
	bool alice_alone = mode == LEAK_ALICE_ONLY || mode == LEAK_ERROR_PATTERN;

	uint64_t both = add(c->alice, alice_alone ? 0 : c->bob);

	return add(leak_fixed_bits(frames), add(both, c->revealed));
}
