/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Events of the gateway, found by looking: the control thread compares what methods would
 * show with what it was at the last look, and only while somebody wants to know. Nothing is
 * added to the data plane, and no core waits for a client.
 */

#ifndef CONTROL_EVENT_WATCH_H
#define CONTROL_EVENT_WATCH_H

#include <jansson.h>
#include <stdint.h>

#include "control/event.h"

#define EVENT_WATCH_TUNNELS 128 /* looked at in one turn: a long list takes several */

/* Look once; several times a second. */
void event_watch_poll(uint64_t now_ns);

/* Forget what was seen. */
void event_watch_reset(void);

/* The last look at one thing; zero at first. */
struct event_seen {
	json_t *last;
};

/*
 * NOW, taken over, is an event of TOPIC when it is other than at the last look. The first look, and
 * the first since somebody wants TOPIC, is none. To be called when nobody does, too, with NULL.
 */
void event_watch_compare(struct event_seen *seen, enum event_topic topic, json_t *now);

#endif
