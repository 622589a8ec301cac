/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cisco SKIP (draft-cisco-skip-02): what an encryptor asks of its key provider, and in what form it
 * is answered. All by GET:
 *
 *     /capabilities
 *     /key?remoteSystemID=ID[&size=BITS]     a new key
 *     /key/KEYID?remoteSystemID=ID           the same at the other provider
 *     /entropy[?minentropy=BITS]             random bits of the kernel
 *
 * A keyId is one of our identifiers (key_uuid.h) as 32 hexadecimal digits.
 */

#ifndef CONTROL_KMS_SKIP_H
#define CONTROL_KMS_SKIP_H

#include <stddef.h>
#include <stdint.h>

#include "control/kms/fault.h"
#include "control/kms/key_request.h"
#include "control/kms/key_uuid.h"

#define KMS_SKIP_BITS         256 /* of a key and of entropy that come without a size */
#define KMS_SKIP_ENTROPY_BITS 4096
#define KMS_SKIP_ID           (2 * KEY_UUID_BYTES) /* digits */

enum kms_skip_call {
	KMS_SKIP_NONE, /* no path of SKIP */
	KMS_SKIP_CAPABILITIES,
	KMS_SKIP_KEY,
	KMS_SKIP_KEY_BY_ID,
	KMS_SKIP_ENTROPY,
};

struct kms_skip_target {
	enum kms_skip_call call;
	char remote[KMS_SAE_ID + 1]; /* remoteSystemID */
	uint32_t bits;               /* size or minentropy */
	uint8_t uuid[KEY_UUID_BYTES];
};

/*
 * N bytes of TARGET. 0, also with KMS_SKIP_NONE, or -STATUS with F set: 405 for other methods than
 * GET, 400 for a parameter that is missing, given twice or out of range, or a malformed keyId.
 */
int kms_skip_parse(const char *method, const char *target, size_t n,
                   const struct kms_limits *limits, struct kms_skip_target *out,
                   struct http_fault *f);

/* In place of an SAE in pair tags: a whole KME, by a mark that no SAE ID can have. */
void kms_skip_system(const char *kme, char out[KMS_SAE_ID + 1]);

/* For free(), NULL without memory. REMOTE: what remoteSystemID may be, globs. */
char *kms_skip_capabilities(const char *local, const char *const *remote, size_t count);

/* For secret_free(), NULL without secret memory: keys are made of these bits. */
char *kms_skip_entropy(uint32_t bits);

/* The answer with a key: bytes with the null, and the text into OUT, secret memory. */
size_t kms_skip_key_bytes(uint32_t key_bytes);
size_t kms_skip_key_write(char *out, const uint8_t uuid[KEY_UUID_BYTES], const uint8_t *key,
                          uint32_t key_bytes);

#endif
