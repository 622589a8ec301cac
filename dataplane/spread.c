/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spread.h"

#include "common/random.h"

/*
 * What reading a frame, hashing it and handing it over costs the reader, in hundredths of what
 * the rest costs whoever forwards it: docs/benchmarks.md, "Handing over". Short packets, for
 * which it matters most; it decides who gets how much, nothing else.
 */
#define READ_COST 15

/*
 * The slots of a reader, in units of 1/SPREAD_SLOTS. Let a packet's forwarding cost 1 and its
 * reading r. All cores are equally busy when each does (1 + r) / CORES a packet; a reader has
 * spent r / READERS of that on reading already.
 */
static unsigned int reader_slots(unsigned int cores, unsigned int readers)
{
	int share = (100 + READ_COST) * SPREAD_SLOTS / (int)cores -
	            READ_COST * SPREAD_SLOTS / (int)readers;

	return share < 0 ? 0 : (unsigned int)share / 100;
}

void spread_init(struct spread *s, unsigned int cores, unsigned int readers)
{
	unsigned int slots = reader_slots(cores, readers), at = 0;

	memset(s, 0, sizeof(*s));
	random_bytes(s->secret, sizeof(s->secret));
	if (cores == readers)
		slots = SPREAD_SLOTS / cores;
	for (unsigned int i = 0; i < readers; i++)
		for (unsigned int n = 0; n < slots; n++)
			s->core[at++] = (uint8_t)i;
	/* The others share what is left evenly; readers do when there are no others. */
	for (unsigned int i = 0; at < SPREAD_SLOTS; i++)
		s->core[at++] =
		        (uint8_t)(cores == readers ? i % cores : readers + i % (cores - readers));
}
