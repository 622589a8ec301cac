/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Layer-2 pseudowires: frames of the LAN port, or of a set of its VLANs, carried whole through a
 * tunnel as Ethernet over GRE (RFC 2784, transparent Ethernet bridging, with the key of RFC
 * 2890 to tell the wires of a tunnel apart) directly in ESP, next header 47.
 *
 *     flags 0x2000 | protocol 0x6558 | key, 4 bytes | frame from its destination address on
 */

#ifndef DATAPLANE_WIRE_H
#define DATAPLANE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"
#include "config/config.h"

#define WIRE_HEADER    8
#define WIRE_GRE_FLAGS 0x2000 /* the key is there, nothing else is */
#define WIRE_GRE_TEB   0x6558
#define WIRE_FRAME_MIN 14

/* Slots of the map: VLAN identifiers; 0 for frames without a tag or with a priority alone. */
#define WIRE_VLANS 4096

struct wire {
	char name[32];
	uint16_t tunnel; /* its index in the SAD */
	uint32_t key;
	bool lldp, lacp, cfm; /* carried too, not the port's own business */
};

/* control: wo before start, forwarding: ro */
struct wire_table {
	unsigned int count;
	struct wire wire[CONFIG_WIRES_MAX];
	uint8_t of_vlan[WIRE_VLANS]; /* index + 1; 0: none */
};

/* The configuration has passed config_check(). */
void wire_table_init(struct wire_table *t, const struct config *config);

/* The wires that a whole port needs: any at all? */
static inline bool wire_table_used(const struct wire_table *t)
{
	return t->count > 0;
}

/* The outermost VLAN of FRAME (N bytes, at least WIRE_FRAME_MIN), 0 when there is none. */
static inline unsigned int wire_vlan(const uint8_t *frame, unsigned int n)
{
	uint16_t type = get_be16(frame + 12);

	if ((type != 0x8100 && type != 0x88a8) || n < 18)
		return 0;
	return get_be16(frame + 14) & 0xfff;
}

/* The wire that carries FRAME; NULL: none, it is an ordinary frame of the port. */
const struct wire *wire_of_frame(const struct wire_table *t, const uint8_t *frame, unsigned int n);

/* Write the header of W, WIRE_HEADER bytes. */
void wire_put_header(uint8_t *h, const struct wire *w);

/*
 * The wire of TUNNEL that H (at least WIRE_HEADER + WIRE_FRAME_MIN bytes) and the frame behind
 * it belong to; NULL: no such key, a wrong header, or a VLAN that is not the wire's, which the
 * peer must not reach by it.
 */
const struct wire *wire_of_packet(const struct wire_table *t, uint16_t tunnel, const uint8_t *h,
                                  unsigned int n);

/* Is H, N bytes, a header that wire_put_header() makes? */
static inline bool wire_is_header(const uint8_t *h, unsigned int n)
{
	return n >= WIRE_HEADER && get_be16(h) == WIRE_GRE_FLAGS && get_be16(h + 2) == WIRE_GRE_TEB;
}

#endif
