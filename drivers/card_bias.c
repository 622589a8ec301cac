/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A Mach-Zehnder modulator lets sin^2(pi/2 (V - V0) / V_pi) of the light through where none shall
 * be; V0 wanders with temperature and charge. Found by a scan, followed by looking a little above
 * and below.
 */

#include <errno.h>
#include <math.h>
#include <time.h>

#include "drivers/card_analog.h"
#include "drivers/card_priv.h"

#define SETTLE_NS  (2 * NS_PER_S)   /* far beyond the contract's time for ACTUAL */
#define READING_NS (20 * NS_PER_MS) /* two of the monitor's means */
#define COARSE     16               /* points of the scan over the limits */
#define FINE_MV    120              /* last spacing of the search, or a bit below */
#define NEAR_MDB   20000            /* so good only near the point: no coarse scan */
#define V_PI_MV    5000             /* of such modulators; it sets the loop's gain alone */
#define DITHER_MV  60
#define MOVE_MAX   30 /* mV a cycle */

static int32_t limit(const struct card *card, uint32_t which)
{
	return (int32_t)card_get(card, CARD_ANALOG(CARD_ANALOG_MODULATOR) + which);
}

/* Share of the light that passes where none shall. */
static double leak(uint32_t mdb)
{
	return pow(10, -(double)mdb / 10000);
}

/* Feeds the watchdog on the way: the card is armed. */
static void pass(struct card *card, uint64_t ns)
{
	const struct timespec nap = {.tv_nsec = (long)ns};

	nanosleep(&nap, NULL);
	card_write(card, CARD_WATCHDOG, card->watchdog_ms);
}

/* Extinction at MV, once it is there; 0 when the card does not follow. */
static uint32_t extinction_at(struct card *card, int32_t mv, struct err *err)
{
	const struct card_setting s = {CARD_ANALOG_MODULATOR, mv};
	uint64_t start = clock_mono_ns();
	int32_t actual;

	if (card_analog_set(card, &s, 1, err) < 0)
		return 0;
	while (card_analog_actual(card, s.i, &actual) == 0 && actual != mv) {
		if (clock_mono_ns() - start > SETTLE_NS)
			return 0;
		pass(card, NS_PER_MS);
	}
	pass(card, READING_NS);
	return card_get(card, CARD_TX_EXTINCTION);
}

static int scan(struct card *card, int32_t from, int32_t to, int32_t step, int32_t *best,
                struct err *err)
{
	uint32_t most = 0;

	for (int32_t mv = from; mv <= to; mv += step) {
		uint32_t mdb = extinction_at(card, mv, err);

		if (mdb == 0 || mdb == CARD_ALL_ONES)
			return err_set(err, EIO,
			               "card: no extinction at a bias of %d mV (status 0x%x, now "
			               "at %d mV)",
			               mv, card_get(card, CARD_STATUS),
			               limit(card, CARD_ANALOG_ACTUAL));
		if (mdb > most) {
			most = mdb;
			*best = mv;
		}
	}
	return 0;
}

int card_bias_find(struct card *card, struct err *err)
{
	int32_t min, max, step, best = 0, value;
	uint64_t from;
	int rc;

	if (card_analog_actual(card, CARD_ANALOG_MODULATOR, &value) < 0)
		return 0;
	min = limit(card, CARD_ANALOG_MIN);
	max = limit(card, CARD_ANALOG_MAX);
	best = limit(card, CARD_ANALOG_SET);
	step = (max - min) / COARSE;
	if (step < 1)
		return err_set(err, EPROTO, "card modulator bias: limits %d to %d mV", min, max);
	if ((card->features & CARD_FEATURE_SYNC_PATTERN) == 0)
		return 0; /* no light that gives nothing away: it stays as calibrated */
	rc = card_tx_mode(card, CARD_TX_SYNC, &from);
	if (rc < 0)
		return err_set(err, -rc, "card: cannot show the sync pattern");
	if (extinction_at(card, best, err) >= NEAR_MDB)
		step = 3 * FINE_MV;
	else
		rc = scan(card, min, max, step, &best, err);
	for (; rc == 0 && step > FINE_MV; step /= 3)
		rc = scan(card, best - step > min ? best - step : min,
		          best + step < max ? best + step : max, step / 3, &best, err);
	if (rc == 0 && extinction_at(card, best, err) == 0)
		rc = err_set(err, EIO, "card: no extinction at a bias of %d mV", best);
	/* Dark again, whatever came of it. */
	if (card_tx_mode(card, CARD_TX_DARK, &from) < 0 && rc == 0)
		rc = err_set(err, ETIMEDOUT, "card: does not go dark");
	card->bias = (struct card_bias){.found = rc == 0, .centre = best};
	if (rc == 0)
		card_loop_set(card, CARD_LOOP_BIAS, STEER_HELD, best, true);
	return rc;
}

static int32_t clamp(int32_t v, int32_t min, int32_t max)
{
	return v < min ? min : v > max ? max : v;
}

/* Both readings of a cycle are there: towards the better side, in proportion. */
static void move(struct card *card, struct card_bias *b, uint32_t below_mdb)
{
	double above = leak(b->above_mdb), below = leak(below_mdb);
	/* Leak is a + k (V - V0)^2: the difference is 4 k d (V - V0), and k follows from V_pi. */
	double k = pow(M_PI / 2 / V_PI_MV, 2), off = (above - below) / (4 * k * DITHER_MV);
	int32_t least = limit(card, CARD_ANALOG_MIN) + DITHER_MV;
	int32_t most = limit(card, CARD_ANALOG_MAX) - DITHER_MV, before = b->centre;
	int32_t wanted = b->centre - clamp((int32_t)lrint(off / 2), -MOVE_MAX, MOVE_MAX);

	b->centre = clamp(wanted, least, most);
	card_loop_set(card, CARD_LOOP_BIAS, wanted == b->centre ? STEER_HELD : STEER_LIMIT,
	              b->centre, b->centre != before);
	card_status_set(card, bias_mv, b->centre);
	card_status_set(card, extinction_mdb, (b->above_mdb + below_mdb) / 2);
}

void card_bias_poll(struct card *card, uint64_t now_ns)
{
	struct card_bias *b = &card->bias;
	uint32_t mdb;

	if (!b->found || !card->status.armed || card->status.tx_mode == CARD_TX_DARK)
		return;
	if (b->pending == 0) {
		if (now_ns < b->next_ns)
			return;
		mdb = card_get(card, CARD_TX_EXTINCTION);
		if (b->steps > 0 && mdb != 0 && mdb != CARD_ALL_ONES) {
			if (b->step == 1)
				b->above_mdb = mdb;
			else
				move(card, b, mdb);
		}
		b->step ^= 1;
		b->steps++;
		b->next_ns = now_ns + CARD_BIAS_STEP_MS * NS_PER_MS;
		b->pending = 2;
	}
	if (b->pending == 2) {
		int32_t mv = b->centre + (b->step == 1 ? DITHER_MV : -DITHER_MV);

		if (card->ops->write32(card->t, CARD_ANALOG(CARD_ANALOG_MODULATOR), (uint32_t)mv) <
		    0)
			return; /* the card is still at the write before */
		b->pending = 1;
	}
	if (card->ops->write32(card->t, CARD_ANALOG_APPLY, 1) == 0)
		b->pending = 0;
}
