/* SPDX-License-Identifier: BSD-3-Clause */

/* The link's parts, made of the configuration and the secrets that it names. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "common/secret_file.h"
#include "common/storage_key.h"
#include "control/link_state.h"
#include "control/psk.h"
#include "qkd-engine/storage.h"

static int open_keystore(struct link *l, const struct config *config, const uint8_t *psk,
                         size_t psk_len, struct err *err)
{
	static const char summary_label[] = "lumengate key store summary";
	static const char pad_label[] = "lumengate computational pads";
	static const uint8_t no_salt[32]; /* RFC 5869, section 2.2 */
	struct keystore_config kc = {.site_a = l->site_a,
	                             .max_keys = config->keystore.max_keys,
	                             .ttl_s = config->keystore.ttl_s};
	struct storage *storage;
	uint8_t *key = NULL;
	int rc;

	rc = storage_key_read(config->keystore.storage_key, "keystore/storage-key", &key, err);
	if (rc < 0)
		return rc;
	memcpy(kc.storage_key, key, STORAGE_KEY_BYTES);
	secret_free(key);
	if (hkdf_sha256(psk + PSK_SECRET, 32, no_salt, sizeof(no_salt), summary_label,
	                sizeof(summary_label) - 1, kc.summary_key, sizeof(kc.summary_key)) < 0 ||
	    hkdf_sha256(psk + PSK_SECRET, 32, no_salt, sizeof(no_salt), pad_label,
	                sizeof(pad_label) - 1, kc.pad_key, sizeof(kc.pad_key)) < 0)
		rc = err_set(err, EIO, "key store: OpenSSL refuses HKDF");
	if (rc == 0)
		rc = storage_sqlite_open(config->keystore.path, &storage, err);
	if (rc == 0)
		rc = keystore_open(&kc, storage, &l->ks, err);
	secret_wipe(&kc, sizeof(kc));
	if (rc == 0) {
		rc = keystore_add_psk(l->ks, psk + PSK_PADS,
		                      (psk_len - PSK_PADS) / KEY_BYTES * KEY_BYTES, err);
		if (rc == -EEXIST)
			rc = 0;
		link_allow_computational(l, config);
	}
	return rc;
}

/* A secret of its own for the ratchet: what leaks of one use says nothing of the others. */
static int derive_ratchet_secret(struct link *l, const uint8_t *psk, struct err *err)
{
	static const char label[] = "lumengate ratchet secret";
	static const uint8_t no_salt[32]; /* RFC 5869, section 2.2 */

	l->ratchet_secret = secret_alloc(REKEY_SECRET_BYTES);
	if (l->ratchet_secret == NULL)
		return err_set(err, ENOMEM, "link: secret memory is full");
	if (hkdf_sha256(psk + PSK_SECRET, 32, no_salt, sizeof(no_salt), label, sizeof(label) - 1,
	                l->ratchet_secret, REKEY_SECRET_BYTES) < 0)
		return err_set(err, EIO, "link: OpenSSL refuses HKDF");
	return 0;
}

/* Of Cascade. */
#define FRAME_BITS 65536

static int create_role(struct link *l, const struct config *config, const uint8_t *psk,
                       struct channel_mux *mux, struct err *err)
{
	enum reconcile_method method;
	enum finite_key_proof proof;
	enum leak_mode leak_mode;
	struct qkd_role_config rc;

	if (finite_key_proof_find(config->qkd.proof, &proof) < 0)
		return err_set(err, EINVAL, "qkd/proof: there is no %s", config->qkd.proof);
	if (reconcile_method_find(config->qkd.reconciliation, &method) < 0)
		return err_set(err, EINVAL, "qkd/reconciliation: there is no %s",
		               config->qkd.reconciliation);
	if (leak_mode_find(config->qkd.leak_mode, &leak_mode) < 0)
		return err_set(err, EINVAL, "qkd/leak-mode: there is no %s", config->qkd.leak_mode);
	rc = (struct qkd_role_config){
	        .channel = {.initiator = l->site_a},
	        .quantum = config->qkd.enabled,
	        .engine = {.role = l->site_a ? ENGINE_ALICE : ENGINE_BOB,
	                   .block_bits = config->qkd.block_bits,
	                   .blocks_in_flight = config->qkd.blocks_in_flight,
	                   .p_z = config->qkd.p_z,
	                   .frame_bits = FRAME_BITS,
	                   .source = {.mu = {config->qkd.mu1, config->qkd.mu2},
	                              .p = {config->qkd.p_mu1, 1 - config->qkd.p_mu1},
	                              .eps_sec = config->qkd.eps_sec,
	                              .eps_cor = config->qkd.eps_cor},
	                   .proof = proof,
	                   .leak_mode = leak_mode,
	                   .reconciliation = method,
	                   .qber_abort = config->qkd.qber_abort,
	                   .qber_alarm = config->qkd.qber_alarm,
	                   .sample_interval = 64},
	        .card = {.transport = config->qkd.transport,
	                 .path = config->qkd.path,
	                 .role = l->site_a ? CARD_IS_ALICE : CARD_IS_BOB,
	                 .mu1 = config->qkd.mu1,
	                 .mu2 = config->qkd.mu2,
	                 .p_mu1 = config->qkd.p_mu1,
	                 .p_z = config->qkd.p_z,
	                 .holdoff_ns = config->qkd.holdoff_ns,
	                 .gates_follow = config->qkd.gates_follow,
	                 .detectors_set = config->qkd.detectors_set,
	                 .detectors_mc = config->qkd.detectors_mc,
	                 .watchdog_ms = 1000},
	        .qrng_claim = config->qkd.qrng.min_entropy,
	        .qrng_alpha_log2 = config->qkd.qrng.alpha,
	        .workers = config->qkd.enabled ? config->eal.qkd_lcores : 0,
	};

	memcpy(rc.channel.link_secret, psk + PSK_SECRET, sizeof(rc.channel.link_secret));
	memcpy(rc.engine.hash_key_ab, psk + PSK_HASH_AB, sizeof(rc.engine.hash_key_ab));
	memcpy(rc.engine.hash_key_ba, psk + PSK_HASH_BA, sizeof(rc.engine.hash_key_ba));
	snprintf(rc.engine.link, sizeof(rc.engine.link), "%s", config->link);
	l->role = qkd_role_create(&rc, mux, err);
	secret_wipe(&rc, sizeof(rc));
	return l->role == NULL ? -err->code : 0;
}

/* Beside what the engine takes when it is created: keys of so many blocks, until they are used. */
#define BLOCKS_KEPT 8

size_t link_secret_bytes(const struct config *config)
{
	struct engine_config c = {.role = config->site == CONFIG_SITE_A ? ENGINE_ALICE : ENGINE_BOB,
	                          .block_bits = config->qkd.block_bits,
	                          .blocks_in_flight = config->qkd.blocks_in_flight,
	                          .p_z = config->qkd.p_z,
	                          .frame_bits = FRAME_BITS,
	                          .qber_abort = config->qkd.qber_abort};
	struct engine_memory m;

	if (!config->qkd.enabled ||
	    reconcile_method_find(config->qkd.reconciliation, &c.reconciliation) < 0)
		return 0;
	engine_memory(&c, &m);
	/* A piece may take a quarter more than was asked for. */
	return m.all.secret / 4 * 5 + BLOCKS_KEPT * m.result.secret + link_delivery_bytes(config);
}

struct link *link_create(const struct config *config, struct channel_mux *mux,
                         struct tunnel *const *tunnels, struct err *err)
{
	struct link *l = calloc(1, sizeof(*l));
	uint8_t *psk = NULL;
	size_t psk_len = 0;
	int rc;

	if (l == NULL) {
		err_set(err, ENOMEM, "link: out of memory");
		return NULL;
	}
	l->unposted_end = &l->unposted;
	l->site_a = config->site == CONFIG_SITE_A;
	snprintf(l->resource, sizeof(l->resource), "link/%s", config->link);
	ladder_reset(&l->ladder, l->site_a, clock_mono_ns());
	l->channel_ipv6 = config->channel.local.ipv6;
	l->level =
	        (struct key_level){.low_water = config->keystore.low_water,
	                           .max_keys = config->keystore.max_keys,
	                           .expected = config->qkd.enabled || config->foreign_kme.enabled};
	rc = mux == NULL ? err_set(err, EINVAL, "channel/port: the link needs a channel") : 0;
	if (rc == 0)
		rc = secret_file_read(config->channel.psk_file, "pre-shared secret", PSK_LEAST,
		                      PSK_MOST, &psk, &psk_len, err);
	if (rc == 0)
		rc = open_keystore(l, config, psk, psk_len, err);
	if (rc == 0)
		rc = derive_ratchet_secret(l, psk, err);
	if (rc == 0)
		rc = link_create_rekeys(l, config, tunnels, err);
	if (rc == 0)
		rc = link_create_delivery(l, config, psk, err);
	if (rc == 0)
		rc = create_role(l, config, psk, mux, err);
	secret_free(psk);
	if (rc == 0)
		rc = link_kme_create(l, config, err);
	if (rc < 0) {
		link_destroy(l);
		return NULL;
	}
	return l;
}

void link_destroy(struct link *l)
{
	struct qkd_note *note;

	if (l == NULL)
		return;
	link_kme_destroy(l);
	qkd_role_destroy(l->role);
	while ((note = l->unposted) != NULL) {
		l->unposted = note->next;
		qkd_note_free(note);
	}
	for (unsigned int i = 0; i < CONFIG_TUNNELS_MAX; i++)
		rekey_destroy(l->tunnels[i].rekey);
	link_destroy_delivery(l);
	secret_free(l->ratchet_secret);
	keystore_close(l->ks);
	free(l);
}
