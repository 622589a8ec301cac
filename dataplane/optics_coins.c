/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_coins.h"

#include "common/random.h"
#include "dataplane/squash.h"

/* Two fair bits; double clicks are rare, so 64 at a time last long. */
static unsigned int two_coins(struct optics_coins *o, struct card *card)
{
	unsigned int coins;

	if (o->bits == 0) {
		if (card_random(card, &o->state, sizeof(o->state)) == 0) {
			o->from_card += sizeof(o->state);
		} else {
			random_bytes(&o->state, sizeof(o->state));
			o->from_kernel += sizeof(o->state);
		}
		o->bits = 64;
	}
	coins = o->state & 3;
	o->state >>= 2;
	o->bits -= 2;
	return coins;
}

void optics_coins_detect(struct optics_coins *o, struct card *card, unsigned int detectors,
                         struct detection *d)
{
	unsigned int coins = squash_needs_coins(detectors) ? two_coins(o, card) : 0;
	struct squashed s = squash(detectors, coins);

	d->basis = s.basis;
	d->bit = s.bit;
	d->cross = s.cross;
}
