/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What happens, told to the clients of the control socket that subscribed to it: as JSON-RPC
 * notifications, each a line among their answers. Who reads too slowly loses the connection,
 * never an event: a client that is still connected has seen all of its topics. Control thread;
 * the data plane knows nothing of this.
 */

#ifndef CONTROL_EVENT_H
#define CONTROL_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/server.h"

#define EVENT_SUBSCRIBERS_MAX 256

enum event_topic {
	EVENT_ALARM, /* raised, changed, cleared */
	EVENT_AUDIT, /* a change or a capture, done or refused */
	EVENT_LINK,  /* card, channel, key distillation: another state */
	EVENT_REKEY, /* a tunnel switched keys, or stopped and resumed */
	EVENT_BLOCK, /* a block of key, with what came of it */
	EVENT_JOB,   /* captures, traces and the like: begun, progress, ended */
	EVENT_TOPICS
};

const char *event_topic_name(enum event_topic topic);
/* EVENT_TOPICS: there is none of that name. */
enum event_topic event_topic_parse(const char *name);

/* Where subscribers are connected; NULL: nobody is any more. */
void event_server_set(struct server *server);

/* Somebody wants TOPIC: what costs to find out need not be looked for otherwise. */
bool event_wanted(enum event_topic topic);

/*
 * LOOK finds out what changed; NULL: nobody does. Asked as a subscription begins, so that what
 * changes from its answer on is told, however soon.
 */
void event_look_set(void (*look)(void));

/* Tell all who want it. DATA is taken over. */
void event_publish(enum event_topic topic, json_t *data);

/*
 * CLIENT, a connection's number, gets the topics whose bits (1 << topic) are set, and no others;
 * 0: none. False: too many subscribers.
 */
bool event_subscribe(uint64_t client, unsigned int topics);

#endif
