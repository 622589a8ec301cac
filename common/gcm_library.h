/* SPDX-License-Identifier: BSD-3-Clause */

/* What an IPsec-MB library offers and which of it this CPU runs; private to gcm*.c. */

#ifndef COMMON_GCM_LIBRARY_H
#define COMMON_GCM_LIBRARY_H

#include <stdbool.h>

#include "common/gcm.h"

struct gcm_library {
	void *handle;
	char name[64]; /* "libIPSec_MB.so.1 1.3.0" */
	/* Its manager is laid out as in the header that we are built with. */
	bool same_layout;
};

/* One body of code in the library. */
struct gcm_code {
	const char *name;   /* ours, as in the configuration */
	const char *suffix; /* the library's: aes_gcm_enc_256_SUFFIX */
	bool (*runs)(void); /* on this CPU, and the system saves the registers */
	const char *needs;  /* the same for people */
};

/* The best first; the last has no name. */
extern const struct gcm_code gcm_codes[];

/* LIBRARY is a path, or NULL for the system's. -ENOENT: it is not there, or not IPsec-MB. */
int gcm_library_open(const char *path, struct gcm_library *lib, struct err *err);

/*
 * Fill P with the exported functions of CODE; false when one is not exported. It is the
 * caller's to ask whether they run here.
 */
bool gcm_library_bind(const struct gcm_library *lib, const struct gcm_code *code,
                      struct gcm_provider *p);

/* Fill P with the library's own choice for this CPU. */
bool gcm_library_dispatched(const struct gcm_library *lib, struct gcm_provider *p);

#endif
