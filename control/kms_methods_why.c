/* SPDX-License-Identifier: BSD-3-Clause */

/* Why is there no key for other equipment? From the gateway to who may have it. */

#include <errno.h>

#include "control/kms_methods.h"
#include "control/method.h"
#include "control/why.h"

static const char *const first[] = {"kms-disk", "kms-gateway", NULL};
static const char *const later[] = {"kms-certificate", "kms-key-low", NULL};

static bool has_saes(struct kms_registry *r)
{
	static struct kms_sae sae;

	return kms_registry_list(r, 0, &sae, 1) > 0;
}

static uint64_t to_give(struct kms_store *store)
{
	struct kms_store_stats s;

	kms_store_stats_read(store, &s);
	return kms_store_own(store) == KEY_UUID_FROM_A ? s.from_a.available : s.from_b.available;
}

static void decide(const struct kms_methods *m, struct why *out)
{
	struct kms_link_view link = {0};
	bool linked = kms_service_link_read(m->service, &link);
	unsigned long long bytes = to_give(m->store);

	if (why_alarm(out, first, "kms*"))
		return;
	if (!has_saes(m->registry))
		why_set(out, false, "no-sae", "lgctl kms sae add, for each that may have keys",
		        "No SAE is registered: nobody may have keys");
	else if (bytes == 0 && !linked)
		why_set(out, false, "link", "lgctl why key asks the gateway",
		        "The gateway has not told of its link yet: %s", link.state);
	else if (bytes == 0 && !link.making)
		why_set(out, false, "not-made", "lgctl why key asks the gateway",
		        "There is none to give, and the gateway makes none: %s", link.state);
	else if (bytes == 0)
		why_set(out, false, "spent",
		        "Lower the SAEs' quotas, or raise delivery/weight-a-percent or "
		        "weight-b-percent at "
		        "the gateways",
		        "Key is made and given as it comes: none is left");
	else if (!why_alarm(out, later, "kms*"))
		why_set(out, true, "there", "", "%llu bytes of key to give; the link: %s", bytes,
		        link.state);
}

static int kms_why_method(const void *params, json_t **result, struct err *err)
{
	const struct kms_methods *m;
	struct why answer = {0};
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	decide(m, &answer);
	*result = why_json(&answer);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

METHOD_DEFINE(kms_why, .summary = "Why there is no key to give: the first cause, and what to do",
              .fn = kms_why_method)
