/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The optical card's contract in machine-readable form: registers of BAR0, rings, records.
 * docs/optical-card.md says what they mean; driver and device model both build from here.
 *
 * All values are little-endian. A 64-bit counter is two registers: reading LO latches HI.
 * An absent or lost card reads as all ones.
 */

#ifndef DRIVERS_CARD_REGS_H
#define DRIVERS_CARD_REGS_H

#include <stdint.h>

#define CARD_BAR0_BYTES 65536

/* Identity */
#define CARD_MAGIC       0x000 /* RO */
#define CARD_ABI         0x004 /* RO: major << 24 | minor << 16 | patch */
#define CARD_FEATURES_LO 0x008 /* RO */
#define CARD_FEATURES_HI 0x00c
#define CARD_ROLE        0x010 /* RO: bits 7:0 role, 15:8 detector channels */
#define CARD_BUILD       0x014 /* RO: build hash */
#define CARD_FLAVOUR     0x018 /* RO: bit 0 simulated */
#define CARD_NEXT_BLOCK  0x01c /* RO: offset of the first {type, version, next} block, or 0 */

#define CARD_MAGIC_VALUE       0x45464f51 /* "QOFE" */
#define CARD_ABI_MAJOR         1
#define CARD_ABI_MINOR         0
#define CARD_ROLE_ALICE        1
#define CARD_ROLE_BOB          2
#define CARD_FLAVOUR_SIMULATED 0x1

#define CARD_FEATURE_SYNC_PATTERN (1u << 0) /* TX_MODE_SYNC */
#define CARD_FEATURE_QRNG         (1u << 1) /* ring QRNG */
#define CARD_FEATURE_TELEMETRY    (1u << 2) /* ring TELEMETRY */

/* Control */
#define CARD_CTRL       0x020 /* RW */
#define CARD_STATUS     0x024 /* RO */
#define CARD_FAULT_CODE 0x028 /* RO: the first fault, latched until reset */
#define CARD_FAULT_ARG  0x02c
#define CARD_IRQ_CAUSE  0x030 /* RW1C */
#define CARD_IRQ_MASK   0x034 /* RW: 1 lets the cause through */
/* RW: bits 15:0, microseconds until a part-filled buffer completes */
#define CARD_MODERATION 0x038
/* RW: milliseconds; any write restarts it. It runs while ARMED; ARM with 0 is FAULT_CONFIG. */
#define CARD_WATCHDOG 0x03c

#define CARD_CTRL_ENABLE   (1u << 0) /* rings and counters run */
#define CARD_CTRL_ARM      (1u << 1) /* light (Alice) or gates (Bob) on; needs ENABLE, watchdog */
#define CARD_CTRL_SAFE_OFF (1u << 2) /* write 1: dark at once, clears ARM */
#define CARD_CTRL_RESET    (1u << 3) /* write 1: function reset; reads 1 until done */

#define CARD_STATUS_READY       (1u << 0)
#define CARD_STATUS_ARMED       (1u << 1)
#define CARD_STATUS_FAULT       (1u << 2)
#define CARD_STATUS_NEEDS_RESET (1u << 3)

#define CARD_FAULT_NONE     0x00
#define CARD_FAULT_WATCHDOG 0x10 /* the host stopped writing; light went off */
#define CARD_FAULT_CONFIG   0x20 /* argument: offset of the register */
#define CARD_FAULT_DMA      0x21 /* address outside what the host mapped; argument: ring */
#define CARD_FAULT_INTERNAL 0x30
#define CARD_FAULT_QRNG     0x40

#define CARD_IRQ_RING(q)  (1u << (q))
#define CARD_IRQ_FAULT    (1u << 16)
#define CARD_IRQ_WATCHDOG (1u << 17)

/* Time: the card's own slot counter, which nothing but function reset sets back */
#define CARD_TIME_SLOT_LO 0x100 /* RO: 48 bits */
#define CARD_TIME_SLOT_HI 0x104
#define CARD_TIME_SLOT_FS 0x108 /* RO: nominal slot period, femtoseconds */
#define CARD_TIME_LOCK    0x10c /* RO: bit 0 reference locked */

/* Transmitter: shadow registers, taken over together on APPLY */
#define CARD_TX_APPLY        0x200 /* WO: write 1 */
#define CARD_TX_MODE         0x204 /* RW */
#define CARD_TX_MU1          0x208 /* RW: signal intensity, photons per pulse * 2^16 */
#define CARD_TX_MU2          0x20c /* RW: decoy intensity, likewise */
#define CARD_TX_P_MU1        0x210 /* RW: probability of mu1 * 2^16 */
#define CARD_TX_P_Z          0x214 /* RW: probability of basis Z * 2^16 */
#define CARD_TX_FROM_LO      0x218 /* RO: first slot in which the last APPLY holds, 48 bits */
#define CARD_TX_FROM_HI      0x21c
#define CARD_TX_RETENTION_LO 0x220 /* RO: slots for which choices are kept, >= 2 s */
#define CARD_TX_RETENTION_HI 0x224

#define CARD_TX_MODE_DARK 0 /* no pulses */
#define CARD_TX_MODE_QKD  1 /* random basis, bit and intensity from the card's QRNG */
#define CARD_TX_MODE_SYNC 2 /* mu1 in basis Z, bit 0, in the slots of the sync pattern */

/* Receiver */
#define CARD_RX_APPLY        0x300 /* WO */
#define CARD_RX_HOLDOFF_NS   0x304 /* RW: no detector fires for so long after any click */
#define CARD_RX_GATE_START   0x308 /* RW: 1/256 slot */
#define CARD_RX_GATE_WIDTH   0x30c /* RW: 1/256 slot, 256 = always open */
#define CARD_RX_COUNT_LO(ch) (0x340 + 8 * (ch)) /* RO: clicks of detector ch */
#define CARD_RX_COUNT_HI(ch) (0x344 + 8 * (ch))
#define CARD_RX_PHOTOCURRENT 0x380 /* RO: nA, mean of the last 100 ms */

/* QRNG */
#define CARD_QRNG_STATE   0x700 /* RO */
#define CARD_QRNG_CTRL    0x704 /* RW: bit 0 conditioned (else raw) */
#define CARD_QRNG_FAILS   0x708 /* RO: health-test failures since reset */
#define CARD_QRNG_STARTUP 0
#define CARD_QRNG_OK      1
#define CARD_QRNG_FAIL    2

/* Rings */
#define CARD_RING_TAGS      0 /* card to host, Bob: struct-less array of 8-byte tags */
#define CARD_RING_QUERIES   1 /* host to card, Alice: 8-byte slot numbers */
#define CARD_RING_CHOICES   2 /* card to host, Alice: 4-byte replies, one buffer a query buffer */
#define CARD_RING_QRNG      3 /* card to host: random bytes */
#define CARD_RING_OTDR      4
#define CARD_RING_TELEMETRY 5 /* card to host: struct card_telemetry */
#define CARD_RING_COUNT     8

#define CARD_RING(q)         (0x1000 + 0x40 * (q))
#define CARD_RING_BASE_LO    0x00 /* RW: bus address of the descriptor array */
#define CARD_RING_BASE_HI    0x04
#define CARD_RING_LOG2_SIZE  0x08 /* RW: descriptors, 2^1 to 2^15 */
#define CARD_RING_TAIL       0x0c /* RW, doorbell: descriptors posted since start, mod 2^32 */
#define CARD_RING_HEAD       0x10 /* RO: descriptors completed since start, mod 2^32 */
#define CARD_RING_CTRL       0x14 /* RW: bit 0 run, bit 1 reset (reads 1 until quiet) */
#define CARD_RING_STATE      0x18 /* RO */
#define CARD_RING_DROPPED_LO 0x1c /* RO: records dropped because the ring was full */
#define CARD_RING_DROPPED_HI 0x20

#define CARD_RING_CTRL_RUN   (1u << 0)
#define CARD_RING_CTRL_RESET (1u << 1)
#define CARD_RING_IDLE       0
#define CARD_RING_RUNNING    1
#define CARD_RING_ERROR      2

/*
 * Descriptor. The host writes addr and len and moves TAIL past it; the card fills or reads
 * the buffer, then writes used, seq and first_slot, and flags last. The phase bit is 1 in
 * the first pass over the ring, 0 in the second, and so on: a descriptor is complete when
 * its phase differs from that of the pass before.
 */
struct card_desc {
	uint64_t addr;       /* host: bus address of the buffer */
	uint32_t len;        /* host: its bytes; 4096 or more for card to host */
	uint32_t used;       /* card: bytes written (or read) */
	uint64_t first_slot; /* card: slot of the first record; choices: the query's first slot */
	uint32_t seq;        /* card: completions since the ring started, from 0 */
	uint32_t flags;      /* card */
};
#define CARD_DESC_PHASE (1u << 0)
#define CARD_DESC_ERROR (1u << 1)

/* Tag, 8 bytes, slots strictly increasing: 47:0 slot, 55:48 sub-slot in 1/256, 59:56, 63:60 type */
#define CARD_TAG_SLOT(t)    ((uint64_t)(t)&0xffffffffffffULL)
#define CARD_TAG_SUB(t)     ((unsigned int)((t) >> 48 & 0xff))
#define CARD_TAG_CHANNEL(t) ((unsigned int)((t) >> 56 & 0xf))
#define CARD_TAG_TYPE(t)    ((unsigned int)((t) >> 60 & 0xf))
#define CARD_TAG(type, channel, sub, slot)                                                         \
	((uint64_t)(type) << 60 | (uint64_t)(channel) << 56 | (uint64_t)(sub) << 48 |              \
	 ((uint64_t)(slot)&0xffffffffffffULL))
#define CARD_TAG_CLICK  0 /* channel: the detector */
#define CARD_TAG_DOUBLE 1 /* channel: mask of the detectors that fired in the slot */
#define CARD_TAG_GAP    4 /* slot: first slot of which clicks may be missing; GAP_END follows */
#define CARD_TAG_GAP_END                                                                           \
	5 /* slot: last such slot; sub and channel: lost tags, 12 bits, saturated */

/* Detectors */
#define CARD_DETECTOR_Z0 0
#define CARD_DETECTOR_Z1 1
#define CARD_DETECTOR_X0 2
#define CARD_DETECTOR_X1 3

/* Choice reply, 4 bytes */
#define CARD_CHOICE_SLOT(c)      ((uint32_t)(c)&0xffffff) /* low 24 bits of the slot */
#define CARD_CHOICE_BASIS_X      (1u << 24)
#define CARD_CHOICE_BIT          (1u << 25)
#define CARD_CHOICE_INTENSITY(c) ((uint32_t)(c) >> 26 & 3) /* 0: mu1, 1: mu2, 3: vacuum */
#define CARD_CHOICE_VALID        (1u << 31) /* 0: too old, in the future, or not in QKD mode */

/* 10 a second */
struct card_telemetry {
	uint64_t slot;
	int32_t temperature_mc; /* board, millidegrees Celsius */
	int32_t laser_mc;       /* laser, likewise */
	uint32_t laser_bias_ua;
	uint32_t tx_power_nw;        /* monitor photodiode before the attenuator */
	uint32_t photocurrent_na;    /* detectors' mean */
	uint32_t back_reflection_pw; /* monitor against injected light */
	uint32_t qrng_fails;
	uint32_t reserved[6];
	uint32_t check; /* sum of the words before, mod 2^32 */
};

/*
 * Transport over shared memory (one file a card): BAR0, then host memory of the driver's
 * choosing whose bus addresses count from 0 at its start. The card creates the file complete
 * (identity registers filled in) under another name and renames it into place; it never
 * shrinks it; a card that starts anew makes a new file.
 *
 * Every write but TAIL goes through a mailbox, so that each is seen once and in order: the
 * driver waits until MBOX_DONE equals MBOX_SEQ, stores MBOX_OFFSET and MBOX_VALUE, then
 * (release) MBOX_SEQ + 1. The card acts, updates the registers that change by it (the written
 * one included: memory is what a read sees), then (release) sets MBOX_DONE to MBOX_SEQ. What
 * follows at once from a write (TX_FROM after APPLY) is there when MBOX_DONE says so; RESET
 * and ARM may take longer. TAIL is stored in place (release): the last value counts.
 *
 * The card changes pairs of 64-bit counters only while CARD_SHM_LATCH is odd. It takes a turn
 * at least every 10 ms; a driver that sees ALIVE stand still for 1 s holds the card for lost.
 */
#define CARD_SHM_MBOX_OFFSET 0xff00
#define CARD_SHM_MBOX_VALUE  0xff04
#define CARD_SHM_MBOX_SEQ    0xff08
#define CARD_SHM_MBOX_DONE   0xff0c
#define CARD_SHM_LATCH       0xff10      /* even: stable; odd: the card is updating counter pairs */
#define CARD_SHM_ALIVE       0xff14      /* the card adds 1 in each of its turns */
#define CARD_SHM_DMA_BYTES   (32u << 20) /* host memory after BAR0 */

#endif
