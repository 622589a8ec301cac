/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * SKIP on the same keys. A remoteSystemID is the peer KME, by its ID or a glob: then any SAE there
 * that may speak SKIP can fetch the key; or an SAE of the peer: then it alone, by SKIP or by
 * ETSI GS QKD 014.
 */

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/service_state.h"
#include "control/kms/skip.h"

static void text_answer(struct exchange *x, char *text, bool secret)
{
	struct http_fault f;

	if (text != NULL) {
		service_answer(x, text, strlen(text), secret);
		return;
	}
	http_fault_unavailable(&f, "out of memory", 1);
	service_refuse(x, &f);
}

static bool peer_kme(const struct kms_service *s, const char *remote)
{
	bool is = s->config.skip_remote_count == 0 && strcmp(remote, s->peer_kme) == 0;

	for (size_t i = 0; !is && i < s->config.skip_remote_count; i++)
		is = fnmatch(s->config.skip_remote[i], remote, 0) == 0;
	return is;
}

/* The names of the pair tag: GIVE: the caller asks for a new key, else for one of REMOTE. */
static int pair(struct exchange *x, const char *remote, bool give, char *master, char *slave,
                struct http_fault *f)
{
	char *ours = give ? master : slave, *theirs = give ? slave : master;

	if (peer_kme(x->s, remote)) {
		kms_skip_system(x->s->kme, ours);
		kms_skip_system(x->s->peer_kme, theirs);
		return 0;
	}
	memcpy(ours, x->sae, strlen(x->sae) + 1);
	memcpy(theirs, remote, strlen(remote) + 1);
	return service_peer_sae(x, "remoteSystemID", remote, f);
}

static void key_by_id(struct exchange *x, const struct kms_skip_target *t, const char *master,
                      const char *slave)
{
	struct kms_key_ids ids = {.count = 1, .uuid = malloc(sizeof(*ids.uuid))};
	struct http_fault f;

	if (ids.uuid == NULL) {
		http_fault_set(&f, 500, "out of memory");
		service_refuse(x, &f);
		return;
	}
	memcpy(ids.uuid[0], t->uuid, KEY_UUID_BYTES);
	service_dec_start(x, &ids, master, slave);
}

static void key_call(struct exchange *x, const struct kms_skip_target *t)
{
	struct kms_key_request request = {.number = 1, .size = t->bits};
	char master[KMS_SAE_ID + 1], slave[KMS_SAE_ID + 1];
	bool give = t->call == KMS_SKIP_KEY;
	struct http_fault f;

	if (pair(x, t->remote, give, master, slave, &f) < 0)
		service_refuse(x, &f);
	else if (give)
		service_enc_start(x, &request, master, slave);
	else
		key_by_id(x, t, master, slave);
}

static void capabilities(struct exchange *x)
{
	struct kms_service *s = x->s;
	const char *peer = s->peer_kme;

	if (s->config.skip_remote_count > 0)
		text_answer(x,
		            kms_skip_capabilities(s->kme, s->config.skip_remote,
		                                  s->config.skip_remote_count),
		            false);
	else
		text_answer(x, kms_skip_capabilities(s->kme, &peer, 1), false);
}

bool service_skip(struct exchange *x, const struct kms_request *r)
{
	struct kms_service *s = x->s;
	struct kms_skip_target t;
	struct kms_limits limits;
	struct kms_offer offer;
	struct http_fault f;
	struct kms_sae *sae;
	bool may;
	int rc;

	service_setup(s, &limits, &offer);
	rc = kms_skip_parse(r->method, r->target, strlen(r->target), &limits, &t, &f);
	if (t.call == KMS_SKIP_NONE)
		return false;
	kms_registry_lock(s->registry);
	s->stats.skip_calls++;
	sae = kms_registry_by_slot(s->registry, x->slot, x->serial);
	may = sae != NULL && sae->config.skip;
	kms_registry_unlock(s->registry);
	x->skip = true;
	if (!may)
		rc = http_fault_set(&f, 401, "this SAE may not speak SKIP");
	else if (rc == 0 && r->body_len > 0)
		rc = http_fault_field(&f, 400, "body", "does not go with GET");
	if (rc < 0)
		service_refuse(x, &f);
	else if (t.call == KMS_SKIP_CAPABILITIES)
		capabilities(x);
	else if (t.call == KMS_SKIP_ENTROPY)
		text_answer(x, kms_skip_entropy(t.bits), true);
	else
		key_call(x, &t);
	return true;
}
