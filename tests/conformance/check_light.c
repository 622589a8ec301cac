/* SPDX-License-Identifier: BSD-3-Clause */

/* What the receiver sees of the transmitter: dark is dark, and settings wait for APPLY. */

#include "tests/conformance/conformance.h"

/* Clicks a second in 60 ms. */
static double rate(const struct end *bob)
{
	uint64_t before = 0, after = 0, from = get64(bob, CARD_TIME_SLOT_LO), to;

	for (unsigned int ch = 0; ch < 4; ch++)
		before += get64(bob, CARD_RX_COUNT_LO(ch));
	sleep_ms(60);
	for (unsigned int ch = 0; ch < 4; ch++)
		after += get64(bob, CARD_RX_COUNT_LO(ch));
	to = get64(bob, CARD_TIME_SLOT_LO);
	return (double)(after - before) /
	       ((double)(to - from) * (double)get(bob, CARD_TIME_SLOT_FS) * 1e-15);
}

static void dark(struct rig *rig, struct end *none)
{
	struct end *alice = &rig->alice, *bob = &rig->bob;
	double lit, now;

	light(rig, alice, CARD_TX_MODE_QKD, 32768, 32768);
	arm(rig, bob);
	sleep_ms(20);
	now = rate(bob);
	arm(rig, alice);
	sleep_ms(20);
	lit = rate(bob);
	EXPECT(lit > 1000 && lit > 10 * now, "%.0f clicks a second lit, %.0f not armed", lit, now);
	put(rig, alice, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	sleep_ms(20);
	now = rate(bob);
	EXPECT(now < lit / 10, "%.0f clicks a second after SAFE_OFF, %.0f before", now, lit);
	arm(rig, alice);
	sleep_ms(20);
	now = rate(bob);
	EXPECT(now > lit / 2, "%.0f clicks a second armed again, %.0f before", now, lit);
	light(rig, alice, CARD_TX_MODE_DARK, 32768, 32768);
	sleep_ms(20);
	now = rate(bob);
	EXPECT(now < lit / 10, "%.0f clicks a second in mode DARK", now);
	light(rig, alice, CARD_TX_MODE_QKD, 32768, 32768);
	put(rig, alice, CARD_WATCHDOG, 30);
	EXPECT_FAULT(alice, CARD_FAULT_WATCHDOG, 0);
	sleep_ms(20);
	now = rate(bob);
	EXPECT(now < lit / 10, "%.0f clicks a second after the watchdog", now);
	/* And the gates: nothing clicks where none is open. */
	put(rig, bob, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	sleep_ms(20);
	now = rate(bob);
	EXPECT(now == 0, "%.0f clicks a second with the gates closed", now);
}

static void receiver_apply(struct rig *rig, struct end *none)
{
	struct end *bob = &rig->bob;
	double before, shadow, after;

	light(rig, &rig->alice, CARD_TX_MODE_QKD, 32768, 32768);
	arm(rig, &rig->alice);
	arm(rig, bob);
	sleep_ms(20);
	before = rate(bob);
	put(rig, bob, CARD_RX_HOLDOFF_NS, 1000000); /* a thousand clicks a second */
	put(rig, bob, CARD_RX_APPLY, 0);
	shadow = rate(bob);
	EXPECT(shadow > before / 2, "RX_HOLDOFF_NS took effect without APPLY");
	put(rig, bob, CARD_RX_APPLY, 1);
	sleep_ms(20);
	after = rate(bob);
	EXPECT(after < 2500, "%.0f clicks a second at a hold-off of 1 ms", after);
	EXPECT(before > 5 * after, "%.0f clicks a second before, %.0f after", before, after);
}

static void receiver_refuses(struct rig *rig, struct end *bob)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {{CARD_RX_HOLDOFF_NS, 1000000001},
	           {CARD_RX_GATE_START, 256},
	           {CARD_RX_GATE_WIDTH, 257}};

	for (unsigned int i = 0; i < 3; i++) {
		reset(rig, bob);
		put(rig, bob, bad[i].offset, bad[i].value);
		EXPECT_WELL(bob);
		put(rig, bob, CARD_RX_APPLY, 1);
		EXPECT_FAULT(bob, CARD_FAULT_CONFIG, bad[i].offset);
	}
}

const struct check checks_light[] = {{"dark", ON_LINK, dark},
                                     {"receiver-apply", ON_LINK, receiver_apply},
                                     {"receiver-refuses", ON_BOB, receiver_refuses},
                                     {NULL, 0, NULL}};
