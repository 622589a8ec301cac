/* SPDX-License-Identifier: BSD-3-Clause */

/* What the operator says of an SAE, and the same as JSON. */

#ifndef CONTROL_KMS_SAE_CONFIG_H
#define CONTROL_KMS_SAE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/err.h"
#include "control/kms/sae_id.h"
#include "control/kms/sae_meter.h"

#define KMS_PRIORITY_MAX 7

struct kms_sae_config {
	char id[KMS_SAE_ID + 1];
	char identity[KMS_SAE_ID + 1]; /* in its certificate; of local ones alone, "" for others */
	bool local;                    /* it comes to this KME; else to the peer's */
	bool enabled;
	bool skip;         /* it may speak Cisco SKIP */
	uint8_t priority;  /* 0 to KMS_PRIORITY_MAX; the higher the longer it gets key when it is
	                      short */
	uint32_t weight;   /* of what arrives, 1 to KEY_SHARE_WEIGHT */
	uint64_t cap_bits; /* of its own credit */
	struct sae_allowance allowance;
};

/* Local, enabled, of the highest priority, weight 1, 1024 AES-256 keys of credit, no limits. */
void kms_sae_config_init(struct kms_sae_config *c);

/*
 * Sets those members of C that object O has; without an identity, a local SAE has its ID there.
 * -EINVAL names the member and what is wrong with it, or with what C would be; C is as it was then.
 */
int kms_sae_config_read(struct kms_sae_config *c, const json_t *o, struct err *err);

/* The object, of all members; NULL without memory. */
json_t *kms_sae_config_json(const struct kms_sae_config *c);

#endif
