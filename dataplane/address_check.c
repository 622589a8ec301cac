/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/address_check.h"

#define SECOND_NS 1000000000ULL

/* RFC 5227 section 1.1, and DupAddrDetectTransmits and RetransTimer of RFC 4862. */
#define PROBES4              3
#define PROBE_MIN_NS         (1 * SECOND_NS)
#define PROBE_SPREAD_NS      (1 * SECOND_NS) /* PROBE_MAX - PROBE_MIN; PROBE_WAIT */
#define ANNOUNCE_WAIT_NS     (2 * SECOND_NS)
#define ANNOUNCE_INTERVAL_NS (2 * SECOND_NS)
#define ANNOUNCEMENTS4       2
#define PROBES6              1
#define RETRANS_NS           (1 * SECOND_NS)
#define ANNOUNCEMENTS6       2 /* at most MAX_NEIGHBOR_ADVERTISEMENT of RFC 4861: 3 */

static uint64_t part(uint64_t ns, uint32_t random)
{
	return ns * (random & 0xffff) >> 16;
}

static void enter(struct address_check *a, enum address_state state, uint64_t deadline_ns)
{
	a->state = (uint8_t)state;
	a->sent = 0;
	a->deadline_ns = deadline_ns;
}

void address_check_start(struct address_check *a, bool ipv6, uint64_t now_ns, uint32_t random)
{
	*a = (struct address_check){.ipv6 = ipv6};
	/* The address of IPv6 waits for the answer, so it does not wait before the question too. */
	enter(a, ADDRESS_PROBING, now_ns + (ipv6 ? 0 : part(PROBE_SPREAD_NS, random)));
}

void address_check_link_up(struct address_check *a, uint64_t now_ns, uint32_t random)
{
	if (a->state == ADDRESS_DUPLICATE)
		a->deadline_ns = now_ns;
	else if (a->state == ADDRESS_PROBING)
		address_check_start(a, a->ipv6, now_ns, random);
	else
		enter(a, ADDRESS_ANNOUNCING, now_ns);
}

static enum address_action probing(struct address_check *a, uint64_t now_ns, uint32_t random)
{
	unsigned int probes = a->ipv6 ? PROBES6 : PROBES4;

	if (a->sent == probes) {
		enter(a, ADDRESS_ANNOUNCING, now_ns + ANNOUNCE_INTERVAL_NS);
		a->sent = 1;
		return ADDRESS_ANNOUNCE;
	}
	a->sent++;
	if (a->ipv6)
		a->deadline_ns = now_ns + RETRANS_NS;
	else if (a->sent == probes)
		a->deadline_ns = now_ns + ANNOUNCE_WAIT_NS;
	else
		a->deadline_ns = now_ns + PROBE_MIN_NS + part(PROBE_SPREAD_NS, random);
	return ADDRESS_PROBE;
}

static enum address_action announcing(struct address_check *a, uint64_t now_ns)
{
	if (++a->sent >= (a->ipv6 ? ANNOUNCEMENTS6 : ANNOUNCEMENTS4))
		enter(a, ADDRESS_SETTLED, 0);
	else
		a->deadline_ns = now_ns + ANNOUNCE_INTERVAL_NS;
	return ADDRESS_ANNOUNCE;
}

enum address_action address_check_poll(struct address_check *a, uint64_t now_ns, uint32_t random)
{
	if (a->disputed && now_ns - a->claimed_ns >= ADDRESS_DISPUTED_NS)
		a->disputed = false;
	if (a->state == ADDRESS_SETTLED || now_ns < a->deadline_ns)
		return ADDRESS_NOTHING;
	switch ((enum address_state)a->state) {
	case ADDRESS_PROBING:
		return probing(a, now_ns, random);
	case ADDRESS_ANNOUNCING:
		return announcing(a, now_ns);
	case ADDRESS_DUPLICATE:
		/*
		 * Not used while it is probed, of either version: it was another's a minute ago.
		 * One unanswered probe does for IPv4 too, as it is seen when another claims it
		 * later.
		 */
		if (a->sent == 0) {
			a->sent = 1;
			a->deadline_ns = now_ns + ANNOUNCE_WAIT_NS;
			return ADDRESS_PROBE;
		}
		enter(a, ADDRESS_ANNOUNCING, now_ns + ANNOUNCE_INTERVAL_NS);
		a->sent = 1;
		return ADDRESS_ANNOUNCE;
	default:
		return ADDRESS_NOTHING;
	}
}

enum address_action address_check_heard(struct address_check *a, enum address_evidence evidence,
                                        uint64_t now_ns)
{
	bool ours = a->state == ADDRESS_SETTLED || a->state == ADDRESS_ANNOUNCING;

	if (!ours) {
		enter(a, ADDRESS_DUPLICATE, now_ns + ADDRESS_RETRY_NS);
		a->claimed_ns = now_ns;
		return ADDRESS_NOTHING;
	}
	/* Whoever probes for an address that we have gets an answer, and that is all. */
	if (evidence == ADDRESS_PROBED)
		return ADDRESS_NOTHING;
	/* RFC 5227 section 2.4 (c): a gateway keeps its address, and does not defend in a storm. */
	a->disputed = true;
	a->claimed_ns = now_ns;
	if (a->defended_ns != 0 && now_ns - a->defended_ns < ADDRESS_DEFEND_NS)
		return ADDRESS_NOTHING;
	a->defended_ns = now_ns;
	return ADDRESS_ANNOUNCE;
}
