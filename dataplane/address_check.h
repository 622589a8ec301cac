/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does another station have an address of ours? A state machine for one address without I/O:
 * duplicate address detection for IPv6 (RFC 4862 section 5.4), conflict detection for IPv4 (RFC
 * 5227). The caller sends what a call asks for.
 *
 *     address_check_start(&check, ipv6, now_ns, random);
 *     action = address_check_poll(&check, now_ns, random);       in each turn
 *     action = address_check_heard(&check, ADDRESS_CLAIM, now_ns);   another has spoken
 *
 * An IPv6 address is tentative, so not used, until its probe was not answered for a second. An
 * IPv4 address is used from the start: RFC 5227 section 2.1 would have it wait for up to seven
 * seconds, in which a gateway that restarts would hold up all traffic. Its probes go out
 * meanwhile, and it is announced only when none was answered, so that no cache of another
 * station is led astray.
 */

#ifndef DATAPLANE_ADDRESS_CHECK_H
#define DATAPLANE_ADDRESS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum address_state {
	ADDRESS_SETTLED,
	ADDRESS_PROBING,
	ADDRESS_ANNOUNCING,
	ADDRESS_DUPLICATE, /* another has it: not used, and probed again from time to time */
};

enum address_action { ADDRESS_NOTHING, ADDRESS_PROBE, ADDRESS_ANNOUNCE };

/* What was heard from another station. */
enum address_evidence {
	ADDRESS_PROBED, /* it wants the address: counts only while we do not have it ourselves */
	ADDRESS_CLAIM,  /* it says that it has the address */
};

struct address_check {
	uint8_t state; /* enum address_state */
	bool ipv6;
	bool disputed; /* settled, but claimed by another a while ago */
	uint8_t sent;  /* probes or announcements, of this state */
	uint64_t deadline_ns;
	uint64_t defended_ns, claimed_ns; /* the last times; 0: never */
};

#define ADDRESS_RETRY_NS    (60 * 1000000000ULL) /* RATE_LIMIT_INTERVAL of RFC 5227 */
#define ADDRESS_DEFEND_NS   (10 * 1000000000ULL) /* DEFEND_INTERVAL of RFC 5227 */
#define ADDRESS_DISPUTED_NS (60 * 1000000000ULL) /* after the last claim */

/* RANDOM spreads the probes of stations that start at once. */
void address_check_start(struct address_check *a, bool ipv6, uint64_t now_ns, uint32_t random);

/* The link came up: tell who is there; what was a duplicate may no longer be one. */
void address_check_link_up(struct address_check *a, uint64_t now_ns, uint32_t random);

enum address_action address_check_poll(struct address_check *a, uint64_t now_ns, uint32_t random);
enum address_action address_check_heard(struct address_check *a, enum address_evidence evidence,
                                        uint64_t now_ns);

/* May packets be taken and sent with this address? */
static inline bool address_check_usable(const struct address_check *a)
{
	return a->state != ADDRESS_DUPLICATE && !(a->ipv6 && a->state == ADDRESS_PROBING);
}

#endif
