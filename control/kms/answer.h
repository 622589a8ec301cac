/* SPDX-License-Identifier: BSD-3-Clause */

/* What a request that succeeds is answered with (ETSI GS QKD 014 sections 6.1 and 6.3). */

#ifndef CONTROL_KMS_ANSWER_H
#define CONTROL_KMS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/kms/key_request.h"
#include "control/kms/key_uuid.h"

struct kms_status {
	const char *source_kme, *target_kme, *master_sae, *slave_sae;
	uint64_t stored_key_count, max_key_count; /* keys of the default size */
	const struct kms_limits *limits;
	const struct kms_offer *offer;
	const char *link_state; /* of the QKD link */
	const char *protocol;   /* by which it makes key */
};

/*
 * The Status object in UTF-8, for free(); NULL without memory or when a name is no UTF-8. Its
 * status_extension says by lumengate_simulated, _link_state and _protocol where the keys come from.
 */
char *kms_status_body(const struct kms_status *s);

/* One key in a container. */
struct kms_container_key {
	const uint8_t *uuid; /* KEY_UUID_BYTES */
	const uint8_t *key;
	uint32_t bytes;
};

/* Bytes of a Key container with NUMBER keys of KEY_BYTES each, the null behind it included. */
size_t kms_container_bytes(uint32_t number, uint32_t key_bytes);

/*
 * The Key container into OUT, secret memory of kms_container_bytes(); KEYS are one behind the
 * other. Written without the JSON library: its memory is not wiped, and base64 and UUIDs need no
 * escapes. The length without the null.
 */
size_t kms_container_write(char *out, const uint8_t (*uuid)[KEY_UUID_BYTES], const uint8_t *keys,
                           uint32_t number, uint32_t key_bytes);

/* The same for keys of any sizes: bytes with the null, and the text. */
size_t kms_container_room(const struct kms_container_key *key, uint32_t number);
size_t kms_container_put(char *out, const struct kms_container_key *key, uint32_t number);

#endif
