/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/event_watch.h"

#include <string.h>

#include "common/clock.h"
#include "control/gateway.h"
#include "dataplane/capture.h"
#include "dataplane/latency.h"

static struct seen_tunnel {
	char name[32];
	uint64_t rekeys;
	bool stopped;
	enum rekey_standing standing;
} tunnels[CONFIG_TUNNELS_MAX];
static bool tunnels_known[CONFIG_TUNNELS_MAX];
static unsigned int at; /* of TUNNELS, in this turn */
static struct event_seen link_seen, latency_seen, capture_seen[PORT_ROLES];
static uint64_t progress_ns; /* of captures: a second apart */

static void forget(struct event_seen *seen)
{
	json_decref(seen->last);
	seen->last = NULL;
}

void event_watch_reset(void)
{
	memset(tunnels_known, 0, sizeof(tunnels_known));
	at = 0;
	forget(&link_seen);
	forget(&latency_seen);
	for (int role = 0; role < PORT_ROLES; role++)
		forget(&capture_seen[role]);
	progress_ns = 0;
}

void event_watch_compare(struct event_seen *seen, enum event_topic topic, json_t *now)
{
	if (now == NULL || !event_wanted(topic)) {
		json_decref(now);
		forget(seen);
		return;
	}
	if (seen->last != NULL && !json_equal(seen->last, now))
		event_publish(topic, json_incref(now));
	forget(seen);
	seen->last = now;
}

static json_t *link_json(void)
{
	static const char *const states[] = {
	        [CHANNEL_DOWN] = "down", [CHANNEL_CONNECTING] = "connecting", [CHANNEL_UP] = "up"};
	struct gateway_link l = {0};

	if (gateway_ops()->link == NULL)
		return NULL;
	gateway_ops()->link(&l);
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:I, s:s}", "link", l.name, "channel",
	                 states[l.channel.state], "card", l.card_present, "card_lost",
	                 l.card_present && l.card.lost, "aligned", l.engine.aligned,
	                 "blocks_aborted", (json_int_t)l.engine.blocks_aborted, "last_abort",
	                 l.engine.last_abort);
}

static void compare_tunnel(unsigned int i, const struct gateway_tunnel *t)
{
	const struct rekey_stats *r = &t->rekey;
	struct seen_tunnel *seen = &tunnels[i];
	/* A change of the configuration may have put another here. */
	bool known = tunnels_known[i] && strcmp(seen->name, t->name) == 0;

	if (known && (seen->rekeys != r->rekeys || seen->stopped != r->stopped ||
	              seen->standing != r->standing))
		event_publish(EVENT_REKEY,
		              json_pack("{s:s, s:I, s:I, s:s, s:s, s:b}", "tunnel", t->name,
		                        "rekeys", (json_int_t)r->rekeys, "generation",
		                        (json_int_t)r->generation, "cause",
		                        rekey_cause_name(r->last_cause), "keyed_by",
		                        rekey_standing_name(r->standing), "stopped", r->stopped));
	tunnels_known[i] = true;
	memcpy(seen->name, t->name, sizeof(seen->name));
	seen->rekeys = r->rekeys;
	seen->stopped = r->stopped;
	seen->standing = r->standing;
}

static void look_at_tunnels(void)
{
	static struct gateway_tunnel some[EVENT_WATCH_TUNNELS];
	unsigned int total;

	if (gateway_ops()->tunnels == NULL || !event_wanted(EVENT_REKEY)) {
		memset(tunnels_known, 0, sizeof(tunnels_known));
		at = 0;
		return;
	}
	total = gateway_ops()->tunnels(at, some, EVENT_WATCH_TUNNELS);
	for (unsigned int i = 0; i < EVENT_WATCH_TUNNELS && at + i < total; i++)
		compare_tunnel(at + i, &some[i]);
	at = at + EVENT_WATCH_TUNNELS < total ? at + EVENT_WATCH_TUNNELS : 0;
}

static json_t *capture_json(enum port_role role, const struct capture_status *s)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "job", "capture", "port",
	                 port_role_name(role), "state", capture_state_name(s->state), "file",
	                 s->file, "packets", (json_int_t)s->packets, "bytes", (json_int_t)s->bytes,
	                 "dropped", (json_int_t)s->dropped, "reason", s->reason);
}

/* Progress of a capture that runs is told once a second, its beginning and end at once. */
static void look_at_captures(uint64_t now_ns)
{
	static enum capture_state states[PORT_ROLES];
	bool due = now_ns - progress_ns >= NS_PER_S, wanted = event_wanted(EVENT_JOB);
	struct capture_status s;

	for (int role = 0; role < PORT_ROLES; role++) {
		if (wanted)
			capture_status_read((enum port_role)role, &s);
		if (wanted && capture_seen[role].last != NULL && !due && states[role] == s.state)
			continue;
		states[role] = wanted ? s.state : CAPTURE_NONE;
		event_watch_compare(&capture_seen[role], EVENT_JOB,
		                    wanted ? capture_json((enum port_role)role, &s) : NULL);
	}
	if (due)
		progress_ns = now_ns;
}

void event_watch_poll(uint64_t now_ns)
{
	event_watch_compare(&link_seen, EVENT_LINK, event_wanted(EVENT_LINK) ? link_json() : NULL);
	event_watch_compare(
	        &latency_seen, EVENT_JOB,
	        json_pack("{s:s, s:b}", "job", "latency", "running", latency_running()));
	look_at_tunnels();
	look_at_captures(now_ns);
}
