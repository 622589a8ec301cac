/* SPDX-License-Identifier: BSD-3-Clause */

/* status: what the caller, as master, may share with a slave at the peer (section 6.1). */

#include <string.h>

#include "control/kms/service_state.h"

/* Keys of the default size in BITS of a stream, of which each takes whole units. */
static uint64_t keys_in(uint64_t bits, const struct kms_limits *l)
{
	uint64_t unit = KEY_UUID_UNIT * 8;

	return bits / ((l->key_size + unit - 1) / unit * unit);
}

void service_status(struct exchange *x, const struct kms_target *t)
{
	struct kms_service *s = x->s;
	struct kms_link_view link;
	struct kms_limits limits;
	struct kms_offer offer;
	struct kms_status status = {.source_kme = s->kme,
	                            .target_kme = s->peer_kme,
	                            .master_sae = x->sae,
	                            .slave_sae = t->sae,
	                            .limits = &limits,
	                            .offer = &offer};
	struct http_fault f;
	char *body = NULL;

	service_setup(s, &limits, &offer);
	if (service_peer_sae(x, "slave_SAE_ID", t->sae, &f) < 0) {
		service_refuse(x, &f);
		return;
	}
	kms_service_link_read(s, &link);
	status.link_state = link.state;
	status.protocol = link.protocol;
	status.max_key_count = keys_in(s->config.max_bytes * 8, &limits);
	kms_registry_lock(s->registry);
	if (kms_registry_by_slot(s->registry, x->slot, x->serial) != NULL)
		status.stored_key_count =
		        keys_in(key_share_bits(kms_registry_share(s->registry), x->slot), &limits);
	kms_registry_unlock(s->registry);
	body = kms_status_body(&status);
	if (body != NULL) {
		service_answer(x, body, strlen(body), false);
		return;
	}
	http_fault_set(&f, 500, "out of memory");
	service_refuse(x, &f);
}
