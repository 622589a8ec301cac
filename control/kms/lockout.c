/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/lockout.h"

#include "common/clock.h"

int lockout_check(const struct lockout *l, uint64_t now_ns, struct http_fault *f)
{
	if (now_ns >= l->until_ns)
		return 0;
	http_fault_set(f, 401, "this SAE asked too often for keys of others and is locked out");
	f->retry_after_s = (unsigned int)((l->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S);
	return -401;
}

bool lockout_failure(struct lockout *l, uint64_t now_ns)
{
	/* Requests end in another order than they came in. */
	if (l->failures > 0 && now_ns > l->last_ns && now_ns - l->last_ns > l->window_ns)
		l->failures = 0;
	if (now_ns > l->last_ns)
		l->last_ns = now_ns;
	if (++l->failures < l->failures_max)
		return false;
	l->failures = 0;
	l->until_ns = now_ns + l->lock_ns;
	return true;
}
