/* SPDX-License-Identifier: BSD-3-Clause */

/* Arming, watching and closing a card. */

#include "drivers/card.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/secret.h"
#include "drivers/card_priv.h"

#define STATUS_NS       NS_PER_MS
#define FS_PER_NS       1000000ULL
#define CAUSE_NS        (10 * NS_PER_MS)
#define DROPPED_NS      (10 * NS_PER_MS)
#define SELFTEST_MAX_NS (2 * NS_PER_S)

int card_write(struct card *card, uint32_t offset, uint32_t value)
{
	return transport_write(card->ops, card->t, offset, value, CARD_WRITE_NS);
}

void card_fail(struct card *card, int code)
{
	if (card->state == -ENODEV)
		return;
	card->state = code;
	card->dark_pending = code == -EIO;
	card_status_set(card, armed, false);
	card_status_set(card, lost, code == -ENODEV);
	card_random_discard(card);
}

uint64_t card_slot_extend(const struct card *card, uint64_t slot48)
{
	int64_t ahead = (int64_t)((slot48 - card->slot_ref) << 16) >> 16;

	return card->slot_ref + (uint64_t)ahead;
}

uint64_t card_slot_before(const struct card *card, uint64_t ns)
{
	uint64_t fs = card->status.slot_period_fs;
	uint64_t slots = fs > 0 ? ns * FS_PER_NS / fs : 0;

	return slots < card->slot_ref ? card->slot_ref - slots : 0;
}

uint64_t card_slot_now(struct card *card)
{
	uint64_t v;

	if (card->ops->read64(card->t, CARD_TIME_SLOT_LO, &v) == 0 && v >> 48 == 0)
		card->slot_ref = card_slot_extend(card, v);
	return card->slot_ref;
}

/* All that the card can check of itself, before any light. */
static int self_test(struct card *card, struct err *err)
{
	uint64_t start = clock_mono_ns(), fed = start;
	uint32_t state;

	if ((card->features & CARD_FEATURE_SELF_TEST) == 0)
		return 0;
	if (card_write(card, CARD_SELFTEST, 1) < 0)
		return err_set(err, ETIMEDOUT, "card: takes no register writes, cannot test");
	while ((state = card_get(card, CARD_SELFTEST)) == CARD_SELFTEST_RUNNING) {
		uint64_t now = clock_mono_ns();

		if (now - start > SELFTEST_MAX_NS)
			return err_set(err, ETIMEDOUT, "card: self-test took more than 2 s");
		if (now - fed > card->watchdog_ms * NS_PER_MS / 3 &&
		    card_write(card, CARD_WATCHDOG, card->watchdog_ms) == 0)
			fed = now;
		transport_relax(start);
	}
	if (state == CARD_ALL_ONES)
		return err_set(err, ENODEV, "card: lost in its self-test");
	if (state != CARD_SELFTEST_PASSED) {
		if (card_get(card, CARD_SELFTEST_FAILED) & CARD_CHECK_QRNG)
			card_random_state(card, CARD_QRNG_FAIL);
		return err_set(err, EIO, "card: self-test failed, checks 0x%" PRIx32,
		               card_get(card, CARD_SELFTEST_FAILED));
	}
	return 0;
}

int card_arm(struct card *card, struct err *err)
{
	uint64_t start = clock_mono_ns();
	uint32_t status;
	int rc;

	if (card->state < 0)
		return err_set(err, -card->state, "card: lost or at fault, cannot arm");
	rc = self_test(card, err);
	if (rc < 0)
		return rc;
	start = clock_mono_ns();
	if (card_write(card, CARD_WATCHDOG, card->watchdog_ms) < 0 ||
	    card_write(card, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM) < 0)
		return err_set(err, ETIMEDOUT, "card: takes no register writes, cannot arm");
	for (;;) {
		status = card_get(card, CARD_STATUS);
		if (status == CARD_ALL_ONES)
			return err_set(err, ENODEV, "card: lost while arming");
		if (status & CARD_STATUS_FAULT)
			return err_set(err, EIO, "card: fault 0x%" PRIx32 " while arming",
			               card_get(card, CARD_FAULT_CODE));
		if (status & CARD_STATUS_ARMED)
			break;
		if (clock_mono_ns() - start > 3 * CARD_WRITE_NS) {
			card_safe_off(card);
			return err_set(err, ETIMEDOUT, "card: does not arm");
		}
		transport_relax(start);
	}
	card->watchdog_next_ns = 0;
	card_status_set(card, armed, true);
	return 0;
}

uint32_t card_fault(const struct card *card)
{
	uint32_t code = card->state == -ENODEV ? 0 : card_get(card, CARD_FAULT_CODE);

	return code == CARD_ALL_ONES ? 0 : code;
}

void card_safe_off(struct card *card)
{
	card_status_set(card, armed, false);
	if (card->state != -ENODEV &&
	    card_write(card, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF) == 0)
		card->dark_pending = false;
}

void card_close(struct card *card)
{
	if (card == NULL)
		return;
	if (card->state != -ENODEV) {
		card_safe_off(card);
		/* Nobody may write to the rings' memory once it is let go. */
		card_write(card, CARD_CTRL, 0);
	}
	card->ops->close(card->t);
	card_otdr_close(card);
	card_ocm_close(card);
	card_random_close(card);
	free(card->query);
	free(card);
}

/* A GAP says no more than 4095; the register, all. */
static void look_at_ring(struct card *card, uint64_t now_ns)
{
	uint64_t dropped;

	if (card->role != CARD_IS_BOB || now_ns < card->dropped_next_ns)
		return;
	if (card->ops->read64(card->t, CARD_RING(CARD_RING_TAGS) + CARD_RING_DROPPED_LO,
	                      &dropped) == 0)
		card_status_set(card, dropped_tags, dropped);
	card->dropped_next_ns = now_ns + DROPPED_NS;
}

/* Registers that need no look in every turn: over PCIe a read costs about a microsecond. */
static void look(struct card *card, uint64_t now_ns)
{
	uint32_t status = card_get(card, CARD_STATUS), cause, qrng;

	if (status == CARD_ALL_ONES) {
		card_fail(card, -ENODEV);
		return;
	}
	if ((status & (CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET)) != 0 ||
	    (status & CARD_STATUS_READY) == 0) {
		card_status_set(card, fault_code, card_get(card, CARD_FAULT_CODE));
		card_status_set(card, fault_arg, card_get(card, CARD_FAULT_ARG));
		if (card->status.fault_code == CARD_FAULT_QRNG)
			card_random_state(card, CARD_QRNG_FAIL);
		card_fail(card, -EIO);
		return;
	}
	card_slot_now(card);
	look_at_ring(card, now_ns);
	qrng = card_get(card, CARD_QRNG_STATE);
	card_random_state(card, qrng);
	if (now_ns < card->cause_next_ns)
		return;
	cause = card_get(card, CARD_IRQ_CAUSE);
	if (cause == 0 || card->ops->write32(card->t, CARD_IRQ_CAUSE, cause) == 0)
		card->cause_next_ns = now_ns + CAUSE_NS;
}

int card_poll(struct card *card, uint64_t now_ns)
{
	unsigned int handled = 0;
	uint32_t done;

	if (card->state == 0 && !card->ops->alive(card->t, now_ns))
		card_fail(card, -ENODEV);
	if (card->state == 0 && now_ns >= card->watchdog_next_ns &&
	    card->ops->write32(card->t, CARD_WATCHDOG, card->watchdog_ms) == 0)
		card->watchdog_next_ns = now_ns + card->watchdog_ms * NS_PER_MS / 3;
	if (card->state == 0 && now_ns >= card->status_next_ns) {
		card->status_next_ns = now_ns + STATUS_NS;
		look(card, now_ns);
	}
	if (card->state < 0) {
		if (card->dark_pending &&
		    card->ops->write32(card->t, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF) ==
		            0)
			card->dark_pending = false;
		return card->state;
	}
	card_bias_poll(card, now_ns);
	card_steer_poll(card, now_ns);
	handled += card_random_poll(card, now_ns);
	handled += card_telemetry_poll(card);
	handled += card_queries_poll(card);
	handled += card_otdr_poll(card, now_ns);
	handled += card_ocm_poll(card);
	card_ring_refill(&card->ring[CARD_RING_TAGS]);
	card_ring_refill(&card->ring[CARD_RING_CHOICES]);
	card_ring_refill(&card->ring[CARD_RING_MONITOR]);
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++)
		if (card->ring[q].running)
			card_ring_doorbell(&card->ring[q]);
	/* Those two are read out by card_clicks() and card_choices() between our turns. */
	done = card->ring[CARD_RING_TAGS].done + card->ring[CARD_RING_CHOICES].done;
	handled += done - card->counted;
	card->counted = done;
	return (int)handled;
}

#define status_get(card, out, field)                                                               \
	__atomic_load(&(card)->status.field, &(out)->field, __ATOMIC_RELAXED)

void card_status_read(const struct card *card, struct card_status *out)
{
	status_get(card, out, simulated);
	status_get(card, out, armed);
	status_get(card, out, lost);
	status_get(card, out, qrng_ok);
	status_get(card, out, role);
	status_get(card, out, abi);
	status_get(card, out, build);
	status_get(card, out, fault_code);
	status_get(card, out, fault_arg);
	status_get(card, out, slot_period_fs);
	status_get(card, out, otdr);
	status_get(card, out, ocm);
	status_get(card, out, monitor);
	status_get(card, out, protection);
	status_get(card, out, monitor_records);
	status_get(card, out, monitor_gaps);
	status_get(card, out, clicks);
	status_get(card, out, doubles);
	status_get(card, out, gaps);
	status_get(card, out, gap_slots);
	status_get(card, out, shut_slots);
	status_get(card, out, lost_tags);
	status_get(card, out, dropped_tags);
	status_get(card, out, lookups);
	status_get(card, out, stale_lookups);
	status_get(card, out, sequence_errors);
	status_get(card, out, temperature_mc);
	status_get(card, out, photocurrent_na);
	status_get(card, out, tx_power_nw);
	status_get(card, out, phase);
	status_get(card, out, phase_mrad2);
	status_get(card, out, last_slot);
	status_get(card, out, tx_mode);
	status_get(card, out, bias_mv);
	status_get(card, out, extinction_mdb);
	card_steer_status(card, out);
}
