/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/link_record.h"

#include <errno.h>
#include <string.h>

#include "common/random.h"
#include "common/secret.h"

#define AAD       KMS_LINK_RECORD
#define PLAIN_MAX (KMS_LINK_RECORD_MAX - GCM_IV_BYTES - GCM_TAG_BYTES)

int kms_link_record_write(const struct seal *seal, const struct handover_message *hello,
                          uint8_t out[KMS_LINK_RECORD_MAX])
{
	uint8_t *plain;
	int n = -EINVAL;

	if (hello->type != HANDOVER_HELLO)
		return n;
	plain = secret_alloc(PLAIN_MAX);
	if (plain == NULL)
		return -ENOMEM;
	n = handover_encode(hello, plain, PLAIN_MAX);
	if (n > 0) {
		random_bytes(out, GCM_IV_BYTES);
		seal_close(seal, out, AAD, strlen(AAD), plain, (size_t)n, out + GCM_IV_BYTES);
		n += GCM_IV_BYTES + GCM_TAG_BYTES;
	}
	secret_free(plain);
	return n;
}

int kms_link_record_read(const struct seal *seal, const void *data, size_t n,
                         struct handover_message *hello)
{
	const uint8_t *in = data;
	uint8_t *plain;
	size_t len;
	int rc;

	secret_wipe(hello, sizeof(*hello));
	if (n < GCM_IV_BYTES + GCM_TAG_BYTES || n > KMS_LINK_RECORD_MAX)
		return -EBADMSG;
	len = n - GCM_IV_BYTES - GCM_TAG_BYTES;
	plain = secret_alloc(PLAIN_MAX);
	if (plain == NULL)
		return -ENOMEM;
	rc = seal_open(seal, in, AAD, strlen(AAD), in + GCM_IV_BYTES, len, plain);
	if (rc == 0)
		rc = handover_decode(plain, len, true, hello);
	if (rc == 0 && hello->type != HANDOVER_HELLO) {
		secret_wipe(hello, sizeof(*hello));
		rc = -EPROTO;
	}
	secret_free(plain);
	return rc;
}
