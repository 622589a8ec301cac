/* SPDX-License-Identifier: BSD-3-Clause */

/* What else is on the fibre: the plan beside the card's channel monitor. */

#include <errno.h>

#include "common/clock.h"
#include "control/dwdm_json.h"
#include "control/method.h"
#include "control/site.h"

static int dwdm_show(const void *params, json_t **result, struct err *err)
{
	static struct card_ocm_scan scan;
	struct qkd_role_status s;
	bool scanned;

	if (!site_config()->qkd.enabled)
		return err_set(err, ENODEV, "dwdm: the gateway has no quantum link");
	qkd_role_status_read(link_role(site_link()), &s);
	scanned = qkd_role_ocm(link_role(site_link()), &scan);
	*result = dwdm_json(site_config(), site_slot_hz(&s), scanned ? &scan : NULL,
	                    link_far_spectrum(site_link(), clock_mono_ns()), s.engine.qber_z,
	                    s.engine.qber_x);
	return 0;
}

METHOD_DEFINE(dwdm_show,
              .summary = "Data channels on the fibre: planned, seen, and errors they make",
              .fn = dwdm_show)
