/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/identity.h"

#include <jansson.h>

const char *http_identity_fault(const char *id, size_t n)
{
	json_t *text;

	if (n == 0)
		return "is empty";
	if (n > HTTP_IDENTITY)
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
