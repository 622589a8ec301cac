/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The alarm "clicks-lost": more than a twentieth of the last ten seconds' clicks is missing, for
 * the card's ring was full or the simulated link is slower than real time; its ring was full
 * because post-processing is behind or this gateway reads too slowly. Key goes on from what is
 * there, but rates that are read off such a link are not the link's.
 */

#ifndef CONTROL_CLICKS_WATCH_H
#define CONTROL_CLICKS_WATCH_H

#include <stdint.h>

#include "dataplane/optics.h"

void clicks_watch_reset(void);

/* S: whose card is not PRESENT while there is none. Cheap but once a second. */
void clicks_watch_poll(const char *link, const struct optics_status *s, uint64_t now_ns);

#endif
