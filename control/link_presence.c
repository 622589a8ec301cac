/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which of the tunnels the peer has, too. A tunnel comes and goes at one end before it does at
 * the other: until both have it nothing is offered, so no key is spent on it, and an alarm and
 * the status say so. docs/protocol.md, 4.6.
 */

#include "common/clock.h"
#include "common/log.h"
#include "control/link_state.h"

LOG_COMPONENT_DEFINE(link_presence)

enum word {
	WORD_ABSENT = 1, /* the sender has no such tunnel */
	WORD_NEW = 2,    /* it has it from now on, without SAs */
	WORD_ASK = 3,    /* it has it: has the receiver? */
	WORD_PRESENT = 4 /* the answer */
};

/* A tunnel of which the peer's rekeying says nothing is asked after so often. */
#define ASK_NS (5 * NS_PER_S)

static int say(struct link *l, const char *tunnel, enum word word)
{
	uint8_t w = (uint8_t)word;

	return link_send(l, MESSAGE_TUNNEL, tunnel, &w, 1);
}

static void alarm_of(const struct rekey_context *t, bool absent)
{
	link_alarm(absent, "tunnel-not-at-peer", t->resource, ALARM_MAJOR,
	           absent ? "the peer has no tunnel of this name: nothing is keyed"
	                  : "the peer has the tunnel");
}

static void found(struct rekey_context *t, bool anew, uint64_t now)
{
	bool was_absent = t->absent;

	t->heard = true;
	t->absent = false;
	if (was_absent)
		alarm_of(t, false);
	/* What was under way is void, and the peer may count its generations from anywhere. */
	if (was_absent || anew)
		rekey_session(t->rekey, now);
	t->link->wake_ns[t->index] = 0;
}

static void lost(struct rekey_context *t, uint64_t now)
{
	if (!t->absent)
		log_info("%s: the peer has no such tunnel", t->resource);
	t->heard = false;
	t->absent = true;
	/* What was offered is void: the peer took no key. */
	rekey_session(t->rekey, now);
	alarm_of(t, true);
}

void link_presence_heard(struct rekey_context *t, uint64_t now)
{
	if (t->absent || !t->heard)
		found(t, false, now);
}

void link_presence_unknown(struct link *l, const char *tunnel)
{
	say(l, tunnel, WORD_ABSENT);
}

void link_presence_added(struct rekey_context *t)
{
	t->tell_new = true;
}

void link_presence_removed(struct rekey_context *t)
{
	if (t->link->session != 0)
		say(t->link, t->name, WORD_ABSENT);
}

void link_presence_session(struct link *l, uint64_t now)
{
	for (unsigned int i = 0; i < l->tunnel_count; i++) {
		struct rekey_context *t = &l->tunnels[i];

		t->heard = t->tell_new = false;
		/* What it lacked it may have now: asked before anything is offered. */
		t->ask_ns = t->absent ? now : now + ASK_NS;
	}
}

void link_presence_poll(struct rekey_context *t, bool connected, uint64_t now)
{
	if (!connected)
		return;
	if (t->tell_new && say(t->link, t->name, WORD_NEW) == 0) {
		t->tell_new = false;
		t->ask_ns = now + ASK_NS;
	}
	if (!t->heard && now >= t->ask_ns) {
		t->ask_ns = now + ASK_NS;
		say(t->link, t->name, WORD_ASK);
	}
}

bool link_take_tunnel(struct link *l, const uint8_t *msg, size_t len, uint64_t now)
{
	struct rekey_context *t;
	struct link_named named;

	if (!link_name_take(msg, len, &named) || named.len != 1 || named.msg[0] < WORD_ABSENT ||
	    named.msg[0] > WORD_PRESENT)
		return false;
	t = link_tunnel_find(l, named.name);
	if (named.msg[0] == WORD_ABSENT) {
		if (t != NULL)
			lost(t, now);
	} else if (t == NULL) {
		if (named.msg[0] != WORD_PRESENT)
			say(l, named.name, WORD_ABSENT);
	} else {
		found(t, named.msg[0] == WORD_NEW, now);
		if (named.msg[0] == WORD_ASK)
			say(l, named.name, WORD_PRESENT);
	}
	return true;
}

bool link_tunnel_absent(const struct link *l, unsigned int tunnel)
{
	return tunnel < l->tunnel_count && l->tunnels[tunnel].absent;
}
