/* SPDX-License-Identifier: BSD-3-Clause */

/* Opening a card: who is it, reset, settings, rings. */

#include "drivers/card.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "drivers/card_priv.h"

#define RESET_NS      NS_PER_S
#define MODERATION_US 1000 /* the longest that a click waits in a part-filled buffer */

/* Two seconds of part-filled buffers at MODERATION_US, 10^6 clicks. */
#define TAGS_LOG2      11
#define TELEMETRY_LOG2 4

static int check_config(const struct card_config *c, struct err *err)
{
	if (c->role != CARD_IS_ALICE && c->role != CARD_IS_BOB)
		return err_set(err, EINVAL, "card role: %d is neither Alice nor Bob", (int)c->role);
	if (c->watchdog_ms < 10 || c->watchdog_ms > 60000)
		return err_set(err, EINVAL, "card watchdog_ms: %" PRIu32 " is not 10 to 60000",
		               c->watchdog_ms);
	if (c->role == CARD_IS_BOB)
		return 0;
	if (!(c->mu1 > 0 && c->mu1 <= 16))
		return err_set(err, EINVAL, "card mu1: %g is not above 0 and at most 16", c->mu1);
	if (!(c->mu2 > 0 && c->mu2 < c->mu1))
		return err_set(err, EINVAL, "card mu2: %g is not above 0 and below mu1", c->mu2);
	if (!(c->p_mu1 > 0 && c->p_mu1 < 1))
		return err_set(err, EINVAL, "card p_mu1: %g is not between 0 and 1", c->p_mu1);
	if (!(c->p_z > 0 && c->p_z < 1))
		return err_set(err, EINVAL, "card p_z: %g is not between 0 and 1", c->p_z);
	return 0;
}

static int check_identity(struct card *card, const struct card_config *c, struct err *err)
{
	uint32_t magic = card_get(card, CARD_MAGIC), abi = card_get(card, CARD_ABI);
	uint32_t role = card_get(card, CARD_ROLE);

	if (magic == CARD_ALL_ONES)
		return err_set(err, ENODEV, "card %s: absent (reads as all ones)", c->path);
	if (magic != CARD_MAGIC_VALUE)
		return err_set(err, EPROTO, "card %s: magic is 0x%08" PRIx32 ", not 0x%08x",
		               c->path, magic, CARD_MAGIC_VALUE);
	if (abi >> 24 != CARD_ABI_MAJOR)
		return err_set(err, EPROTO,
		               "card %s: register contract version %" PRIu32 ".%" PRIu32
		               ", but this driver knows major version %d",
		               c->path, abi >> 24, abi >> 16 & 0xff, CARD_ABI_MAJOR);
	if ((role & 0xff) != (uint32_t)c->role)
		return err_set(err, EINVAL, "card %s: role is %s, but %s is configured", c->path,
		               (role & 0xff) == CARD_ROLE_ALICE ? "alice"
		               : (role & 0xff) == CARD_ROLE_BOB ? "bob"
		                                                : "unknown",
		               c->role == CARD_IS_ALICE ? "alice" : "bob");
	if (c->role == CARD_IS_BOB && (role >> 8 & 0xff) != 4)
		return err_set(err, EINVAL, "card %s: %" PRIu32 " detector channels, not 4",
		               c->path, role >> 8 & 0xff);
	card->features =
	        card_get(card, CARD_FEATURES_LO) | (uint64_t)card_get(card, CARD_FEATURES_HI) << 32;
	card_status_set(card, role, c->role);
	card_status_set(card, phase, (card->features & CARD_FEATURE_PHASE) != 0);
	card_status_set(card, abi, abi);
	card_status_set(card, build, card_get(card, CARD_BUILD));
	card_status_set(card, simulated,
	                (card_get(card, CARD_FLAVOUR) & CARD_FLAVOUR_SIMULATED) != 0);
	return 0;
}

static int reset(struct card *card, const char *path, struct err *err)
{
	uint64_t start = clock_mono_ns(), slot;
	uint32_t ctrl, status;

	if (card_write(card, CARD_CTRL, CARD_CTRL_RESET) < 0)
		return err_set(err, ETIMEDOUT, "card %s: takes no register writes", path);
	for (;;) {
		ctrl = card_get(card, CARD_CTRL);
		status = card_get(card, CARD_STATUS);
		if (ctrl == CARD_ALL_ONES || status == CARD_ALL_ONES)
			return err_set(err, ENODEV, "card %s: lost during reset", path);
		if ((ctrl & CARD_CTRL_RESET) == 0 && (status & CARD_STATUS_READY) != 0)
			break;
		if (clock_mono_ns() - start > RESET_NS)
			return err_set(err, ETIMEDOUT, "card %s: reset took more than 1 s", path);
		transport_relax(start);
	}
	if ((status & (CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET)) != 0)
		return err_set(err, EIO, "card %s: fault 0x%" PRIx32 " after reset", path,
		               card_get(card, CARD_FAULT_CODE));
	while (card->ops->read64(card->t, CARD_TIME_SLOT_LO, &slot) < 0) {
		if (clock_mono_ns() - start > RESET_NS)
			return err_set(err, ETIMEDOUT, "card %s: no slot counter", path);
		transport_relax(start);
	}
	card->slot_ref = slot & 0xffffffffffffULL;
	card->tag_last = card->slot_ref;
	card_status_set(card, slot_period_fs, card_get(card, CARD_TIME_SLOT_FS));
	return 0;
}

/* Nothing but what this driver makes use of. */
static int use_features(struct card *card, const char *path, struct err *err)
{
	card->features &= CARD_FEATURES_1_0 | CARD_FEATURE_SELF_TEST | CARD_FEATURE_OTDR |
	                  CARD_FEATURE_OCM | CARD_FEATURE_ANALOG | CARD_FEATURE_QRNG_TESTS |
	                  CARD_FEATURE_PHASE | CARD_FEATURE_MONITOR | CARD_FEATURE_PROTECTION;
	if ((card->features & ~(uint64_t)CARD_FEATURES_1_0) == 0)
		return 0; /* a card of version 1.0 has no such register */
	if (card_write(card, CARD_FEATURES_USED_LO, (uint32_t)card->features) < 0)
		return err_set(err, ETIMEDOUT, "card %s: takes no register writes", path);
	if (card_get(card, CARD_FEATURES_USED_LO) != (uint32_t)card->features)
		return err_set(err, EPROTO, "card %s: offers features 0x%x but takes 0x%x", path,
		               (unsigned int)card->features, card_get(card, CARD_FEATURES_USED_LO));
	return 0;
}

static uint32_t fixed16(double v)
{
	return (uint32_t)lrint(v * 65536);
}

static int configure(struct card *card, const struct card_config *c, struct err *err)
{
	const struct {
		uint32_t offset, value;
	} alice[] = {{CARD_MODERATION, MODERATION_US},
	             {CARD_TX_MODE, CARD_TX_MODE_DARK},
	             {CARD_TX_MU1, fixed16(c->mu1)},
	             {CARD_TX_MU2, fixed16(c->mu2)},
	             {CARD_TX_P_MU1, fixed16(c->p_mu1)},
	             {CARD_TX_P_Z, fixed16(c->p_z)},
	             {CARD_TX_APPLY, 1}},
	  bob[] = {{CARD_MODERATION, MODERATION_US},
	           {CARD_RX_HOLDOFF_NS, c->holdoff_ns},
	           {CARD_RX_GATE_START, 0},
	           {CARD_RX_GATE_WIDTH, 256},
	           {CARD_RX_APPLY, 1}},
	  *list = c->role == CARD_IS_ALICE ? alice : bob;
	size_t n = c->role == CARD_IS_ALICE ? sizeof(alice) / sizeof(alice[0])
	                                    : sizeof(bob) / sizeof(bob[0]);

	if (card_monitor_configure(card, c) < 0)
		return err_set(err, ETIMEDOUT, "card %s: takes no register writes", c->path);
	for (size_t i = 0; i < n; i++)
		if (card_write(card, list[i].offset, list[i].value) < 0)
			return err_set(err, ETIMEDOUT, "card %s: takes no register writes",
			               c->path);
	if (card->pool != NULL && card_random_configure(card) < 0)
		return err_set(err, ETIMEDOUT, "card %s: takes no register writes", c->path);
	if (card_get(card, CARD_STATUS) & CARD_STATUS_FAULT)
		return err_set(err, EINVAL,
		               "card %s: fault 0x%" PRIx32 " on its settings, argument 0x%" PRIx32,
		               c->path, card_get(card, CARD_FAULT_CODE),
		               card_get(card, CARD_FAULT_ARG));
	return 0;
}

static int start_rings(struct card *card, const char *path, struct err *err)
{
	unsigned int log2[CARD_RING_COUNT] = {0};

	if (card->role == CARD_IS_ALICE)
		log2[CARD_RING_QUERIES] = log2[CARD_RING_CHOICES] = CARD_QUERIES_LOG2;
	else
		log2[CARD_RING_TAGS] = TAGS_LOG2;
	if (card->features & CARD_FEATURE_QRNG)
		log2[CARD_RING_QRNG] = CARD_QRNG_LOG2;
	if (card->features & CARD_FEATURE_TELEMETRY)
		log2[CARD_RING_TELEMETRY] = TELEMETRY_LOG2;
	if (card->features & CARD_FEATURE_OTDR)
		log2[CARD_RING_OTDR] = CARD_OTDR_LOG2;
	if (card->features & CARD_FEATURE_OCM)
		log2[CARD_RING_OCM] = CARD_OCM_LOG2;
	if (card->features & CARD_FEATURE_MONITOR)
		log2[CARD_RING_MONITOR] = CARD_MONITOR_LOG2;
	for (unsigned int q = 0; q < CARD_RING_COUNT; q++) {
		struct card_ring *r = &card->ring[q];
		int rc;

		if (log2[q] == 0)
			continue;
		rc = card_ring_start(r, card->ops, card->t, q, log2[q], &card->dma,
		                     &card->dma_used);
		if (rc < 0)
			return err_set(err, -rc, "card %s: ring %u does not start", path, q);
		if (q != CARD_RING_QUERIES)
			card_ring_refill(r);
		card_ring_doorbell(r);
	}
	/* First the watchdog: a host that dies from here on leaves no ring running for long. */
	if (card_write(card, CARD_WATCHDOG, card->watchdog_ms) < 0 ||
	    card_write(card, CARD_CTRL, CARD_CTRL_ENABLE) < 0 ||
	    ((card->features & CARD_FEATURE_OCM) != 0 &&
	     card_write(card, CARD_OCM_PERIOD_MS, CARD_OCM_MS) < 0))
		return err_set(err, ETIMEDOUT, "card %s: cannot be enabled", path);
	return 0;
}

static int bring_up(struct card *card, const struct card_config *c, struct err *err)
{
	int rc = check_identity(card, c, err);

	if (rc == 0)
		rc = reset(card, c->path, err);
	if (rc == 0 && card->role == CARD_IS_ALICE) {
		card->query = calloc(CARD_QUERIES, sizeof(*card->query));
		if (card->query == NULL)
			return err_set(err, ENOMEM, "card %s: out of memory", c->path);
	}
	if (rc == 0 && (card->features & CARD_FEATURE_QRNG) != 0)
		rc = card_random_open(card, c->qrng, err);
	if (rc == 0)
		rc = use_features(card, c->path, err);
	if (rc == 0 && (card_otdr_open(card) < 0 || card_ocm_open(card) < 0))
		return err_set(err, ENOMEM, "card %s: out of memory", c->path);
	if (rc == 0)
		rc = configure(card, c, err);
	if (rc == 0)
		rc = card_steer_open(card, c, err);
	if (rc == 0)
		rc = start_rings(card, c->path, err);
	return rc;
}

int card_open(const struct card_config *config, struct card **out, struct err *err)
{
	const struct transport_ops *ops = transport_find(config->transport);
	struct card *card;
	int rc = check_config(config, err);

	if (rc < 0)
		return rc;
	if (ops == NULL)
		return err_set(err, EINVAL, "card transport: no transport is called \"%s\"",
		               config->transport);
	card = calloc(1, sizeof(*card));
	if (card == NULL)
		return err_set(err, ENOMEM, "card %s: out of memory", config->path);
	card->ops = ops;
	card->role = config->role;
	card->watchdog_ms = config->watchdog_ms;
	rc = ops->open(config->path, &card->t, err);
	if (rc < 0) {
		free(card);
		return rc;
	}
	ops->dma(card->t, &card->dma);
	rc = bring_up(card, config, err);
	if (rc < 0) {
		/* A card of another version or role is not ours to write to. */
		card->state = -ENODEV;
		card_close(card);
		return rc;
	}
	*out = card;
	return 0;
}
