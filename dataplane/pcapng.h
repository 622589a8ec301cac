/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the machine's byte order, as bytes:
 * one section, one Ethernet interface, timestamps in nanoseconds. No I/O.
 */

#ifndef DATAPLANE_PCAPNG_H
#define DATAPLANE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

struct pcapng_interface {
	const char *name, *description, *filter; /* "" or NULL: left out */
	uint32_t snap_length;                    /* bytes; 0: no limit */
};

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 }; /* epb_flags, bits 0 and 1 */

struct pcapng_packet {
	uint64_t time_ns;          /* since 1970 */
	uint32_t captured, length; /* bytes that are there, bytes of the frame without FCS */
	enum pcapng_direction direction;
};

/* Section header and interface description; the bytes written, 0 when SIZE is too small. */
size_t pcapng_begin(uint8_t *out, size_t size, const struct pcapng_interface *interface);

/* Enhanced packet block with DATA; the bytes written, 0 when SIZE is too small. */
size_t pcapng_packet(uint8_t *out, size_t size, const struct pcapng_packet *packet,
                     const void *data);
/* What it will take. */
size_t pcapng_packet_size(uint32_t captured);

#define PCAPNG_STATISTICS_SIZE 52
/* Interface statistics block: what the interface had seen and what was lost of it. */
size_t pcapng_statistics(uint8_t *out, size_t size, uint64_t time_ns, uint64_t received,
                         uint64_t dropped);

#endif
