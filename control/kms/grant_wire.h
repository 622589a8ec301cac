/* SPDX-License-Identifier: BSD-3-Clause */

/* GRANT, GRANT_ACK and WITHDRAW (peer_message.h) in bytes; the row of a grant is its GRANT and what
 * of it was taken. */

#ifndef CONTROL_KMS_GRANT_WIRE_H
#define CONTROL_KMS_GRANT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "control/kms/grant.h"

enum grant_verdict { GRANT_STORED, GRANT_FULL, GRANT_FAILED };

#define GRANT_ACK_BYTES      18
#define GRANT_WITHDRAW_BYTES 17

/* A process' grant; its number is never given twice by that process. */
struct grant_name {
	uint64_t process, number;
};

/* A GRANT that was taken apart; pointers lead into its bytes. */
struct grant_text {
	const uint8_t *bytes;
	uint8_t len;
};
struct grant_parts {
	struct grant_name name;
	uint64_t expiry_wall_ns;
	struct grant_text master, slaves[KMS_GRANT_SLAVES];
	unsigned int slave_count;
	const uint8_t *ids;
	size_t count;
};

/* The GRANT, for free(), of *LEN bytes; NULL with -EINVAL, -EMSGSIZE or -ENOMEM in *RC. */
uint8_t *grant_encode(const struct kms_grant *grant, struct grant_name name, size_t *len, int *rc);

/* 0, or -EPROTO. LEN is that of a message. */
int grant_decode(const uint8_t *msg, size_t len, struct grant_parts *out);

void grant_ack_encode(struct grant_name name, enum grant_verdict verdict,
                      uint8_t out[GRANT_ACK_BYTES]);
int grant_ack_decode(const uint8_t *msg, size_t len, struct grant_name *name,
                     enum grant_verdict *verdict);
void grant_withdraw_encode(struct grant_name name, uint8_t out[GRANT_WITHDRAW_BYTES]);
int grant_withdraw_decode(const uint8_t *msg, size_t len, struct grant_name *name);

#endif
