/* SPDX-License-Identifier: BSD-3-Clause */

/* Base64 with padding (RFC 4648 section 4), without look-up tables: the data may be keys. */

#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* OUT holds 4 * ((N + 2) / 3) + 1 bytes. */
void base64_encode(const uint8_t *data, size_t n, char *out);

/* OUT holds 3 * (LEN / 4) bytes. The number of bytes, or -1 when TEXT is not base64. */
ssize_t base64_decode(const char *text, size_t len, uint8_t *out);

#endif
