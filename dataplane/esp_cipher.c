/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp_cipher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "common/secret.h"
#include "dataplane/eal.h"
#include "dataplane/esp.h"
#include "dataplane/esp_cipher_state.h"
#include "dataplane/esp_job.h"

#define NAME_MAX_BYTES 64
#define FEATURES       (RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_IN_PLACE_SGL)

/*
 * A virtual device has the name that it was given; drivers of PCI devices add theirs to the
 * address, as in 0000:3d:01.0_qat_sym.
 */
static int find_device(const char *device)
{
	char name[NAME_MAX_BYTES], full[NAME_MAX_BYTES + 8];
	size_t n;

	eal_device_name(device, name, sizeof(name));
	snprintf(full, sizeof(full), "%s%s",
	         eal_device_is_pci(name) && strlen(name) < 12 ? "0000:" : "", name);
	n = strlen(full);
	for (int i = 0; i < RTE_CRYPTO_MAX_DEVS; i++) {
		const char *is;

		if (!rte_cryptodev_is_valid_dev((uint8_t)i))
			continue;
		is = rte_cryptodev_name_get((uint8_t)i);
		if (strncasecmp(is, full, n) == 0 && (is[n] == '\0' || is[n] == '_'))
			return i;
	}
	return -1;
}

/* Why the device will not do; NULL when it does. */
static const char *shortcoming(uint8_t device, unsigned int cores)
{
	static const struct rte_cryptodev_sym_capability_idx gcm = {
	        .type = RTE_CRYPTO_SYM_XFORM_AEAD,
	        .algo.aead = RTE_CRYPTO_AEAD_AES_GCM,
	};
	const struct rte_cryptodev_symmetric_capability *can =
	        rte_cryptodev_sym_capability_get(device, &gcm);
	struct rte_cryptodev_info info;

	rte_cryptodev_info_get(device, &info);
	if (can == NULL ||
	    rte_cryptodev_sym_capability_check_aead(can, 32, ESP_ICV_BYTES, ESP_AAD_BYTES, 12) != 0)
		return "it has no AES-256-GCM with a 16-byte tag, 12-byte nonce and 12 bytes of "
		       "AAD";
	if ((info.feature_flags & FEATURES) != FEATURES)
		return "it does not work on chained buffers in place";
	if (info.max_nb_queue_pairs < cores)
		return "it has fewer queue pairs than there are forwarding cores";
	return NULL;
}

/* All of a queue's operations, which it keeps for good. */
static int fill_queue(struct esp_cipher *c, struct esp_cipher_queue *q)
{
	if (rte_crypto_op_bulk_alloc(c->ops, RTE_CRYPTO_OP_TYPE_SYMMETRIC, q->all,
	                             ESP_CIPHER_OPS) != ESP_CIPHER_OPS)
		return -ENOMEM;
	memcpy(q->free, q->all, sizeof(q->free));
	q->free_count = ESP_CIPHER_OPS;
	for (unsigned int i = 0; i < ESP_CIPHER_OPS; i++)
		*esp_cipher_private(q->all[i]) = (struct esp_cipher_private){0};
	return 0;
}

static int create_pools(struct esp_cipher *c, unsigned int sessions)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "cipher-ops-%u", c->device);
	c->ops = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC,
	                                   c->cores * ESP_CIPHER_OPS, 0,
	                                   sizeof(struct esp_cipher_private), SOCKET_ID_ANY);
	/* No cache: what is freed must not lie about with the control thread. */
	snprintf(name, sizeof(name), "cipher-keys-%u", c->device);
	c->sessions = rte_cryptodev_sym_session_pool_create(
	        name, sessions, rte_cryptodev_sym_get_private_session_size(c->device), 0, 0,
	        SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "cipher-trial-%u", c->device);
	c->trial =
	        rte_pktmbuf_pool_create(name, 31, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (c->ops == NULL || c->sessions == NULL || c->trial == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < c->cores; i++)
		if (fill_queue(c, &c->queue[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int start_device(struct esp_cipher *c, const char *device, struct err *err)
{
	struct rte_cryptodev_config config = {
	        .socket_id = rte_cryptodev_socket_id(c->device),
	        .nb_queue_pairs = (uint16_t)c->cores,
	        .ff_disable = RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_SECURITY,
	};
	struct rte_cryptodev_qp_conf queue = {
	        .nb_descriptors = ESP_CIPHER_OPS,
	        .mp_session = c->sessions,
	};
	int rc = rte_cryptodev_configure(c->device, &config);

	c->configured = rc == 0;
	for (unsigned int i = 0; i < c->cores && rc == 0; i++)
		rc = rte_cryptodev_queue_pair_setup(c->device, (uint16_t)i, &queue,
		                                    config.socket_id);
	if (rc == 0)
		rc = rte_cryptodev_start(c->device);
	c->started = rc == 0;
	if (rc != 0)
		return err_set(err, EIO, "crypto-device %s: it does not start (%s)", device,
		               rte_strerror(-rc));
	return 0;
}

struct esp_cipher *esp_cipher_create(const char *device, unsigned int cores, unsigned int sessions,
                                     struct err *err)
{
	struct rte_cryptodev_info info;
	struct esp_cipher *c;
	int id = find_device(device);
	const char *why;

	if (id < 0) {
		err_set(err, ENODEV, "crypto-device %s: there is no such crypto device", device);
		return NULL;
	}
	why = shortcoming((uint8_t)id, cores);
	if (why != NULL || cores < 1 || cores > TUNNEL_CORES_MAX) {
		err_set(err, ENOTSUP, "crypto-device %s: %s", device,
		        why != NULL ? why : "the number of cores is wrong");
		return NULL;
	}
	c = aligned_alloc(_Alignof(struct esp_cipher), sizeof(*c));
	if (c == NULL) {
		err_set(err, ENOMEM, "crypto-device %s: out of memory", device);
		return NULL;
	}
	memset(c, 0, sizeof(*c));
	rte_cryptodev_info_get((uint8_t)id, &info);
	c->device = (uint8_t)id;
	c->cores = cores;
	c->driver = info.driver_name;
	c->wait_tsc = rte_get_tsc_hz() / 1000000 * ESP_CIPHER_WAIT_US;
	c->retry_tsc = rte_get_tsc_hz() / 1000 * ESP_CIPHER_RETRY_MS;
	if (create_pools(c, RTE_MAX(sessions, 2U)) < 0)
		err_set(err, ENOMEM, "crypto-device %s: DPDK has no memory for %u keys", device,
		        sessions);
	else if (start_device(c, device, err) == 0) {
		why = esp_cipher_check(c);
		if (why == NULL)
			return c;
		err_set(err, ENOTSUP, "crypto-device %s: %s", device, why);
	}
	esp_cipher_destroy(c);
	return NULL;
}

static void release(struct esp_cipher *c, struct esp_cipher_session *session)
{
	rte_cryptodev_sym_session_free(c->device, session->device);
	/*
	 * Not every driver wipes what it has let go of. The object lies in the pool now, from
	 * which this thread alone takes.
	 */
	secret_wipe(session->device, c->sessions->elt_size);
	free(session);
}

void esp_cipher_reclaim(struct esp_cipher *c)
{
	struct esp_cipher_session **at = &c->waiting;

	while (*at != NULL) {
		struct esp_cipher_session *session = *at;

		if (__atomic_load_n(&session->out, __ATOMIC_ACQUIRE) != 0) {
			at = &session->next;
			continue;
		}
		*at = session->next;
		release(c, session);
	}
}

void esp_cipher_destroy(struct esp_cipher *c)
{
	if (c == NULL)
		return;
	if (c->started)
		rte_cryptodev_stop(c->device);
	/* Nothing works on the buffers of lost operations any more, nor with their keys. */
	for (unsigned int i = 0; i < c->cores; i++)
		for (unsigned int k = 0; k < ESP_CIPHER_OPS; k++) {
			struct rte_crypto_op *op = c->queue[i].all[k];

			if (op != NULL && esp_cipher_private(op)->under_way)
				rte_pktmbuf_free(op->sym->m_src);
		}
	while (c->waiting != NULL) {
		struct esp_cipher_session *session = c->waiting;

		c->waiting = session->next;
		release(c, session);
	}
	if (c->configured)
		rte_cryptodev_close(c->device);
	rte_mempool_free(c->ops);
	rte_mempool_free(c->sessions);
	rte_mempool_free(c->trial);
	free(c);
}

const char *esp_cipher_driver(const struct esp_cipher *c)
{
	return c->driver;
}

struct esp_cipher_session *esp_cipher_session(struct esp_cipher *c, const uint8_t *key, bool seal)
{
	struct rte_crypto_sym_xform xform = {
	        .type = RTE_CRYPTO_SYM_XFORM_AEAD,
	        .aead =
	                {
	                        .op = seal ? RTE_CRYPTO_AEAD_OP_ENCRYPT
	                                   : RTE_CRYPTO_AEAD_OP_DECRYPT,
	                        .algo = RTE_CRYPTO_AEAD_AES_GCM,
	                        .key = {.data = key, .length = 32},
	                        .iv = {.offset = ESP_CIPHER_PRIVATE_OFFSET +
	                                         offsetof(struct esp_cipher_private, iv),
	                               .length = 12},
	                        .digest_length = ESP_ICV_BYTES,
	                        .aad_length = ESP_AAD_BYTES,
	                },
	};

	struct esp_cipher_session *session = calloc(1, sizeof(*session));

	esp_cipher_reclaim(c);
	if (session == NULL)
		return NULL;
	session->device = rte_cryptodev_sym_session_create(c->device, &xform, c->sessions);
	if (session->device == NULL) {
		free(session);
		return NULL;
	}
	return session;
}

void esp_cipher_session_free(struct esp_cipher *c, struct esp_cipher_session *session)
{
	if (session == NULL)
		return;
	session->next = c->waiting;
	c->waiting = session;
	esp_cipher_reclaim(c);
}
