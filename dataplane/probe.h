/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Probes of a tunnel: ESP dummies (next header 59, RFC 4303 section 2.6) with a text that the
 * other gateway answers in kind. They cross what packets cross, are authentic and in the replay
 * window as packets are, and whoever does not know them drops them as dummies.
 *
 *     0x10 'L' 'G' | version 1 | type 1 | 0, 3 bytes
 */

#ifndef DATAPLANE_PROBE_H
#define DATAPLANE_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PROBE_BYTES   8
#define PROBE_VERSION 1
#define PROBE_TYPE    4 /* offset */

enum probe_type { PROBE_REQUEST = 1, PROBE_ANSWER = 2 };

/* Its first half byte is that of no IP packet and of no pseudowire's header. */
static inline void probe_fill(uint8_t *p, enum probe_type type)
{
	static const uint8_t text[PROBE_BYTES] = {0x10, 'L', 'G', PROBE_VERSION};

	memcpy(p, text, PROBE_BYTES);
	p[PROBE_TYPE] = (uint8_t)type;
}

static inline bool probe_is(const uint8_t *p, uint32_t n)
{
	uint8_t text[PROBE_BYTES];

	if (n != PROBE_BYTES)
		return false;
	probe_fill(text, (enum probe_type)p[PROBE_TYPE]);
	return memcmp(p, text, PROBE_BYTES) == 0 &&
	       (p[PROBE_TYPE] == PROBE_REQUEST || p[PROBE_TYPE] == PROBE_ANSWER);
}

#endif
