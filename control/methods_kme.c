/* SPDX-License-Identifier: BSD-3-Clause */

/* What became of the keys of a foreign KME. */

#include <errno.h>

#include "control/gateway.h"
#include "control/kme_feed.h"
#include "control/method.h"
#include "control/status.h"

static json_t *faults(const struct kme_feed_stats *s)
{
	json_t *o = json_object();

	for (int i = KME_UNREACHABLE; i < KME_FAULTS; i++)
		json_object_set_new(o, kme_fault_name((enum kme_fault)i),
		                    json_integer((json_int_t)s->faults[i]));
	return o;
}

static json_t *read_kme(void)
{
	struct kme_feed_stats s;
	json_t *o;

	if (gateway_ops()->kme == NULL || !gateway_ops()->kme(&s))
		return NULL;
	o = json_pack("{s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:I, s:i}", "state", s.state, "client",
	              s.client, "ready", s.ready, "peer_ready", s.peer_ready, "kme", s.kme,
	              "peer_kme", s.peer_kme, "simulated", kme_light_name(s.light), "kme_keys",
	              (json_int_t)s.stored, "keys_per_request", (int)s.most);
	json_object_set_new(o, "requests", json_integer((json_int_t)s.requests));
	json_object_set_new(o, "retries", json_integer((json_int_t)s.retries));
	json_object_set_new(o, "received", json_integer((json_int_t)s.received));
	json_object_set_new(o, "blocks", json_integer((json_int_t)s.blocks));
	json_object_set_new(o, "stored", json_integer((json_int_t)s.stored_keys));
	json_object_set_new(o, "dropped_batches", json_integer((json_int_t)s.dropped));
	json_object_set_new(o, "dropped", json_integer((json_int_t)s.dropped_keys));
	json_object_set_new(o, "repeated", json_integer((json_int_t)s.repeated));
	json_object_set_new(o, "divergences", json_integer((json_int_t)s.divergences));
	json_object_set_new(o, "bad_messages", json_integer((json_int_t)s.bad_messages));
	json_object_set_new(o, "faults", faults(&s));
	json_object_set_new(o, "last_fault", json_string(s.last_fault));
	return o;
}

static int kme_show(const void *params, json_t **result, struct err *err)
{
	*result = read_kme();
	return *result != NULL
	               ? 0
	               : err_set(err, ENOTCONN, "no foreign KME is configured: foreign-kme");
}

STATUS_SECTION_DEFINE(kme, read_kme)
METHOD_DEFINE(kme_show, .summary = "Foreign KME: is it there, and what became of its keys",
              .fn = kme_show)
