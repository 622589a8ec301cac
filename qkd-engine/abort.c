/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/abort.h"

static const struct {
	const char *key, *name;
} reasons[ABORT_REASONS] = {
        [0] = {"unknown", "unknown reason"},
        [ABORT_ALARM] = {"error_alarm", "error alarm"},
        [ABORT_QBER] = {"qber_abort", "error rate above qber-abort"},
        [ABORT_NO_SECRET] = {"no_secret", "no secret bits left"},
        [ABORT_VERIFICATION] = {"verification", "verification hashes differ"},
        [ABORT_RECONCILE] = {"reconciliation", "reconciliation failed"},
        [ABORT_LENGTH] = {"length", "key length above the bound"},
        [ABORT_TAG] = {"tag", "transcript tag refused"},
        [ABORT_PROTOCOL] = {"protocol", "protocol error"},
        [ABORT_TIMEOUT] = {"timeout", "peer timed out"},
        [ABORT_BUDGET] = {"leak_budget", "leak above its budget"},
        [ABORT_PLAN] = {"error_plan", "more errors than planned"},
        [ABORT_MODE] = {"mode", "leak-mode or reconciliation differs"},
        [ABORT_SESSION] = {"session", "the session ended"},
        [ABORT_DOUBT] = {"in_doubt", "in doubt when the session ended"},
        [ABORT_ALIGNMENT] = {"alignment", "alignment lost"},
        [ABORT_RANDOM] = {"random_source", "a random source failed"},
        [ABORT_DECOYS] = {"decoys", "fewer decoys than on any honest fibre"},
};

const char *abort_reason_name(unsigned int reason)
{
	return reasons[reason < ABORT_REASONS ? reason : 0].name;
}

const char *abort_reason_key(unsigned int reason)
{
	return reasons[reason < ABORT_REASONS ? reason : 0].key;
}
