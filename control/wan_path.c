/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wan_path.h"

static bool change(struct wan_path *p, uint64_t now_ns)
{
	p->active = !p->active;
	p->changes++;
	p->changed_ns = now_ns;
	p->gone_ns = p->good_ns = 0;
	return true;
}

static bool gone(struct wan_path *p, bool reachable, uint64_t now_ns)
{
	if (reachable) {
		p->gone_ns = 0;
		return false;
	}
	if (p->gone_ns == 0)
		p->gone_ns = now_ns;
	return now_ns - p->gone_ns >= WAN_PATH_GONE_NS;
}

/* The primary answers again, for longer than it last took to be found silent. */
static bool back(struct wan_path *p, const struct wan_path_input *in, uint64_t now_ns)
{
	uint64_t wanted = p->back_ns != 0 ? p->back_ns : WAN_PATH_BACK_NS;

	if (p->active == 0 || in->stay || !in->reachable[0]) {
		p->good_ns = 0;
		return false;
	}
	if (p->good_ns == 0)
		p->good_ns = now_ns;
	return now_ns - p->good_ns >= wanted;
}

bool wan_path_poll(struct wan_path *p, const struct wan_path_input *in, uint64_t now_ns)
{
	bool dwelt = p->changes == 0 || now_ns - p->changed_ns >= WAN_PATH_DWELL_NS;

	if (!in->has_backup) {
		if (p->active == 0)
			return false;
		*p = (struct wan_path){.active = 1, .changes = p->changes};
		return change(p, now_ns);
	}
	if (gone(p, in->reachable[p->active], now_ns) && in->reachable[!p->active])
		return change(p, now_ns);
	if (in->silent && dwelt && in->reachable[!p->active]) {
		if (p->active == 0) {
			p->back_ns = p->back_ns == 0 ? WAN_PATH_BACK_NS : 2 * p->back_ns;
			if (p->back_ns > WAN_PATH_BACK_MAX_NS)
				p->back_ns = WAN_PATH_BACK_MAX_NS;
		}
		return change(p, now_ns);
	}
	/* A while without silence: the primary has its good name back. */
	if (p->active == 0 && !in->silent && now_ns - p->changed_ns >= WAN_PATH_BACK_MAX_NS)
		p->back_ns = 0;
	return back(p, in, now_ns) && change(p, now_ns);
}
