/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A segment's key in memory, by the chunks that are sealed on the disk, too: one of which all is
 * gone takes no room, whatever is left of the others.
 */

#include "control/kms/store_state.h"

#include <errno.h>
#include <string.h>

#include "common/secret.h"

int bytes_alloc(struct segment *seg, uint32_t c)
{
	seg->chunk[c] = secret_alloc((size_t)chunk_units(seg, c) * KEY_UUID_UNIT);
	if (seg->chunk[c] == NULL)
		return -ENOMEM;
	seg->held += chunk_units(seg, c);
	return 0;
}

int bytes_set(struct segment *seg, const uint8_t *in)
{
	for (uint32_t c = 0; c < segment_words(seg->units); c++) {
		if (bytes_alloc(seg, c) < 0)
			return -ENOMEM;
		memcpy(seg->chunk[c], in + (size_t)c * CHUNK_BYTES,
		       (size_t)chunk_units(seg, c) * KEY_UUID_UNIT);
	}
	return 0;
}

void bytes_copy(const struct segment *seg, uint32_t from, uint32_t len, uint8_t *out)
{
	uint32_t at = from * KEY_UUID_UNIT;

	while (len > 0) {
		uint32_t in = at % CHUNK_BYTES, n = CHUNK_BYTES - in < len ? CHUNK_BYTES - in : len;

		memcpy(out, seg->chunk[at / CHUNK_BYTES] + in, n);
		out += n;
		at += n;
		len -= n;
	}
}

void bytes_wipe(struct segment *seg, uint32_t from, uint32_t units)
{
	while (units > 0) {
		uint32_t in = from % CHUNK_UNITS;
		uint32_t n = CHUNK_UNITS - in < units ? CHUNK_UNITS - in : units;
		uint8_t *chunk = seg->chunk[from / CHUNK_UNITS];

		if (chunk != NULL)
			secret_wipe(chunk + (size_t)in * KEY_UUID_UNIT, (size_t)n * KEY_UUID_UNIT);
		from += n;
		units -= n;
	}
}

uint32_t bytes_free(struct segment *seg, uint32_t c)
{
	if (seg->chunk[c] == NULL)
		return 0;
	secret_free(seg->chunk[c]);
	seg->chunk[c] = NULL;
	return chunk_units(seg, c);
}
