/* SPDX-License-Identifier: BSD-3-Clause */

/* Arming, self-test, watchdog, faults, safety: every way into the dark. */

#include <stdio.h>

#include "tests/conformance/conformance.h"

static void arm_needs(struct rig *rig, struct end *e)
{
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ARM);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_CTRL);
	reset(rig, e);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_WATCHDOG);
	reset(rig, e);
	arm(rig, e);
	EXPECT(get(e, CARD_CTRL) == (CARD_CTRL_ENABLE | CARD_CTRL_ARM), "CTRL is 0x%x",
	       get(e, CARD_CTRL));
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE);
	EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY), "CTRL without ARM leaves 0x%x",
	       get(e, CARD_STATUS));
	EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_HOST, "DARK_CAUSE is %u",
	       get(e, CARD_DARK_CAUSE));
}

static void self_test(struct rig *rig, struct end *e)
{
	if ((e->features & CARD_FEATURE_SELF_TEST) == 0) {
		rig->absent = "it has no self-test";
		return;
	}
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_SELF_TEST);
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_SELFTEST);
	reset(rig, e);
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_SELF_TEST);
	put(rig, e, CARD_SELFTEST, 0);
	EXPECT(get(e, CARD_SELFTEST) == CARD_SELFTEST_NONE, "a written 0 starts a self-test");
	put(rig, e, CARD_SELFTEST, 1);
	EXPECT(get(e, CARD_SELFTEST) != CARD_SELFTEST_NONE, "the self-test does not start");
	EXPECT(wait_for(e, CARD_SELFTEST, ~0u, CARD_SELFTEST_PASSED),
	       "SELFTEST is %u, checks 0x%x failed", get(e, CARD_SELFTEST),
	       get(e, CARD_SELFTEST_FAILED));
	EXPECT(get(e, CARD_SELFTEST_FAILED) == 0, "passed, but checks 0x%x failed",
	       get(e, CARD_SELFTEST_FAILED));
	arm(rig, e);
	put(rig, e, CARD_SELFTEST, 1);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_SELFTEST);
}

static void self_test_fails(struct rig *rig, struct end *e)
{
	char line[64];

	if ((e->features & CARD_FEATURE_SELF_TEST) == 0 || rig->control == NULL) {
		rig->absent = "needs a self-test and the simulator's control line";
		return;
	}
	snprintf(line, sizeof(line), "card %s selftest %u", e->name, CARD_CHECK_DARK);
	control(rig, line);
	put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_SELF_TEST);
	put(rig, e, CARD_SELFTEST, 1);
	EXPECT(wait_for(e, CARD_SELFTEST, ~0u, CARD_SELFTEST_FAIL), "SELFTEST is %u",
	       get(e, CARD_SELFTEST));
	EXPECT(get(e, CARD_SELFTEST_FAILED) == CARD_CHECK_DARK, "SELFTEST_FAILED is 0x%x",
	       get(e, CARD_SELFTEST_FAILED));
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_SELFTEST);
	snprintf(line, sizeof(line), "card %s selftest 0", e->name);
	control(rig, line);
}

static void interlock(struct rig *rig, struct end *e)
{
	char line[64];

	if (rig->control == NULL) {
		rig->absent = "needs the simulator's control line";
		return;
	}
	arm(rig, e);
	snprintf(line, sizeof(line), "card %s interlock %u", e->name, CARD_INTERLOCK_FIBRE);
	control(rig, line);
	EXPECT_FAULT(e, CARD_FAULT_INTERLOCK, CARD_INTERLOCK_FIBRE);
	EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_INTERLOCK, "DARK_CAUSE is %u",
	       get(e, CARD_DARK_CAUSE));
	reset(rig, e);
	EXPECT(get(e, CARD_INTERLOCK) == CARD_INTERLOCK_FIBRE, "INTERLOCK is 0x%x",
	       get(e, CARD_INTERLOCK));
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_INTERLOCK);
	snprintf(line, sizeof(line), "card %s interlock 0", e->name);
	control(rig, line);
	reset(rig, e);
	arm(rig, e);
}

static void safe_off(struct rig *rig, struct end *e)
{
	static const uint32_t writes[] = {CARD_CTRL_SAFE_OFF, CARD_CTRL_SAFE_OFF | CARD_CTRL_ENABLE,
	                                  CARD_CTRL_SAFE_OFF | CARD_CTRL_ENABLE | CARD_CTRL_ARM};

	for (unsigned int i = 0; i < 3; i++) {
		arm(rig, e);
		put(rig, e, CARD_CTRL, writes[i]);
		EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY), "STATUS is 0x%x",
		       get(e, CARD_STATUS));
		EXPECT(get(e, CARD_CTRL) == (writes[i] & CARD_CTRL_ENABLE), "CTRL is 0x%x",
		       get(e, CARD_CTRL));
		EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_HOST, "DARK_CAUSE is %u",
		       get(e, CARD_DARK_CAUSE));
	}
}

/*
 * Feed for three periods, then no more. False when this process itself stood still for so long
 * that the card was right to go dark: that proves nothing.
 */
static bool expires(struct rig *rig, struct end *e, bool armed, uint32_t period)
{
	uint64_t fed, before = clock_mono_ns(), start = before, silence = 0, late;
	uint32_t status;

	put(rig, e, CARD_WATCHDOG, period);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | (armed ? CARD_CTRL_ARM : 0));
	do {
		fed = clock_mono_ns();
		put(rig, e, CARD_WATCHDOG, period);
		status = get(e, CARD_STATUS);
		if (clock_mono_ns() - before > silence)
			silence = clock_mono_ns() - before;
		before = fed;
		sleep_ms(10);
	} while (clock_mono_ns() - start < 3 * period * NS_PER_MS);
	if (silence > period * 8 / 10 * NS_PER_MS)
		return false;
	EXPECT(status == (CARD_STATUS_READY | (armed ? CARD_STATUS_ARMED : 0)),
	       "STATUS is 0x%x while it is fed", status);
	EXPECT_FAULT(e, CARD_FAULT_WATCHDOG, 0);
	late = clock_mono_ns() - fed;
	EXPECT(late >= period * 9 / 10 * NS_PER_MS, "it expired %llu us after a write",
	       (unsigned long long)late / 1000);
	EXPECT(get(e, CARD_IRQ_CAUSE) == (CARD_IRQ_FAULT | CARD_IRQ_WATCHDOG), "IRQ_CAUSE is 0x%x",
	       get(e, CARD_IRQ_CAUSE));
	if (armed)
		EXPECT(get(e, CARD_DARK_CAUSE) == CARD_DARK_WATCHDOG, "DARK_CAUSE is %u",
		       get(e, CARD_DARK_CAUSE));
	return true;
}

/* On a machine that gives us too little time, with longer periods. */
static void expires_in_time(struct rig *rig, struct end *e, bool armed)
{
	for (uint32_t period = 150; period <= 2400; period *= 2) {
		if (expires(rig, e, armed, period))
			return;
		reset(rig, e);
	}
	EXPECT(false, "this machine stands still for seconds");
}

static void watchdog(struct rig *rig, struct end *e)
{
	expires_in_time(rig, e, true);
	reset(rig, e);
	expires_in_time(rig, e, false);
	reset(rig, e);
	arm(rig, e);
	put(rig, e, CARD_WATCHDOG, 0);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_WATCHDOG);
	reset(rig, e);
	/* 0 is off while nothing is armed. */
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE);
	sleep_ms(50);
	EXPECT_WELL(e);
}

/* The first fault stays, and only a reset ends it. */
static void fault_latches(struct rig *rig, struct end *e)
{
	arm(rig, e);
	put(rig, e, CARD_WATCHDOG, 0);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_WATCHDOG);
	put(rig, e, CARD_IRQ_VECTOR, 0xffff);
	put(rig, e, CARD_FEATURES_USED_HI, 0xffffffff);
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	put(rig, e, CARD_IRQ_CAUSE, 0xffffffff);
	put(rig, e, CARD_CTRL, 0);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	sleep_ms(20);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_WATCHDOG);
	reset(rig, e);
	EXPECT(get(e, CARD_FAULT_CODE) == 0 && get(e, CARD_FAULT_ARG) == 0,
	       "reset leaves fault 0x%x", get(e, CARD_FAULT_CODE));
	arm(rig, e);
}

static uint32_t setting(unsigned int i, uint32_t which)
{
	return CARD_ANALOG(i) + which;
}

/* Shadow, limits and settling of each setting that is there. */
static void analog(struct rig *rig, struct end *e)
{
	uint32_t present = get(e, CARD_ANALOG_PRESENT);

	if ((e->features & CARD_FEATURE_ANALOG) == 0) {
		rig->absent = "it has no analog settings";
		return;
	}
	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++) {
		int32_t set = (int32_t)get(e, setting(i, CARD_ANALOG_SET));
		int32_t min = (int32_t)get(e, setting(i, CARD_ANALOG_MIN));
		int32_t max = (int32_t)get(e, setting(i, CARD_ANALOG_MAX)), actual, to;

		if ((present >> i & 1) == 0)
			continue;
		EXPECT(min < max && set >= min && set <= max, "setting %u is %d, from %d to %d", i,
		       set, min, max);
		actual = (int32_t)get(e, setting(i, CARD_ANALOG_ACTUAL));
		put(rig, e, CARD_FEATURES_USED_LO, CARD_FEATURE_ANALOG);
		to = set + (max - set) / 8;
		put(rig, e, setting(i, CARD_ANALOG_SET), (uint32_t)to);
		put(rig, e, CARD_ANALOG_APPLY, 0);
		sleep_ms(20);
		EXPECT((int32_t)get(e, setting(i, CARD_ANALOG_ACTUAL)) == actual,
		       "setting %u moved without APPLY", i);
		put(rig, e, CARD_ANALOG_APPLY, 1);
		EXPECT_WELL(e);
		/* Temperatures take their time: that they are on their way has to do. */
		if (i == CARD_ANALOG_LASER_MC || i == CARD_ANALOG_DETECTOR_MC) {
			sleep_ms(100);
			EXPECT((int32_t)get(e, setting(i, CARD_ANALOG_ACTUAL)) > actual,
			       "setting %u does not move", i);
		} else {
			EXPECT(wait_for(e, setting(i, CARD_ANALOG_ACTUAL), ~0u, (uint32_t)to),
			       "setting %u is %d, not %d", i,
			       (int32_t)get(e, setting(i, CARD_ANALOG_ACTUAL)), to);
		}
		for (unsigned int k = 0; k < 2; k++) {
			reset(rig, e);
			EXPECT((int32_t)get(e, setting(i, CARD_ANALOG_SET)) == set,
			       "reset leaves setting %u", i);
			put(rig, e, setting(i, CARD_ANALOG_SET),
			    k == 0 ? (uint32_t)min - 1 : (uint32_t)max + 1);
			EXPECT_WELL(e);
			put(rig, e, CARD_ANALOG_APPLY, 1);
			EXPECT_FAULT(e, CARD_FAULT_CONFIG, setting(i, CARD_ANALOG_SET));
		}
		reset(rig, e);
	}
}

static void slot_counter(struct rig *rig, struct end *e)
{
	double fs = get(e, CARD_TIME_SLOT_FS);
	uint64_t first = get64(e, CARD_TIME_SLOT_LO), last = first, start = clock_mono_ns();
	double passed, counted;

	for (unsigned int i = 0; i < 300; i++) {
		uint64_t now = get64(e, CARD_TIME_SLOT_LO);

		EXPECT(now >= last && now >> 48 == 0, "TIME_SLOT went from %llu to %llu",
		       (unsigned long long)last, (unsigned long long)now);
		last = now;
		sleep_ms(1);
	}
	passed = (double)(clock_mono_ns() - start);
	counted = (double)(last - first) * fs * 1e-6;
	EXPECT(counted > 0.9 * passed && counted < 1.1 * passed,
	       "TIME_SLOT counted %.0f us in %.0f us", counted / 1e3, passed / 1e3);
}

const struct check checks_control[] = {{"arm", ON_EACH, arm_needs},
                                       {"self-test", ON_EACH, self_test},
                                       {"self-test-fails", ON_EACH, self_test_fails},
                                       {"interlock", ON_EACH, interlock},
                                       {"safe-off", ON_EACH, safe_off},
                                       {"watchdog", ON_EACH, watchdog},
                                       {"fault-latches", ON_EACH, fault_latches},
                                       {"analog", ON_EACH, analog},
                                       {"slot-counter", ON_EACH, slot_counter},
                                       {NULL, 0, NULL}};
