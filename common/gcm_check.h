/* SPDX-License-Identifier: BSD-3-Clause */

/* Tests at start of code that is taken from a library; private to gcm*.c. */

#ifndef COMMON_GCM_CHECK_H
#define COMMON_GCM_CHECK_H

#include <stdbool.h>

#include "common/gcm.h"

/* A published answer: whole, in pieces, and back. */
bool gcm_check_known_answer(const struct gcm_provider *p);

/*
 * The same ciphertexts, tags and hashes as REFERENCE over many lengths, whole, in pieces, in
 * place and out of place, sealed and opened; each with a schedule of its own.
 */
bool gcm_check_agrees(const struct gcm_provider *p, const struct gcm_provider *reference);

/*
 * Bytes that P's schedules take, rounded up to 64; 0 when they exceed GCM_KEY_BYTES. Found by
 * what key_expand() and ghash_key() write.
 */
size_t gcm_check_key_bytes(const struct gcm_provider *p);

#endif
