/* SPDX-License-Identifier: BSD-3-Clause */

/* enc_keys: how many keys of what size, and for whom else (ETSI GS QKD 014 sections 5.2, 6.2). */

#ifndef CONTROL_KMS_KEY_REQUEST_H
#define CONTROL_KMS_KEY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/kms/extension.h"
#include "control/kms/fault.h"
#include "control/kms/sae_id.h"
#include "control/kms/target.h"

/* As status shows them. Sizes in bits, multiples of 8. */
struct kms_limits {
	uint32_t key_size; /* default */
	uint32_t min_key_size, max_key_size;
	uint32_t max_key_per_request;
	uint32_t max_sae_id_count; /* additional slaves, 0: none */
	bool optional_strict;      /* refuse extension_optional that is not met */
};

struct kms_key_request {
	uint32_t number;
	uint32_t size;        /* bits */
	bool real, simulated; /* extension: such keys alone; neither: any */
	uint32_t slaves;
	char (*slave)[KMS_SAE_ID + 1]; /* additional ones, NULL: none */
};

/*
 * The request of T, by GET with a query or by POST with N bytes of BODY, which may be empty. 0, or
 * -STATUS with F set and nothing in OUT to free.
 */
int kms_key_request_read(const struct kms_target *t, const char *body, size_t n,
                         const struct kms_limits *limits, const struct kms_offer *offer,
                         struct kms_key_request *out, struct http_fault *f);

void kms_key_request_free(struct kms_key_request *r);

#endif
