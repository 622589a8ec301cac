/* SPDX-License-Identifier: BSD-3-Clause */

/* What clients are called by their certificates or pre-shared keys: 1 to 255 bytes of UTF-8. */

#ifndef CONTROL_HTTP_IDENTITY_H
#define CONTROL_HTTP_IDENTITY_H

#include <stddef.h>

#define HTTP_IDENTITY 255

/*
 * NULL when N bytes at ID are such a name, else what is wrong with them. Control characters are
 * refused: a null would end the name early, a line feed would forge a line of the log.
 */
const char *http_identity_fault(const char *id, size_t n);

#endif
