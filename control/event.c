/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/alarm_json.h"

static const char *const names[EVENT_TOPICS] = {
        [EVENT_ALARM] = "alarm", [EVENT_AUDIT] = "audit", [EVENT_LINK] = "link",
        [EVENT_REKEY] = "rekey", [EVENT_BLOCK] = "block", [EVENT_JOB] = "job",
};

static struct server *server;
static struct subscriber {
	uint64_t client;
	unsigned int topics;
} subscribers[EVENT_SUBSCRIBERS_MAX];
static unsigned int count;

const char *event_topic_name(enum event_topic topic)
{
	return names[topic];
}

enum event_topic event_topic_parse(const char *name)
{
	unsigned int t = 0;

	while (t < EVENT_TOPICS && strcmp(names[t], name) != 0)
		t++;
	return (enum event_topic)t;
}

static void on_alarm(const struct alarm_change *c)
{
	if (event_wanted(EVENT_ALARM))
		event_publish(EVENT_ALARM, alarm_change_json(c));
}

void event_server_set(struct server *s)
{
	server = s;
	count = 0;
	alarm_unlisten(on_alarm);
	if (s != NULL)
		alarm_listen(on_alarm);
}

static void forget(unsigned int i)
{
	subscribers[i] = subscribers[--count];
}

/* Those whose client is gone. */
static void prune(void)
{
	for (unsigned int i = count; i-- > 0;)
		if (!server_client_connected(server, subscribers[i].client))
			forget(i);
}

bool event_wanted(enum event_topic topic)
{
	for (unsigned int i = 0; i < count; i++)
		if ((subscribers[i].topics & 1u << topic) != 0)
			return true;
	return false;
}

static void (*look)(void);

void event_look_set(void (*fn)(void))
{
	look = fn;
}

static void look_now(void)
{
	if (look != NULL)
		look();
}

bool event_subscribe(uint64_t client, unsigned int topics)
{
	unsigned int i = 0;

	/* What came before is the others' alone. */
	look_now();
	prune();
	while (i < count && subscribers[i].client != client)
		i++;
	if (topics == 0) {
		if (i < count)
			forget(i);
		return true;
	}
	if (i == EVENT_SUBSCRIBERS_MAX)
		return false;
	subscribers[i] = (struct subscriber){client, topics};
	count += i == count;
	look_now();
	return true;
}

void event_publish(enum event_topic topic, json_t *data)
{
	char when[32], *line;
	json_t *o;

	if (!event_wanted(topic)) {
		json_decref(data);
		return;
	}
	o = json_pack("{s:s, s:s, s:{s:s, s:s, s:o}}", "jsonrpc", "2.0", "method", "event",
	              "params", "topic", names[topic], "time", clock_format(clock_wall_ns(), when),
	              "data", data);
	line = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	for (unsigned int i = count; line != NULL && i-- > 0;)
		if ((subscribers[i].topics & 1u << topic) != 0 &&
		    !server_push(server, subscribers[i].client, line))
			forget(i);
	free(line);
}
