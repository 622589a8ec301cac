/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Key at rest: AES-256-GCM (NIST SP 800-38D) under a key of its own for each block, which HKDF
 * derives of the storage key, a fresh salt and a label that names the file's kind. A nonce must not
 * come twice under one salt.
 */

#ifndef COMMON_SEAL_H
#define COMMON_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/gcm.h"

#define SEAL_KEY_BYTES 32

struct seal;

/* In secret memory; NULL when there is no room. gcm_provider_init() comes before. */
struct seal *seal_new(const uint8_t storage_key[SEAL_KEY_BYTES], const void *salt, size_t salt_len,
                      const char *label);
void seal_free(struct seal *s);

/* N bytes of IN and their tag into OUT, N + GCM_TAG_BYTES. */
void seal_close(const struct seal *s, const uint8_t nonce[GCM_IV_BYTES], const void *aad,
                size_t aad_len, const uint8_t *in, size_t n, uint8_t *out);

/* N bytes out of N + GCM_TAG_BYTES; -EBADMSG: not what was sealed, and OUT is zero. */
int seal_open(const struct seal *s, const uint8_t nonce[GCM_IV_BYTES], const void *aad,
              size_t aad_len, const uint8_t *in, size_t n, uint8_t *out);

#endif
