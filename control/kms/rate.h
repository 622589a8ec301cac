/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Token bucket: PER_S tokens a second, at most BURST at once. Kept as the one time at which it is
 * full again (the generic cell rate algorithm, ITU-T I.371), so that nothing is refilled and no
 * rounding adds up: a token takes at least its time.
 */

#ifndef CONTROL_KMS_RATE_H
#define CONTROL_KMS_RATE_H

#include <stdint.h>

#define RATE_NEVER UINT64_MAX

struct rate {
	uint64_t per_s; /* 0: no limit */
	uint64_t burst;
	uint64_t full_at_ns;
};

/* Nanoseconds until N tokens are there: 0 now, RATE_NEVER for more than BURST. NOW never goes back.
 */
uint64_t rate_wait_ns(const struct rate *r, uint64_t now_ns, uint64_t n);

/* Takes N tokens, for which rate_wait_ns() is 0. */
void rate_take(struct rate *r, uint64_t now_ns, uint64_t n);

/* Gives back what rate_take() took last. */
void rate_give_back(struct rate *r, uint64_t n);

#endif
