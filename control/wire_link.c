/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wire_link.h"

void wire_link_init(struct wire_link *w, uint64_t hold_ns, uint64_t now_ns)
{
	*w = (struct wire_link){.hold_ns = hold_ns, .local_up = true, .lost_ns = now_ns};
}

void wire_link_local(struct wire_link *w, bool up)
{
	w->local_up = up;
	if (up)
		w->settle_ns = 0;
}

void wire_link_remote(struct wire_link *w, bool up)
{
	w->remote_known = true;
	w->remote_up = up;
}

/* As far as it is the cable's doing. */
static bool cable_up(const struct wire_link *w, uint64_t now_ns)
{
	return w->local_up || w->held || now_ns < w->settle_ns;
}

static bool wants_hold(struct wire_link *w, bool connected, uint64_t now_ns)
{
	/* The word of a session that ended counts until the hold time is over. */
	if (connected && w->remote_known)
		w->lost_ns = now_ns;
	if (now_ns - w->lost_ns >= w->hold_ns)
		return true;
	return w->remote_known ? !w->remote_up : w->held;
}

struct wire_link_action wire_link_poll(struct wire_link *w, bool connected, uint64_t session,
                                       uint64_t now_ns)
{
	struct wire_link_action a = {.up = cable_up(w, now_ns)};
	bool wanted = wants_hold(w, connected, now_ns);

	/* A link that is down by itself stays free, to be seen coming back. */
	a.hold = wanted && (w->held || w->local_up);
	a.report = connected &&
	           (!w->reported || w->reported_session != session || w->reported_up != a.up);
	return a;
}

void wire_link_reported(struct wire_link *w, uint64_t session, bool up)
{
	w->reported = true;
	w->reported_session = session;
	w->reported_up = up;
}

void wire_link_held(struct wire_link *w, bool held, uint64_t now_ns)
{
	if (w->held && !held)
		w->settle_ns = now_ns + WIRE_LINK_SETTLE_NS;
	w->held = held;
}
