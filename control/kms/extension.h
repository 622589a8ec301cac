/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Extensions of a key request (ETSI GS QKD 014 section 6.2): what an SAE asks of keys beyond number
 * and size. Those that there are carry the vendor's prefix:
 *
 *     lumengate_simulated   false: from real light alone; true: from the device model alone
 *     lumengate_route_type  "direct": of one QKD link; "relayed": over trusted nodes
 */

#ifndef CONTROL_KMS_EXTENSION_H
#define CONTROL_KMS_EXTENSION_H

#include <stdbool.h>

#include <jansson.h>

#include "control/kms/fault.h"

/* What the keys at hand are. */
struct kms_offer {
	bool simulated; /* the optical card is the device model */
	bool relayed;
};

/* extension_mandatory; NULL passes. -400 with F set when one is not supported or cannot be met. */
int kms_extension_mandatory(const json_t *list, const struct kms_offer *offer,
                            struct http_fault *f);

/* Must the keys be real, or simulated, by LIST that kms_extension_mandatory() took? */
void kms_extension_kind(const json_t *list, bool *real, bool *simulated);

/*
 * extension_optional; NULL passes. What is not met goes unheeded, or with STRICT is refused by -400
 * with F set: the standard allows either.
 */
int kms_extension_optional(const json_t *list, const struct kms_offer *offer, bool strict,
                           struct http_fault *f);

#endif
