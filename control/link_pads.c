/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Pads for the role's tags. Those of QKD key as they come; those of the pre-shared secret, which
 * nothing refills, two at a time and, once few are left, two in ten minutes; and bits of a cipher
 * in their place if the operator chose so.
 */

#include <stdio.h>

#include "common/clock.h"
#include "common/secret.h"
#include "control/link_state.h"

/*
 * With the role: a block takes one of each end, and what is with the role when the process
 * ends is lost.
 */
#define PADS_KEPT 4
/* Positions for so many blocks, at the least: those of the next pads come too late for some. */
#define POSITIONS_KEPT 8
#define PADS_RESERVE   2
/* Of the pre-shared secret: keys of a direction, two pads each, that are saved. */
#define PRESHARED_FLOOR    16
#define PRESHARED_AGAIN_NS (600 * NS_PER_S)

static enum key_class own_class(const struct link *l)
{
	return l->site_a ? KEY_AUTH_A : KEY_AUTH_B;
}

static bool at_floor(const struct keystore_stats *s)
{
	return s->preshared[KEY_AUTH_A] <= PRESHARED_FLOOR ||
	       s->preshared[KEY_AUTH_B] <= PRESHARED_FLOOR;
}

static void alarms(struct link *l, const struct keystore_stats *s)
{
	uint64_t keys = s->preshared[own_class(l)];
	char text[160];

	snprintf(text, sizeof(text), "the pre-shared secret has %llu pads left for this end%s",
	         (unsigned long long)(2 * keys),
	         at_floor(s) ? ": two are used in ten minutes at most" : "");
	link_alarm(at_floor(s), "preshared-low", l->resource, ALARM_MAJOR, text);
	link_alarm(l->bootstrapping, "computational-bootstrap", l->resource, ALARM_MAJOR,
	           l->bootstrapping ? "blocks are authenticated by a cipher for want of pads"
	                            : "one-time pads authenticate blocks");
}

/* Up to WANT pads; AROUND are with the role. */
static int take(struct link *l, struct auth_pad *pads, unsigned int want, unsigned int around,
                const struct keystore_stats *before, uint64_t now)
{
	unsigned int reserve = around < PADS_RESERVE ? PADS_RESERVE - around : 0;
	bool floor = at_floor(before), spare;
	struct keystore_stats after;
	int n;

	/* When the last were taken is not on disk: a start counts as such a moment. */
	if (l->preshared_again_ns == 0)
		l->preshared_again_ns = floor ? now + PRESHARED_AGAIN_NS : now;
	spare = floor && now < l->preshared_again_ns;
	/* At the floor the operator's choice goes before what is left of the secret. */
	if (floor && l->allow_computational)
		spare = true;
	n = keystore_pads_take(l->ks, own_class(l), pads, want, spare ? 0 : reserve, NULL);
	keystore_stats_read(l->ks, &after);
	if (floor && after.preshared[own_class(l)] != before->preshared[own_class(l)])
		l->preshared_again_ns = now + PRESHARED_AGAIN_NS;
	if (n <= 0 && around == 0 && floor && l->allow_computational) {
		n = keystore_pads_computational(l->ks, own_class(l), pads, 1, NULL);
		l->bootstrapping |= n > 0;
	}
	return n;
}

void link_supply_pads(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	unsigned int around = qkd_role_pads(l->role), want = 0;
	struct qkd_note *notes[PADS_KEPT];
	struct keystore_stats keys;
	struct auth_pad *pads;
	int n = 0;

	/* Not without light, or each start would cost some of the pre-shared ones. */
	if (!s->quantum || !s->engine.aligned)
		return;
	keystore_stats_read(l->ks, &keys);
	/* What is with the role is not much beside what is on its way to it. */
	keystore_positions(l->ks, s->engine.positions_free < POSITIONS_KEPT * l->delivery.positions
	                                  ? l->delivery.positions
	                                  : 0);
	if (around < PADS_KEPT && l->unposted == NULL &&
	    (pads = secret_alloc(PADS_KEPT * sizeof(*pads))) != NULL) {
		while (around + want < PADS_KEPT &&
		       (notes[want] = qkd_note_new(QKD_NOTE_PAD, 0)) != NULL)
			want++;
		if (want > 0)
			n = take(l, pads, want, around, &keys, now);
		for (int i = 0; i < (int)want; i++) {
			if (i >= n) {
				qkd_note_free(notes[i]);
				continue;
			}
			notes[i]->pad = pads[i];
			link_post(l, notes[i]);
		}
		secret_free(pads);
	}
	alarms(l, &keys);
}
