/* SPDX-License-Identifier: BSD-3-Clause */

/* The messages about blocks: whatever is accepted must be what encoding it again gives back. */

#include <stdlib.h>
#include <string.h>

#include "qkd-engine/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;

	if (message_decode(data, size, &m) == 0) {
		uint8_t *out = malloc(size);
		int n = out != NULL ? message_encode(&m, out, size) : 0;

		if (out != NULL && (n != (int)size || memcmp(out, data, size) != 0))
			abort();
		free(out);
	}
	return 0;
}
