/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/why_key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A block that much late, or three times what one takes, is missing; after aborts only the latter.
 */
#define PATIENCE_S 60

/* While one of these is active no block becomes key. */
static const char *const card_alarms[] = {
        "no-card",    "card-temperature", "qrng-card",     "qrng-silent",
        "qrng-stuck", "qrng-biased",      "qrng-periodic", NULL,
};
static const char *const peer_alarms[] = {"authentication", "channel-down", "parameters", NULL};
static const char *const light_alarms[] = {
        "laser-damage", "trojan-horse", "detector-blinding",
        "fake-state",   "time-shift",   "fibre-cut",
        "no-light",     "sync",         "intercept-resend",
        "qber-x",       "qber-z",       "pads",
        NULL,
};
static const char *const kme_alarms[] = {"kme-unreachable", "kme-refused", "kme-divergence", NULL};
/* These may be why, where no block became key for long. */
static const char *const likely[] = {
        "steering",      "photon-number-splitting",
        "transcript",    "clicks-lost",
        "fibre-bend",    "loss-step",
        "errors-rise-x", "errors-rise-z",
        "loss-drift",    "dwdm-new",
        "calibration",   NULL,
};

static bool by_alarm(const struct why_key_facts *f, struct why *out)
{
	if (f->quantum && why_alarm(out, card_alarms, f->resource))
		return true;
	if (why_alarm(out, peer_alarms, f->resource))
		return true;
	if (f->quantum)
		return why_alarm(out, light_alarms, f->resource);
	return why_alarm(out, kme_alarms, f->resource);
}

/* A time as people say it. */
static const char *lasting(double s, char buf[32])
{
	if (s < 120)
		snprintf(buf, 32, "%.0f s", s);
	else if (s < 7200)
		snprintf(buf, 32, "%.0f min", s / 60);
	else
		snprintf(buf, 32, "%.0f h", s / 3600);
	return buf;
}

static double block_takes_s(const struct why_key_facts *f)
{
	double fills = f->sifted_per_s > 0 ? f->block_bits / f->sifted_per_s : 0;

	return fmax(f->block_every_s, fills);
}

static bool lately(const struct why_key_facts *f)
{
	double patience_s = f->aborted ? 0 : PATIENCE_S;

	return f->block_age_s >= 0 && f->block_age_s <= fmax(patience_s, 3 * block_takes_s(f));
}

static void made(const struct why_key_facts *f, struct why *out)
{
	char rate[48] = "", age[32];

	if (f->secret_per_s > 0)
		snprintf(rate, sizeof(rate), " at %.0f b/s", f->secret_per_s);
	if (f->keys == 0)
		why_set(out, false, "spent",
		        "Raise tunnel/rekey/period-ms, or deliver less to other equipment",
		        "Key is made%s and used as it comes: none for rekeying is left", rate);
	else
		why_set(out, true, "made", "",
		        "Key is made%s, the last block %s ago; %llu keys for rekeying at hand",
		        rate, lasting(f->block_age_s, age), (unsigned long long)f->keys);
}

/* The foreign KME gives some, or it is not known why not. */
static void fed(const struct why_key_facts *f, struct why *out)
{
	if (f->keys > 0)
		why_set(out, true, "fed", "", "The KME gives key; %llu keys for rekeying at hand",
		        (unsigned long long)f->keys);
	else
		why_set(out, false, "feed", "lgctl kme show, here and at the other site",
		        "The KME has given no key that is left: %s", f->feed);
}

static void light(const struct why_key_facts *f, struct why *out)
{
	char age[32];
	double left = block_takes_s(f);

	if (f->waits != NULL)
		why_set(out, false, "start",
		        "Wait, or look at lgctl status, optics/calibration, at both sites",
		        "The light's start is at \"%s\": %s", f->rung,
		        f->waits[0] != '\0' ? f->waits : "under way");
	else if (!f->aligned)
		why_set(out, false, "alignment", "Look at lgctl why key at the other site",
		        "The sites' slots are not aligned: light comes when site B asks for it");
	else if (f->refused)
		why_set(out, false, "store", "Look at the disk of keystore/path, and at the log",
		        "The key store refuses blocks");
	else if (f->aborted)
		why_set(out, false, "aborted", "operating.md, section 9, has the causes of aborts",
		        "The last block became no key: %s", f->last_abort);
	else if (f->sifted_per_s <= 0)
		why_set(out, false, "sifted",
		        "Look at engine/detections of lgctl link show, at both sites",
		        "No sifted key comes, though there is light");
	else if (f->block_age_s < 0)
		why_set(out, false, "filling", "Wait",
		        "The first block fills: %.0f b/s sifted, a block takes %.0f bits or %s",
		        f->sifted_per_s, f->block_bits, lasting(left, age));
	else
		why_set(out, false, "late", "Look at the log of both sites",
		        "No block became key for %s", lasting(f->block_age_s, age));
}

void why_key(const struct why_key_facts *f, struct why *out)
{
	*out = (struct why){0};
	snprintf(out->resource, sizeof(out->resource), "%s", f->resource);
	if (!f->quantum && !f->foreign)
		why_set(out, false, "disabled",
		        "Set qkd/enabled or foreign-kme, or import keys (lgctl keystore import)",
		        "No key is made here: qkd/enabled is false; %llu keys are left",
		        (unsigned long long)f->keys);
	else if (by_alarm(f, out))
		return;
	else if (!f->channel_up)
		why_set(out, false, "channel", "Wait, or look at the other gateway",
		        "The channel to the other gateway is being set up");
	else if (f->comparing)
		why_set(out, false, "stores", "Wait; else the log of both sites says why",
		        "The sites have not compared their key stores in this session yet");
	else if (!f->quantum)
		fed(f, out);
	else if (lately(f) && !f->refused)
		made(f, out);
	else if (!why_alarm(out, likely, f->resource))
		light(f, out);
}
