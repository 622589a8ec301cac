/* SPDX-License-Identifier: BSD-3-Clause */

/* Scans of the sites' channel monitors, each told to the other once a second. */

#include "control/link_state.h"

#include "common/clock.h"
#include "control/dwdm_message.h"

#define PERIOD_NS (1 * NS_PER_S)
#define STALE_NS  (5 * NS_PER_S)

void link_tell_spectrum(struct link *l, uint64_t now)
{
	static struct card_ocm_scan scan; /* the control thread's; large */
	uint8_t msg[DWDM_MESSAGE_MAX];

	if (now < l->spectrum_next_ns || !l->channel_up || !qkd_role_ocm(l->role, &scan) ||
	    scan.scan == l->spectrum_told)
		return;
	l->spectrum_next_ns = now + PERIOD_NS;
	if (link_send(l, MESSAGE_SPECTRUM, NULL, msg, dwdm_message_put(&scan, msg)) == 0)
		l->spectrum_told = scan.scan;
}

bool link_take_spectrum(struct link *l, const uint8_t *msg, size_t len, uint64_t now)
{
	if (!dwdm_message_get(msg, len, &l->far))
		return false;
	l->far_ns = now;
	return true;
}

const struct card_ocm_scan *link_far_spectrum(const struct link *l, uint64_t now)
{
	return l->channel_up && l->far_ns != 0 && now - l->far_ns <= STALE_NS ? &l->far : NULL;
}
