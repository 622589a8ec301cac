/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/card_analog.h"

#include <errno.h>
#include <inttypes.h>

#include "drivers/card_priv.h"

static const char *const names[CARD_ANALOG_COUNT] = {"laser bias",      "laser temperature",
                                                     "attenuation",     "modulator bias",
                                                     "phase",           "detectors' temperature",
                                                     "bias of Z0",      "bias of Z1",
                                                     "bias of X0",      "bias of X1",
                                                     "threshold of Z0", "threshold of Z1",
                                                     "threshold of X0", "threshold of X1"};

static bool has(const struct card *card, unsigned int i)
{
	return i < CARD_ANALOG_COUNT && (card->features & CARD_FEATURE_ANALOG) != 0 &&
	       (card_get(card, CARD_ANALOG_PRESENT) >> i & 1) != 0;
}

static int check(const struct card *card, const struct card_setting *s, struct err *err)
{
	int32_t min, max;

	if (!has(card, s->i))
		return err_set(err, ENOTSUP, "card: has no %s to set",
		               s->i < CARD_ANALOG_COUNT ? names[s->i] : "such thing");
	min = (int32_t)card_get(card, CARD_ANALOG(s->i) + CARD_ANALOG_MIN);
	max = (int32_t)card_get(card, CARD_ANALOG(s->i) + CARD_ANALOG_MAX);
	if (s->value < min || s->value > max)
		return err_set(err, ERANGE,
		               "card %s: %" PRId32 " is outside its safe limits, %" PRId32
		               " to %" PRId32,
		               names[s->i], s->value, min, max);
	return 0;
}

int card_analog_set(struct card *card, const struct card_setting *settings, unsigned int n,
                    struct err *err)
{
	int rc = card->state;

	if (rc < 0)
		return err_set(err, -rc, "card: lost or at fault");
	for (unsigned int k = 0; k < n && rc == 0; k++)
		rc = check(card, &settings[k], err);
	if (rc < 0)
		return rc;
	for (unsigned int k = 0; k < n && rc == 0; k++)
		rc = card_write(card, CARD_ANALOG(settings[k].i) + CARD_ANALOG_SET,
		                (uint32_t)settings[k].value);
	if (rc == 0)
		rc = card_write(card, CARD_ANALOG_APPLY, 1);
	if (rc < 0)
		return err_set(err, ETIMEDOUT, "card: takes no register writes");
	if (card_get(card, CARD_STATUS) & CARD_STATUS_FAULT)
		return err_set(err, EIO, "card: fault 0x%" PRIx32 " on its settings",
		               card_get(card, CARD_FAULT_CODE));
	return 0;
}

int card_analog_actual(const struct card *card, unsigned int i, int32_t *value)
{
	if (!has(card, i))
		return -ENOTSUP;
	*value = (int32_t)card_get(card, CARD_ANALOG(i) + CARD_ANALOG_ACTUAL);
	return 0;
}
