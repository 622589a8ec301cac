/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The alarm "clicks-lost": the card's tags have gaps, for its ring was full or the simulated link
 * is slower than real time. Key goes on from what is there, but rates that are read off such a link
 * are not the link's.
 */

#ifndef CONTROL_CLICKS_WATCH_H
#define CONTROL_CLICKS_WATCH_H

#include <stdint.h>

#include "drivers/card.h"

void clicks_watch_reset(void);

/* S: of the card in use, NULL while there is none. Cheap but once a second. */
void clicks_watch_poll(const char *link, const struct card_status *s, uint64_t now_ns);

#endif
