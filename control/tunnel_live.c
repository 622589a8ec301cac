/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/tunnel_live.h"

#include "common/clock.h"

#define QUIET_NS  NS_PER_S /* after which the peer is asked */
#define PERIOD_NS NS_PER_S

bool tunnel_live_poll(struct tunnel_live *t, bool has_key, uint64_t opened, unsigned int losses,
                      uint64_t now_ns)
{
	bool heard = opened != t->opened;

	t->opened = opened;
	if (!has_key) {
		t->state = TUNNEL_LIVE_NO_KEY;
		return false;
	}
	if (heard || losses == 0 || t->state == TUNNEL_LIVE_NO_KEY) {
		t->state = TUNNEL_LIVE_UP;
		t->asked = 0;
		t->heard_ns = now_ns;
		t->next_ns = now_ns + QUIET_NS;
		return false;
	}
	if (now_ns < t->next_ns)
		return false;
	t->next_ns = now_ns + PERIOD_NS;
	if (t->asked >= losses)
		t->state = TUNNEL_LIVE_SILENT;
	else
		t->asked++;
	return true;
}

const char *tunnel_live_name(const struct tunnel_live *t)
{
	static const char *const names[] = {[TUNNEL_LIVE_NO_KEY] = "no-key",
	                                    [TUNNEL_LIVE_UP] = "up",
	                                    [TUNNEL_LIVE_SILENT] = "peer-silent"};

	return names[t->state];
}
