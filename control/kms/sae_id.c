/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_id.h"

#include <string.h>

const char *kms_sae_id_short(const char *id, char out[KMS_SAE_SHORT])
{
	size_t n = strnlen(id, KMS_SAE_SHORT);

	if (n == KMS_SAE_SHORT) {
		n = KMS_SAE_SHORT - 4;
		while (n > 0 && ((unsigned char)id[n] & 0xc0) == 0x80) /* within a character */
			n--;
		memcpy(out, id, n);
		memcpy(out + n, "...", 4);
	} else {
		memcpy(out, id, n + 1);
	}
	return out;
}
