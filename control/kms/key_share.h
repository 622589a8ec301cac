/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who may take how much of the stored key, so that one greedy SAE cannot starve another. Key that
 * arrives is dealt by weight into each SAE's own credit, up to its cap; what no credit has room for
 * is common. An SAE takes of its own credit first, then of what is common: whatever others take,
 * it finds its share of what arrived, up to its cap, and nothing lies idle while all are full.
 *
 * Of the common key each leaves its reserve alone: those with a smaller one find key there when it
 * is short (trunk reservation, as telephone exchanges keep their last lines for some callers).
 */

#ifndef CONTROL_KMS_KEY_SHARE_H
#define CONTROL_KMS_KEY_SHARE_H

#include <stdint.h>

#define KEY_SHARE_MAX    1024      /* SAEs */
#define KEY_SHARE_WEIGHT 1000      /* largest weight */
#define KEY_SHARE_BITS   (1 << 30) /* largest arrival and loss at a time */

struct key_share {
	uint32_t count;
	uint32_t turn; /* who gets the first odd bit of the next arrival */
	uint64_t common_bits;
	struct key_share_member {
		uint32_t weight; /* 0: there is nobody */
		uint64_t cap_bits, credit_bits;
		uint64_t reserve_bits; /* of what is common: not for this one */
	} member[KEY_SHARE_MAX];
};

/* Zeroed: nobody, nothing. One more SAE: its number, -EINVAL for the weight, -ENOSPC. */
int key_share_add(struct key_share *s, uint32_t weight, uint64_t cap_bits);

/*
 * SAE number MEMBER with other terms, or a new one of this number: 0, -EINVAL for the weight,
 * -ENOSPC for the number. Credit above the cap becomes common.
 */
int key_share_put(struct key_share *s, uint32_t member, uint32_t weight, uint64_t cap_bits,
                  uint64_t reserve_bits);

/* Its credit becomes common. */
void key_share_remove(struct key_share *s, uint32_t member);

/* BITS of key came into the store; to be dealt. */
void key_share_arrive(struct key_share *s, uint32_t bits);

/* BITS for MEMBER, all or none: 0, or -EAGAIN when there are not so many for it. */
int key_share_take(struct key_share *s, uint32_t member, uint64_t bits);

/* What MEMBER may take now. */
uint64_t key_share_bits(const struct key_share *s, uint32_t member);

/* What all may take: the stored key. */
uint64_t key_share_total(const struct key_share *s);

/* BITS, not more than there are, expired or were voided: of the common ones, then of all alike. */
void key_share_lose(struct key_share *s, uint32_t bits);

#endif
