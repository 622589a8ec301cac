/* SPDX-License-Identifier: BSD-3-Clause */

/* Why is there no key? From the card to the key store. */

#ifndef CONTROL_WHY_KEY_H
#define CONTROL_WHY_KEY_H

#include <stdint.h>

#include "control/why.h"

struct why_key_facts {
	char resource[64];          /* "link/NAME" */
	bool quantum, foreign;      /* key is made here; a foreign KME gives some */
	bool channel_up, comparing; /* the stores of both sites are not compared yet */
	const char *rung, *waits;   /* of the light's start, and why; NULL: it is done */
	bool aligned;
	double sifted_per_s, block_bits;
	double block_age_s;   /* since the last block became key; negative: none has */
	double block_every_s; /* between the last two; 0: not known */
	double secret_per_s;  /* of the last ones; 0: not known */
	bool aborted;         /* the last block that ended became no key */
	const char *last_abort;
	bool refused;     /* by the key store, lately */
	const char *feed; /* state of the foreign KME in words */
	uint64_t keys;    /* at hand for rekeying */
};

void why_key(const struct why_key_facts *f, struct why *out);

#endif
