/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Key bytes come to the client of a KME through libcurl, OpenSSL and jansson: all that these
 * allocate is secret memory, which is locked, left out of core dumps and wiped on release.
 */

#ifndef CONTROL_KME_MEMORY_H
#define CONTROL_KME_MEMORY_H

#include "common/err.h"

/*
 * Once, before any of the three libraries was used and with nothing of jansson's left to free. From
 * then on the process leaves no core dump, and secret_fini() must not be called.
 */
int kme_memory_init(struct err *err);

#endif
