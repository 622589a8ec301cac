/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_id.h"

#include <string.h>

#include <jansson.h>

const char *kms_sae_id_fault(const char *id, size_t n)
{
	json_t *text;

	if (n == 0)
		return "is empty";
	if (n > KMS_SAE_ID)
		return "is longer than 255 bytes";
	for (size_t i = 0; i < n; i++)
		/* C0, DEL, and C1 in UTF-8, which moves some terminals too */
		if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f ||
		    (id[i] == '\xc2' && i + 1 < n && ((unsigned char)id[i + 1] & 0xe0) == 0x80))
			return "has a control character";
	text = json_stringn(id, n); /* takes UTF-8 alone */
	if (text == NULL)
		return "is not UTF-8";
	json_decref(text);
	return NULL;
}

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
