/* SPDX-License-Identifier: BSD-3-Clause */

/* OTDR files: what is read is written, and reads as the same again. */

#include <stdlib.h>
#include <string.h>

#include "drivers/sor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sor *s)
{
	struct err err;
	struct sor back;
	uint8_t *file, *again;
	size_t n, m;

	if (sor_write(s, &file, &n, &err) < 0)
		abort();
	if (sor_read(file, n, &back, &err) < 0 || back.checksum != SOR_CHECKSUM_GOOD)
		abort();
	if (sor_write(&back, &again, &m, &err) < 0 || m != n || memcmp(file, again, n) != 0)
		abort();
	sor_free(&back);
	free(file);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct sor s;

	if (sor_read(data, size, &s, &err) == 0) {
		check(&s);
		sor_free(&s);
	} else if (s.points != NULL || s.events != NULL || err.text[0] == '\0') {
		abort();
	}
	return 0;
}
