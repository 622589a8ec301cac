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
#define CARD_ABI_MINOR         3
#define CARD_ROLE_ALICE        1
#define CARD_ROLE_BOB          2
#define CARD_FLAVOUR_SIMULATED 0x1

#define CARD_FEATURE_SYNC_PATTERN (1u << 0) /* TX_MODE_SYNC */
#define CARD_FEATURE_QRNG         (1u << 1) /* ring QRNG */
#define CARD_FEATURE_TELEMETRY    (1u << 2) /* ring TELEMETRY */
/* From version 1.1 on, each to be accepted in FEATURES_USED before the card does it */
#define CARD_FEATURE_SELF_TEST   (1u << 3)  /* SELFTEST; ARM needs one that passed */
#define CARD_FEATURE_MONITOR     (1u << 4)  /* ring MONITOR, RX states */
#define CARD_FEATURE_ANALOG      (1u << 5)  /* ANALOG settings within their limits */
#define CARD_FEATURE_PROTECTION  (1u << 6)  /* limits at which the card goes dark by itself */
#define CARD_FEATURE_OTDR        (1u << 7)  /* ring OTDR */
#define CARD_FEATURE_OCM         (1u << 8)  /* ring OCM: powers of the DWDM channels */
#define CARD_FEATURE_QRNG_TESTS  (1u << 9)  /* QRNG health tests of the card: cutoffs, restart */
#define CARD_FEATURE_TWO_DECOY   (1u << 10) /* TX_MU3, TX_P_MU2 */
#define CARD_FEATURE_THREE_STATE (1u << 11) /* TX_STATES */
#define CARD_FEATURE_REFERENCE   (1u << 12) /* TIME_PPS, tag types 2 and 3 */
#define CARD_FEATURE_PHASE       (1u << 13) /* RX_PHASE */
#define CARD_FEATURES_1_0        0x7u       /* need no acceptance */

/* Control */
#define CARD_CTRL       0x020 /* RW */
#define CARD_STATUS     0x024 /* RO */
#define CARD_FAULT_CODE 0x028 /* RO: the first fault, latched until reset */
#define CARD_FAULT_ARG  0x02c
#define CARD_IRQ_CAUSE  0x030 /* RW1C */
#define CARD_IRQ_MASK   0x034 /* RW: 1 lets the cause through */
/* RW: bits 15:0, microseconds until a part-filled buffer completes */
#define CARD_MODERATION 0x038
/*
 * RW: milliseconds; any write restarts it. It runs while ENABLE is set, unless it is 0; ARM with
 * 0 is FAULT_CONFIG.
 */
#define CARD_WATCHDOG 0x03c

/* RW, while not ENABLEd: the features that the host will use; one not offered: FAULT_CONFIG */
#define CARD_FEATURES_USED_LO 0x040
#define CARD_FEATURES_USED_HI 0x044
#define CARD_SELFTEST         0x048 /* RW: write 1 starts it (not while ARMED); reads CARD_SELFTEST_* */
#define CARD_SELFTEST_FAILED  0x04c /* RO: bits CARD_CHECK_* that did not hold */
#define CARD_DARK_CAUSE       0x050 /* RO: why the card went dark last, CARD_DARK_* */
#define CARD_INTERLOCK        0x054 /* RO: bits CARD_INTERLOCK_*; any open one keeps the card dark */
#define CARD_IRQ_VECTORS      0x058 /* RO: MSI-X vectors of the transport, 0 without interrupts */
#define CARD_IRQ_VECTOR       0x05c /* RW: vector of faults and of the watchdog */

#define CARD_SELFTEST_NONE    0
#define CARD_SELFTEST_RUNNING 1
#define CARD_SELFTEST_PASSED  2
#define CARD_SELFTEST_FAIL    3

#define CARD_CHECK_LOGIC       (1u << 0) /* memory and configuration of the logic */
#define CARD_CHECK_CLOCK       (1u << 1) /* slot clock locked */
#define CARD_CHECK_QRNG        (1u << 2) /* start-up tests of the random source */
#define CARD_CHECK_LASER       (1u << 3) /* laser at its temperature */
#define CARD_CHECK_DARK        (1u << 4) /* no light leaves while dark */
#define CARD_CHECK_DETECTORS   (1u << 5) /* dark counts of each detector within their range */
#define CARD_CHECK_TEMPERATURE (1u << 6)
#define CARD_CHECK_INTERLOCK   (1u << 7)

#define CARD_DARK_RESET     0 /* power-on, function reset or FLR */
#define CARD_DARK_HOST      1 /* CTRL without ARM, or SAFE_OFF */
#define CARD_DARK_WATCHDOG  2
#define CARD_DARK_FAULT     3
#define CARD_DARK_INTERLOCK 4

#define CARD_INTERLOCK_LOOP  (1u << 0) /* remote interlock connector open */
#define CARD_INTERLOCK_FIBRE (1u << 1) /* no fibre plugged in */
#define CARD_INTERLOCK_COVER (1u << 2)

#define CARD_CTRL_ENABLE   (1u << 0) /* rings and counters run */
#define CARD_CTRL_ARM      (1u << 1) /* light (Alice) or gates (Bob) on; needs ENABLE, watchdog */
#define CARD_CTRL_SAFE_OFF (1u << 2) /* write 1: dark at once, clears ARM */
#define CARD_CTRL_RESET    (1u << 3) /* write 1: function reset; reads 1 until done */

#define CARD_STATUS_READY       (1u << 0)
#define CARD_STATUS_ARMED       (1u << 1)
#define CARD_STATUS_FAULT       (1u << 2)
#define CARD_STATUS_NEEDS_RESET (1u << 3)

#define CARD_FAULT_NONE      0x00
#define CARD_FAULT_WATCHDOG  0x10 /* the host stopped writing; light went off */
#define CARD_FAULT_INTERLOCK 0x11 /* argument: INTERLOCK */
#define CARD_FAULT_CONFIG    0x20 /* argument: offset of the register */
#define CARD_FAULT_DMA       0x21 /* address outside what the host mapped; argument: ring */
#define CARD_FAULT_INTERNAL  0x30
#define CARD_FAULT_QRNG      0x40
/* With PROTECTION; argument: offset of the limit */
#define CARD_FAULT_BACK_REFLECTION 0x50
#define CARD_FAULT_OUTPUT_POWER    0x51
#define CARD_FAULT_PHOTOCURRENT    0x52
#define CARD_FAULT_TEMPERATURE     0x53

#define CARD_IRQ_RING(q)  (1u << (q))
#define CARD_IRQ_FAULT    (1u << 16)
#define CARD_IRQ_WATCHDOG (1u << 17)

/* Time: the card's own slot counter, which nothing but function reset sets back */
#define CARD_TIME_SLOT_LO 0x100 /* RO: 48 bits */
#define CARD_TIME_SLOT_HI 0x104
#define CARD_TIME_SLOT_FS 0x108 /* RO: nominal slot period, femtoseconds */
#define CARD_TIME_LOCK    0x10c /* RO: bit 0 reference locked */
/* With REFERENCE: a pulse each second and a frequency from outside */
#define CARD_TIME_PPS_LO    0x110 /* RO: slot of the last pulse, 48 bits */
#define CARD_TIME_PPS_HI    0x114
#define CARD_TIME_PPS_COUNT 0x118 /* RO: pulses since reset */
#define CARD_TIME_REF_PPT   0x11c /* RO, signed: own frequency against the reference, 1e-12 */

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
/* With TWO_DECOY: P_MU2 of 0 leaves all that is not mu1 to mu2 */
#define CARD_TX_MU3    0x228 /* RW: weakest intensity, as MU1; 0 is vacuum */
#define CARD_TX_P_MU2  0x22c /* RW: probability of mu2 * 2^16; the rest is mu3 */
#define CARD_TX_STATES 0x230 /* RW, with THREE_STATE: 0 four states, 1 without |-> */
#define CARD_TX_EXTINCTION                                                                         \
	0x234 /* RO, with ANALOG: of the modulator, mdB, mean of 10 ms; 0 dark                     \
	       */

#define CARD_TX_MODE_DARK 0 /* no pulses */
#define CARD_TX_MODE_QKD  1 /* random basis, bit and intensity from the card's QRNG */
#define CARD_TX_MODE_SYNC 2 /* mu1 in basis Z, bit 0, in the slots of the sync pattern */

/* Receiver */
#define CARD_RX_APPLY      0x300 /* WO */
#define CARD_RX_HOLDOFF_NS 0x304 /* RW: no detector fires for so long after any click */
#define CARD_RX_GATE_START 0x308 /* RW: 1/256 slot */
#define CARD_RX_GATE_WIDTH 0x30c /* RW: 1/256 slot, 256 = always open */
/* With MONITOR: random states of the receiver, for blocks of 2^STATE_LOG2 slots */
#define CARD_RX_STATE_LOG2   0x310 /* RW: 10 to 30 */
#define CARD_RX_P_LOW        0x314 /* RW: probability * 2^16 of reduced efficiency */
#define CARD_RX_P_SHUT       0x318 /* RW: of detectors cut off from the line */
#define CARD_RX_P_EMIT       0x31c /* RW: of a pulse of the card's own emitter in each slot */
#define CARD_RX_LOW_RATIO    0x320 /* RW: reduced efficiency / normal one, * 2^16 */
#define CARD_RX_COUNT_LO(ch) (0x340 + 8 * (ch)) /* RO: clicks of detector ch */
#define CARD_RX_COUNT_HI(ch) (0x344 + 8 * (ch))
#define CARD_RX_PHOTOCURRENT 0x380 /* RO: nA, mean of the last 100 ms */
#define CARD_RX_PHASE        0x384 /* RO, with PHASE: mrad^2, mean square of the last 100 ms */

/* Monitors and protection */
#define CARD_MONITOR_MS          0x800 /* RW, with MONITOR: period of the records, 10 to 10000 */
#define CARD_BACK_REFLECTION_MAX 0x804 /* RW, with PROTECTION, likewise below: pW, 0 is off */
#define CARD_OUTPUT_MAX          0x808 /* fW behind the attenuator */
#define CARD_PHOTOCURRENT_MAX    0x80c /* nA */
#define CARD_TEMPERATURE_MAX     0x810 /* board, millidegrees Celsius */

/* Analog settings, with ANALOG: 16 bytes each; shadow registers, taken over by ANALOG_APPLY */
#define CARD_ANALOG(i)            (0x400 + 0x10 * (i))
#define CARD_ANALOG_SET           0x0 /* RW, signed */
#define CARD_ANALOG_ACTUAL        0x4 /* RO, signed */
#define CARD_ANALOG_MIN           0x8 /* RO, signed: below is FAULT_CONFIG */
#define CARD_ANALOG_MAX           0xc /* RO, signed */
#define CARD_ANALOG_APPLY         0x4f0
#define CARD_ANALOG_PRESENT       0x4f4       /* RO: bit i: the card has setting i */
#define CARD_ANALOG_LASER_BIAS    0           /* uA */
#define CARD_ANALOG_LASER_MC      1           /* millidegrees Celsius */
#define CARD_ANALOG_VOA           2           /* attenuation, mdB */
#define CARD_ANALOG_MODULATOR     3           /* bias of the intensity modulator, mV */
#define CARD_ANALOG_PHASE         4           /* interferometer, mrad */
#define CARD_ANALOG_DETECTOR_MC   5           /* millidegrees Celsius */
#define CARD_ANALOG_BIAS(ch)      (6 + (ch))  /* excess bias of detector ch, mV */
#define CARD_ANALOG_THRESHOLD(ch) (10 + (ch)) /* discriminator of detector ch, mV */
#define CARD_ANALOG_COUNT         14

/* Optical channel monitor, with OCM */
#define CARD_OCM_CTRL       0x500 /* RW: write 1 starts a scan; reads 1 while it runs */
#define CARD_OCM_PERIOD_MS  0x504 /* RW: a scan each so many ms; 0: on demand alone */
#define CARD_OCM_FIRST_MHZ  0x508 /* RO: range of frequencies, MHz */
#define CARD_OCM_LAST_MHZ   0x50c
#define CARD_OCM_RESOLUTION 0x510 /* RO: MHz */
#define CARD_OCM_SCANS      0x514 /* RO: scans since reset */

/* OTDR, with OTDR: settings are taken when an acquisition starts */
#define CARD_OTDR_CTRL       0x600 /* RW: 1 starts, 2 aborts; reads 1 while it runs */
#define CARD_OTDR_STATE      0x604 /* RO: CARD_OTDR_* */
#define CARD_OTDR_WAVELENGTH 0x608 /* RW: pm; the nearest laser of the card, else FAULT_CONFIG */
#define CARD_OTDR_PULSE_NS   0x60c /* RW: 3 to 20000 */
#define CARD_OTDR_RANGE_M    0x610 /* RW: 100 to 300000, at a group index of 1.468 */
#define CARD_OTDR_AVERAGES   0x614 /* RW: 1 to 2^24 */
#define CARD_OTDR_SAMPLE_PS  0x618 /* RW: ADC interval (two-way time), 1000 to 1000000 */
#define CARD_OTDR_GATED      0x61c /* RW: 1: gates are shut while a pulse's light returns (Bob) */
#define CARD_OTDR_DONE       0x620 /* RO: averages so far */
#define CARD_OTDR_POINTS     0x624 /* RO: samples of the trace under way */
#define CARD_OTDR_ID         0x628 /* RO: acquisitions since reset */
#define CARD_OTDR_SHUT_LO    0x62c /* RO, Bob: slots in which GATED kept the gates shut */
#define CARD_OTDR_SHUT_HI    0x630
#define CARD_OTDR_GATED_REST 9 /* so many times as long as they were shut gates then are open */

#define CARD_OTDR_IDLE    0
#define CARD_OTDR_RUNNING 1
#define CARD_OTDR_DONE_OK 2
#define CARD_OTDR_ABORTED 3
#define CARD_OTDR_FAILED  4

/* QRNG */
#define CARD_QRNG_STATE 0x700 /* RO */
#define CARD_QRNG_CTRL  0x704 /* RW: bit 0 conditioned (else raw) */
#define CARD_QRNG_FAILS 0x708 /* RO: health-test failures since reset */
/* With QRNG_TESTS */
#define CARD_QRNG_FAIL_KIND                                                                        \
	0x70c /* RO: bit 0 RCT, 1 APT, 2 start-up, 3 hardware; 15:8 first lane */
#define CARD_QRNG_LANES      0x710 /* RO: byte i of a raw buffer belongs to lane i mod LANES */
#define CARD_QRNG_CLAIM      0x714 /* RW: min-entropy claimed for a raw bit * 2^16 */
#define CARD_QRNG_RCT_CUTOFF 0x718 /* RW: bits; SP 800-90B section 4.4.1 */
#define CARD_QRNG_APT_CUTOFF 0x71c /* RW: of CARD_QRNG_APT_BITS; section 4.4.2 */
#define CARD_QRNG_RESTART    0x720 /* WO: write 1: start-up tests anew; ends FAIL when they pass */
#define CARD_QRNG_KBIT_S     0x724 /* RO: rate of the stream under way, kb/s */
#define CARD_QRNG_APT_BITS   1024

#define CARD_QRNG_KIND_RCT     1u
#define CARD_QRNG_KIND_APT     2u
#define CARD_QRNG_KIND_STARTUP 4u
#define CARD_QRNG_KIND_HARD    8u

#define CARD_QRNG_STARTUP 0
#define CARD_QRNG_OK      1
#define CARD_QRNG_FAIL    2

/* Rings */
#define CARD_RING_TAGS      0 /* card to host, Bob: struct-less array of 8-byte tags */
#define CARD_RING_QUERIES   1 /* host to card, Alice: 8-byte slot numbers */
#define CARD_RING_CHOICES   2 /* card to host, Alice: 4-byte replies, one buffer a query buffer */
#define CARD_RING_QRNG      3 /* card to host: random bytes */
#define CARD_RING_OTDR      4 /* card to host: struct card_otdr_head and its samples */
#define CARD_RING_TELEMETRY 5 /* card to host: struct card_telemetry */
#define CARD_RING_MONITOR   6 /* card to host: struct card_monitor_tx or _rx */
#define CARD_RING_OCM       7 /* card to host: struct card_ocm_head and its channels */
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
#define CARD_RING_VECTOR     0x24 /* RW: MSI-X vector of its completions, below IRQ_VECTORS */

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

#define CARD_DESC_BYTES_MIN  4096 /* of a buffer from card to host */
#define CARD_QUERY_SLOTS_MAX 512  /* slot numbers in a buffer of queries */
#define CARD_RING_LOG2_MAX   15

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
#define CARD_TAG_PPS    2 /* with REFERENCE: the slot in which the pulse of a second came */
#define CARD_TAG_MARK   3 /* with REFERENCE: first slot of a run of the sync pattern */
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
#define CARD_CHOICE_INTENSITY(c) ((uint32_t)(c) >> 26 & 3) /* 0 mu1, 1 mu2, 2 mu3 */
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
 * Monitor records, one a buffer, each MONITOR_MS. What is counted in one record is not counted
 * in another; SLOTS is what lies between this record and the one before.
 */
struct card_monitor_head {
	uint32_t type;  /* CARD_MONITOR_* */
	uint32_t bytes; /* of the record, with head and check */
	uint64_t slot;  /* first slot that it covers */
	uint64_t slots; /* number of slots */
};
#define CARD_MONITOR_TX 1
#define CARD_MONITOR_RX 2

struct card_monitor_tx {
	struct card_monitor_head head;
	uint32_t power_nw[3];           /* before the attenuator: mean, least, most */
	uint32_t output_fw[3];          /* behind it, in the quantum channel, likewise */
	uint32_t back_reflection_pw[2]; /* mean; most in any microsecond */
	uint32_t extinction_mdb;        /* of the intensity modulator */
	int32_t laser_mc;
	uint32_t laser_bias_ua;
	uint32_t voa_mdb;
	int32_t modulator_mv;
	uint32_t reserved[12];
	uint32_t check; /* sum of the words before, mod 2^32 */
};

/*
 * The state of the receiver is drawn anew for each block of slots, from the card's QRNG and not
 * from what arrives. Clicks in NORMAL are tags; the others' are counted here and are no tags.
 */
#define CARD_RX_NORMAL      0
#define CARD_RX_LOW         1 /* efficiency reduced to LOW_RATIO */
#define CARD_RX_SHUT        2 /* cut off from the line: what clicks is dark counts */
#define CARD_RX_EMIT        3 /* the card's own emitter lights the detectors */
#define CARD_RX_STATES      4
#define CARD_HISTOGRAM_BINS 32

struct card_monitor_rx {
	struct card_monitor_head head;
	uint64_t live[CARD_RX_STATES];      /* slots with live detectors, by state */
	uint32_t clicks[CARD_RX_STATES][4]; /* by state and detector */
	uint32_t doubles[CARD_RX_STATES];   /* slots with several detectors */
	uint32_t photocurrent_na[4];        /* by detector, mean */
	uint32_t photocurrent_peak_na[4];   /* highest mean of 10 us */
	int32_t detector_mc[4];             /* temperatures */
	uint32_t bright[4]; /* by detector: clicks whose pulse passed a second, higher threshold */
	uint32_t histogram[4][CARD_HISTOGRAM_BINS]; /* NORMAL: arrivals in 1/32 slot */
	uint32_t reserved[13];
	uint32_t check;
};

/* OTDR: each buffer has a head and the samples FIRST to FIRST + COUNT - 1. */
struct card_otdr_head {
	uint64_t slot;     /* in which the acquisition began */
	uint32_t id;       /* OTDR_ID */
	uint32_t first;    /* number of the first sample */
	uint32_t count;    /* samples behind this head */
	uint32_t points;   /* of the whole trace */
	uint32_t averages; /* that these samples are the mean of */
	uint32_t wavelength_pm, pulse_ns, sample_ps;
	uint32_t lsb_aw;      /* attowatt in a sample's 1 */
	uint32_t flags;       /* CARD_OTDR_* */
	uint32_t response_ps; /* time constant of the receiver's step response */
	uint32_t reserved[2];
	uint32_t check; /* sum of the words before and of the samples, mod 2^32 */
};
#define CARD_OTDR_LAST      (1u << 0) /* the trace ends with this buffer */
#define CARD_OTDR_PARTIAL   (1u << 1) /* averages are still to come: a first look */
#define CARD_OTDR_SATURATED (1u << 2) /* samples of INT32_MAX are at the end of the range */
typedef int32_t card_otdr_sample;     /* received power, may be negative in noise */

/* Optical channel monitor: one scan a buffer, by frequency. */
struct card_ocm_head {
	uint64_t slot;
	uint32_t scan;      /* OCM_SCANS */
	uint32_t channels;  /* that follow this head */
	int32_t floor_mdbm; /* noise floor in the resolution */
	uint32_t reserved[2];
	uint32_t check; /* sum of the words before and of the channels, mod 2^32 */
};
struct card_ocm_channel {
	uint32_t centre_mhz;
	int32_t power_mdbm;
	uint32_t width_mhz; /* at half power */
	int32_t osnr_mdb;   /* in 0.1 nm */
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

/*
 * Behind QEMU's ivshmem-doorbell the same 64 KiB are the start of BAR2, and host memory is the
 * machine's own. The driver stores where its memory is: PAGES pages of 4 KiB from bus address
 * HOST_BUS on, of each of which the table has the physical address, bit 0 set. PAGES is stored
 * last; 0 takes all of it back. The card touches nothing else.
 */
#define CARD_SHM_HOST_BUS    0xff20 /* 64 bits */
#define CARD_SHM_HOST_PAGES  0xff28
#define CARD_SHM_PAGES       0x10000 /* the table, 8 bytes a page */
#define CARD_SHM_PAGES_BYTES 0x10000
#define CARD_SHM_PAGE_THERE  1u

#endif
