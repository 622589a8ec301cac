/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "control/method.h"
#include "control/snapshot.h"

static int link_show(const void *params, json_t **result, struct err *err)
{
	*result = snapshot_link();
	return *result != NULL ? 0 : err_set(err, ENOTCONN, "the quantum link is not running");
}

METHOD_DEFINE(link_show, .summary = "Quantum link: card, channel and key distillation",
              .fn = link_show)
