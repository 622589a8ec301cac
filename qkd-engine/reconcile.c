/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/reconcile.h"

#include <errno.h>
#include <string.h>

static const char *const methods[RECONCILE_METHODS] = {
        [RECONCILE_AUTO] = "auto",
        [RECONCILE_CASCADE] = "cascade",
        [RECONCILE_LDPC] = "ldpc",
};

const char *reconcile_method_name(enum reconcile_method method)
{
	return method < RECONCILE_METHODS ? methods[method] : "none";
}

int reconcile_method_find(const char *name, enum reconcile_method *out)
{
	for (unsigned int i = 0; i < RECONCILE_METHODS; i++) {
		if (strcmp(name, methods[i]) != 0)
			continue;
		*out = (enum reconcile_method)i;
		return 0;
	}
	return -EINVAL;
}

const char *reconcile_reason_name(enum reconcile_reason reason)
{
	static const char *const reasons[RECONCILE_REASONS] = {
	        [RECONCILE_CONFIGURED] = "configured",
	        [RECONCILE_ONLY] = "no other is valid here",
	        [RECONCILE_MORE_KEY] = "leaves more key",
	        [RECONCILE_ROUNDS] = "fewer round trips",
	};

	return reason < RECONCILE_REASONS ? reasons[reason] : "unknown";
}
