/* SPDX-License-Identifier: BSD-3-Clause */

/* HKDF-SHA-256 (RFC 5869) through OpenSSL's EVP, and SHA-256 of a buffer. */

#ifndef COMMON_HKDF_H
#define COMMON_HKDF_H

#include <stddef.h>
#include <stdint.h>

/*
 * Extract and expand: OUT gets OUT_LEN bytes (at most 255 * 32).
 * Returns 0, or -EINVAL when OpenSSL refuses the arguments; OUT is zero then.
 */
int hkdf_sha256(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
                const void *info, size_t info_len, void *out, size_t out_len);

/* SHA-256 (FIPS 180-4). */
void sha256(const void *data, size_t len, uint8_t digest[32]);

#endif
