/* SPDX-License-Identifier: BSD-3-Clause */

/* All AES-GCM code that can run here: the system's library and, where there is one, a newer. */

#ifndef TESTS_GCM_LIBRARIES_H
#define TESTS_GCM_LIBRARIES_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/gcm.h"
#include "tests/unit/unit.h"

#define PROVIDERS_MAX 16

/* Path of the newer library that scripts/setup brings, or NULL. */
static inline const char *newer_library(void)
{
	const char *dir = getenv("LUMENGATE_IPSEC_MB");
	static char path[512];

	snprintf(path, sizeof(path), "%s/libIPSec_MB.so.2", dir != NULL ? dir : "build-ipsec-mb");
	return access(path, R_OK) == 0 ? path : NULL;
}

static inline unsigned int providers(struct gcm_provider *out)
{
	struct err err = {0};
	unsigned int n = gcm_provider_list(NULL, out, PROVIDERS_MAX, &err), more = 1;

	if (newer_library() != NULL) {
		more = gcm_provider_list(newer_library(), out + n, PROVIDERS_MAX - n, &err);
		n += more;
	}
	if (n == 0 || more == 0) {
		puts(err.text);
		CU_FAIL_FATAL("no provider");
	}
	return n;
}

#endif
