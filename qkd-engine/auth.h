/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Information-theoretic authentication after Wegman and Carter (JCSS 22, 1981): a
 * polynomial hash over GF(2^128) of the ordered transcript of one direction of a block,
 * masked with 128 one-time bits. The hash is IPsec-MB's GHASH; a transcript of n blocks of
 * 16 bytes (its length block included) is forged with probability at most n / 2^128.
 */

#ifndef QKD_ENGINE_AUTH_H
#define QKD_ENGINE_AUTH_H

#include <stddef.h>
#include <stdint.h>

#define AUTH_TAG_BYTES 16

/* A hash key ready for use; in secret memory. NULL: that is full, or no gcm_provider(). */
struct auth_key;
struct auth_key *auth_key_create(const uint8_t key[16]);
void auth_key_destroy(struct auth_key *key);

/*
 * The running hash of one direction of one block. Each message is hashed with its length.
 * STATE tells about the hash key as long as no pad masks it: wipe it when done. The key must
 * outlive the transcript.
 */
struct auth_transcript {
	const struct auth_key *key;
	uint8_t state[16];
	uint64_t messages, bytes;
};
void auth_transcript_init(struct auth_transcript *t, const struct auth_key *key);
void auth_transcript_add(struct auth_transcript *t, const void *msg, size_t len);

/* Ends the transcript with LABEL (direction, link, block: what the tag is for) and masks it. */
void auth_transcript_tag(const struct auth_transcript *t, const void *label, size_t label_len,
                         const uint8_t pad[AUTH_TAG_BYTES], uint8_t tag[AUTH_TAG_BYTES]);

/*
 * An upper bound on the probability that a forged transcript of this length, or of one that is
 * not longer, passes: n / 2^128 for n blocks of 16 bytes, the label of LABEL_LEN bytes included.
 */
double auth_forgery_probability(const struct auth_transcript *t, size_t label_len);

#endif
