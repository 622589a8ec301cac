/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An SAE that asks again and again for keys of others is shut out for a while. The pair tag of a
 * key identifier has 32 bits: with 5 requests of 128 keys a minute, one guess in some 13 years
 * hits.
 */

#ifndef CONTROL_KMS_LOCKOUT_H
#define CONTROL_KMS_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/kms/fault.h"

struct lockout {
	unsigned int failures_max; /* the one that reaches it locks */
	uint64_t window_ns;        /* failures further apart are forgotten */
	uint64_t lock_ns;
	unsigned int failures;
	uint64_t last_ns; /* failure */
	uint64_t until_ns;
};

/* 0, or -401 with F and its retry_after_s set while it lasts: before anything else is looked at. */
int lockout_check(const struct lockout *l, uint64_t now_ns, struct http_fault *f);

/* A 401 was given. True when this one locks: the caller raises the alarm. */
bool lockout_failure(struct lockout *l, uint64_t now_ns);

#endif
