/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/card_table.h"

#include "drivers/card_regs.h"

#define ALICE (1u << CARD_ROLE_ALICE)
#define BOB   (1u << CARD_ROLE_BOB)
#define BOTH  (ALICE | BOB)
#define ALL   0xffffffffu
#define HIGH  0xffffu /* of 48 bits */

#define ROW(name, access, mask, reset, roles, feature)                                             \
	{                                                                                          \
		CARD_##name, #name, access, mask, reset, roles, feature                            \
	}
#define ALWAYS 0

/* The four registers of an analog setting. */
#define ANALOG(label, i, roles)                                                                    \
	{CARD_ANALOG(i) + CARD_ANALOG_SET, label, CARD_RW, ALL, 0, roles, CARD_FEATURE_ANALOG},    \
	        {CARD_ANALOG(i) + CARD_ANALOG_ACTUAL,                                              \
	         label,                                                                            \
	         CARD_RO,                                                                          \
	         ALL,                                                                              \
	         0,                                                                                \
	         roles,                                                                            \
	         CARD_FEATURE_ANALOG},                                                             \
	        {CARD_ANALOG(i) + CARD_ANALOG_MIN,                                                 \
	         label,                                                                            \
	         CARD_RO,                                                                          \
	         ALL,                                                                              \
	         0,                                                                                \
	         roles,                                                                            \
	         CARD_FEATURE_ANALOG},                                                             \
	{                                                                                          \
		CARD_ANALOG(i) + CARD_ANALOG_MAX, label, CARD_RO, ALL, 0, roles,                   \
		        CARD_FEATURE_ANALOG                                                        \
	}
#define COUNT(ch)                                                                                  \
	{CARD_RX_COUNT_LO(ch), "RX_COUNT", CARD_RO, ALL, 0, BOB, ALWAYS},                          \
	{                                                                                          \
		CARD_RX_COUNT_HI(ch), "RX_COUNT", CARD_RO, ALL, 0, BOB, ALWAYS                     \
	}
#define RING(field, access, mask)                                                                  \
	{                                                                                          \
		CARD_RING(0) + CARD_RING_##field, "RING_" #field, access, mask, 0, BOTH, ALWAYS    \
	}

/* clang-format off */
const struct card_register card_registers[] = {
	ROW(MAGIC,            CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(ABI,              CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(FEATURES_LO,      CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(FEATURES_HI,      CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(ROLE,             CARD_RO,   HIGH, 0, BOTH, ALWAYS),
	ROW(BUILD,            CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(FLAVOUR,          CARD_RO,   CARD_FLAVOUR_SIMULATED, 0, BOTH, ALWAYS),
	ROW(NEXT_BLOCK,       CARD_RO,   HIGH, 0, BOTH, ALWAYS),

	ROW(CTRL,             CARD_START, 0xf, 0, BOTH, ALWAYS),
	ROW(STATUS,           CARD_RO,   0xf, CARD_STATUS_READY, BOTH, ALWAYS),
	ROW(FAULT_CODE,       CARD_RO,   0xff, 0, BOTH, ALWAYS),
	ROW(FAULT_ARG,        CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(IRQ_CAUSE,        CARD_RW1C, 0x300ff, 0, BOTH, ALWAYS),
	ROW(IRQ_MASK,         CARD_RW,   0x300ff, 0, BOTH, ALWAYS),
	ROW(MODERATION,       CARD_RW,   0xffff, 1000, BOTH, ALWAYS),
	ROW(WATCHDOG,         CARD_RW,   0xffff, 0, BOTH, ALWAYS),
	ROW(FEATURES_USED_LO, CARD_RW,   0, 0, BOTH, ALWAYS),
	ROW(FEATURES_USED_HI, CARD_RW,   0, 0, BOTH, ALWAYS),
	ROW(SELFTEST,         CARD_START, 3, 0, BOTH, CARD_FEATURE_SELF_TEST),
	ROW(SELFTEST_FAILED,  CARD_RO,   0xff, 0, BOTH, CARD_FEATURE_SELF_TEST),
	ROW(DARK_CAUSE,       CARD_RO,   7, 0, BOTH, ALWAYS),
	ROW(INTERLOCK,        CARD_RO,   7, 0, BOTH, ALWAYS),
	ROW(IRQ_VECTORS,      CARD_RO,   0x7ff, 0, BOTH, ALWAYS),
	ROW(IRQ_VECTOR,       CARD_RW,   0, 0, BOTH, ALWAYS),

	ROW(TIME_SLOT_LO,     CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(TIME_SLOT_HI,     CARD_RO,   HIGH, 0, BOTH, ALWAYS),
	ROW(TIME_SLOT_FS,     CARD_RO,   ALL, 0, BOTH, ALWAYS),
	ROW(TIME_LOCK,        CARD_RO,   1, 0, BOTH, ALWAYS),
	ROW(TIME_PPS_LO,      CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_REFERENCE),
	ROW(TIME_PPS_HI,      CARD_RO,   HIGH, 0, BOTH, CARD_FEATURE_REFERENCE),
	ROW(TIME_PPS_COUNT,   CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_REFERENCE),
	ROW(TIME_REF_PPT,     CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_REFERENCE),

	ROW(TX_APPLY,         CARD_WO,   1, 0, ALICE, ALWAYS),
	ROW(TX_MODE,          CARD_RW,   3, 0, ALICE, ALWAYS),
	ROW(TX_MU1,           CARD_RW,   0x1fffff, 0, ALICE, ALWAYS),
	ROW(TX_MU2,           CARD_RW,   0x1fffff, 0, ALICE, ALWAYS),
	ROW(TX_P_MU1,         CARD_RW,   0x1ffff, 0, ALICE, ALWAYS),
	ROW(TX_P_Z,           CARD_RW,   0x1ffff, 0, ALICE, ALWAYS),
	ROW(TX_FROM_LO,       CARD_RO,   ALL, 0, ALICE, ALWAYS),
	ROW(TX_FROM_HI,       CARD_RO,   HIGH, 0, ALICE, ALWAYS),
	ROW(TX_RETENTION_LO,  CARD_RO,   ALL, 0, ALICE, ALWAYS),
	ROW(TX_RETENTION_HI,  CARD_RO,   HIGH, 0, ALICE, ALWAYS),
	ROW(TX_MU3,           CARD_RW,   0x1fffff, 0, ALICE, CARD_FEATURE_TWO_DECOY),
	ROW(TX_P_MU2,         CARD_RW,   0x1ffff, 0, ALICE, CARD_FEATURE_TWO_DECOY),
	ROW(TX_STATES,        CARD_RW,   1, 0, ALICE, CARD_FEATURE_THREE_STATE),

	ROW(TX_EXTINCTION,    CARD_RO,   ALL, 0, ALICE, CARD_FEATURE_ANALOG),

	ROW(RX_APPLY,         CARD_WO,   1, 0, BOB, ALWAYS),
	ROW(RX_HOLDOFF_NS,    CARD_RW,   0x3fffffff, 1000, BOB, ALWAYS),
	ROW(RX_GATE_START,    CARD_RW,   0xff, 0, BOB, ALWAYS),
	ROW(RX_GATE_WIDTH,    CARD_RW,   0x1ff, 256, BOB, ALWAYS),
	ROW(RX_STATE_LOG2,    CARD_RW,   0x1f, 20, BOB, CARD_FEATURE_MONITOR),
	ROW(RX_P_LOW,         CARD_RW,   0x1ffff, 0, BOB, CARD_FEATURE_MONITOR),
	ROW(RX_P_SHUT,        CARD_RW,   0x1ffff, 0, BOB, CARD_FEATURE_MONITOR),
	ROW(RX_P_EMIT,        CARD_RW,   0x1ffff, 0, BOB, CARD_FEATURE_MONITOR),
	ROW(RX_LOW_RATIO,     CARD_RW,   0x1ffff, 32768, BOB, CARD_FEATURE_MONITOR),
	COUNT(0), COUNT(1), COUNT(2), COUNT(3),
	ROW(RX_PHOTOCURRENT,  CARD_RO,   ALL, 0, BOB, ALWAYS),
	ROW(RX_PHASE,         CARD_RO,   ALL, 0, BOB, CARD_FEATURE_PHASE),

	ANALOG("ANALOG_LASER_BIAS", CARD_ANALOG_LASER_BIAS, ALICE),
	ANALOG("ANALOG_LASER_MC", CARD_ANALOG_LASER_MC, ALICE),
	ANALOG("ANALOG_VOA", CARD_ANALOG_VOA, ALICE),
	ANALOG("ANALOG_MODULATOR", CARD_ANALOG_MODULATOR, ALICE),
	ANALOG("ANALOG_PHASE", CARD_ANALOG_PHASE, BOTH),
	ANALOG("ANALOG_DETECTOR_MC", CARD_ANALOG_DETECTOR_MC, BOB),
	ANALOG("ANALOG_BIAS", CARD_ANALOG_BIAS(0), BOB),
	ANALOG("ANALOG_BIAS", CARD_ANALOG_BIAS(1), BOB),
	ANALOG("ANALOG_BIAS", CARD_ANALOG_BIAS(2), BOB),
	ANALOG("ANALOG_BIAS", CARD_ANALOG_BIAS(3), BOB),
	ANALOG("ANALOG_THRESHOLD", CARD_ANALOG_THRESHOLD(0), BOB),
	ANALOG("ANALOG_THRESHOLD", CARD_ANALOG_THRESHOLD(1), BOB),
	ANALOG("ANALOG_THRESHOLD", CARD_ANALOG_THRESHOLD(2), BOB),
	ANALOG("ANALOG_THRESHOLD", CARD_ANALOG_THRESHOLD(3), BOB),
	ROW(ANALOG_APPLY,     CARD_WO,   1, 0, BOTH, CARD_FEATURE_ANALOG),
	ROW(ANALOG_PRESENT,   CARD_RO,   0x3fff, 0, BOTH, CARD_FEATURE_ANALOG),

	ROW(OCM_CTRL,         CARD_START, 1, 0, BOTH, CARD_FEATURE_OCM),
	ROW(OCM_PERIOD_MS,    CARD_RW,   ALL, 0, BOTH, CARD_FEATURE_OCM),
	ROW(OCM_FIRST_MHZ,    CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OCM),
	ROW(OCM_LAST_MHZ,     CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OCM),
	ROW(OCM_RESOLUTION,   CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OCM),
	ROW(OCM_SCANS,        CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OCM),

	ROW(OTDR_CTRL,        CARD_START, 3, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_STATE,       CARD_RO,   7, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_WAVELENGTH,  CARD_RW,   ALL, 1625000, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_PULSE_NS,    CARD_RW,   ALL, 100, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_RANGE_M,     CARD_RW,   ALL, 100000, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_AVERAGES,    CARD_RW,   ALL, 16384, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_SAMPLE_PS,   CARD_RW,   ALL, 20000, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_GATED,       CARD_RW,   1, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_DONE,        CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_POINTS,      CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_ID,          CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_OTDR),
	ROW(OTDR_SHUT_LO,     CARD_RO,   ALL, 0, BOB, CARD_FEATURE_OTDR),
	ROW(OTDR_SHUT_HI,     CARD_RO,   ALL, 0, BOB, CARD_FEATURE_OTDR),

	ROW(QRNG_STATE,       CARD_RO,   3, 0, BOTH, CARD_FEATURE_QRNG),
	ROW(QRNG_CTRL,        CARD_RW,   1, 1, BOTH, CARD_FEATURE_QRNG),
	ROW(QRNG_FAILS,       CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_QRNG),
	ROW(QRNG_FAIL_KIND,   CARD_RO,   0xff0f, 0, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_LANES,       CARD_RO,   0xff, 0, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_CLAIM,       CARD_RW,   0x1ffff, 32768, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_RCT_CUTOFF,  CARD_RW,   ALL, 0, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_APT_CUTOFF,  CARD_RW,   ALL, 0, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_RESTART,     CARD_WO,   1, 0, BOTH, CARD_FEATURE_QRNG_TESTS),
	ROW(QRNG_KBIT_S,      CARD_RO,   ALL, 0, BOTH, CARD_FEATURE_QRNG_TESTS),

	ROW(MONITOR_MS,       CARD_RW,   0x3fff, 100, BOTH, CARD_FEATURE_MONITOR),
	ROW(BACK_REFLECTION_MAX, CARD_RW, ALL, 0, ALICE, CARD_FEATURE_PROTECTION),
	ROW(OUTPUT_MAX,       CARD_RW,   ALL, 0, ALICE, CARD_FEATURE_PROTECTION),
	ROW(PHOTOCURRENT_MAX, CARD_RW,   ALL, 0, BOB, CARD_FEATURE_PROTECTION),
	ROW(TEMPERATURE_MAX,  CARD_RW,   0x1ffff, 0, BOTH, CARD_FEATURE_PROTECTION),

	RING(BASE_LO,    CARD_RW, ALL),
	RING(BASE_HI,    CARD_RW, ALL),
	RING(LOG2_SIZE,  CARD_RW, 0x1f),
	RING(TAIL,       CARD_RW, ALL),
	RING(HEAD,       CARD_RO, ALL),
	RING(CTRL,       CARD_START, 3),
	RING(STATE,      CARD_RO, 3),
	RING(DROPPED_LO, CARD_RO, ALL),
	RING(DROPPED_HI, CARD_RO, ALL),
	RING(VECTOR,     CARD_RW, 0),
};
/* clang-format on */
const size_t card_register_count = sizeof(card_registers) / sizeof(card_registers[0]);

_Static_assert(sizeof(struct card_desc) == 32, "descriptors have 32 bytes");
_Static_assert(sizeof(struct card_telemetry) == 64, "telemetry records have 64 bytes");
_Static_assert(sizeof(struct card_monitor_head) == 24, "monitor records begin with 24 bytes");
_Static_assert(sizeof(struct card_monitor_tx) == 128, "transmitter's records have 128 bytes");
_Static_assert(sizeof(struct card_monitor_rx) == 768, "receiver's records have 768 bytes");
_Static_assert(sizeof(struct card_otdr_head) == 64, "OTDR buffers begin with 64 bytes");
_Static_assert(sizeof(struct card_ocm_head) == 32, "scans begin with 32 bytes");
_Static_assert(sizeof(struct card_ocm_channel) == 16, "a channel has 16 bytes");

const struct card_register *card_register_find(uint32_t offset)
{
	if (offset >= CARD_RING(0) && offset < CARD_RING(CARD_RING_COUNT))
		offset = CARD_RING(0) + (offset - CARD_RING(0)) % 0x40;
	for (size_t i = 0; i < card_register_count; i++)
		if (card_registers[i].offset == offset)
			return &card_registers[i];
	return NULL;
}

int card_register_there(const struct card_register *r, unsigned int role, uint32_t features)
{
	return (r->roles >> role & 1) != 0 && (r->feature & ~features) == 0;
}

int card_ring_there(unsigned int q, unsigned int role, uint32_t features)
{
	static const struct {
		unsigned int roles;
		uint32_t feature;
	} rings[CARD_RING_COUNT] = {
	        [CARD_RING_TAGS] = {BOB, ALWAYS},
	        [CARD_RING_QUERIES] = {ALICE, ALWAYS},
	        [CARD_RING_CHOICES] = {ALICE, ALWAYS},
	        [CARD_RING_QRNG] = {BOTH, CARD_FEATURE_QRNG},
	        [CARD_RING_OTDR] = {BOTH, CARD_FEATURE_OTDR},
	        [CARD_RING_TELEMETRY] = {BOTH, CARD_FEATURE_TELEMETRY},
	        [CARD_RING_MONITOR] = {BOTH, CARD_FEATURE_MONITOR},
	        [CARD_RING_OCM] = {BOTH, CARD_FEATURE_OCM},
	};

	return q < CARD_RING_COUNT && (rings[q].roles >> role & 1) != 0 &&
	       (rings[q].feature & ~features) == 0;
}
