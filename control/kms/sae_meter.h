/* SPDX-License-Identifier: BSD-3-Clause */

/* What one SAE may take: requests and key bits a second, and a quota of bits a period. */

#ifndef CONTROL_KMS_SAE_METER_H
#define CONTROL_KMS_SAE_METER_H

#include <stdint.h>

#include "control/kms/fault.h"
#include "control/kms/rate.h"

/* 0: no limit. A burst is at least 1 where its rate is not 0; a period at most 10^9 s. */
struct sae_allowance {
	uint64_t requests_per_s, requests_burst;
	uint64_t bits_per_s, bits_burst;
	uint64_t quota_bits, quota_period_s;
};

struct sae_meter {
	struct sae_allowance allowance;
	struct rate requests, bits;
	uint64_t period_start_ns;
	uint64_t period_bits; /* taken in this period */
};

/* Full buckets, and the first period from NOW on. */
void sae_meter_init(struct sae_meter *m, const struct sae_allowance *allowance, uint64_t now_ns);

/*
 * One request of any kind, refused ones too: 0, or -503 with F and its retry_after_s set. What is
 * refused here costs nothing, so a client that waits as told gets through.
 */
int sae_meter_request(struct sae_meter *m, uint64_t now_ns, struct http_fault *f);

/*
 * BITS of key for enc_keys, all or none: 0; -503 with F and retry_after_s set when they are too
 * many for now; -400 with F set when they are more than may ever be asked for at once.
 */
int sae_meter_bits(struct sae_meter *m, uint64_t now_ns, uint64_t bits, struct http_fault *f);

/* What sae_meter_bits() charged at the same NOW was not given after all. */
void sae_meter_give_back(struct sae_meter *m, uint64_t bits);

#endif
