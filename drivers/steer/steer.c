/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/steer/steer.h"

const char *steer_state_name(enum steer_state state)
{
	static const char *const names[STEER_STATES] = {"off", "settling", "held", "limit",
	                                                "refused"};

	return state < STEER_STATES ? names[state] : "unknown";
}
