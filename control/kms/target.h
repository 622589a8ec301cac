/* SPDX-License-Identifier: BSD-3-Clause */

/* Method and target of a request: which call of ETSI GS QKD 014 section 5 it is, and for whom. */

#ifndef CONTROL_KMS_TARGET_H
#define CONTROL_KMS_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "control/kms/fault.h"
#include "control/kms/sae_id.h"

enum kms_call { KMS_STATUS, KMS_ENC_KEYS, KMS_DEC_KEYS };

struct kms_target {
	enum kms_call call;
	bool post;
	char sae[KMS_SAE_ID + 1]; /* the other SAE: slave for status and enc_keys, else master */
	const char *query;        /* behind the '?', in the caller's text; QUERY_LEN 0: none */
	size_t query_len;
};

/*
 * N bytes of TARGET as they stand in the request line, percent-encoded. 0, or -STATUS with F set:
 * 404 for a path that there is not, 405 for a method that it has not, 400 for an SAE ID that is
 * none.
 */
int kms_target_parse(const char *method, const char *target, size_t n, struct kms_target *out,
                     struct http_fault *f);

#endif
