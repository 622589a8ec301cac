/* SPDX-License-Identifier: BSD-3-Clause */

/* What esp_cipher.c sets up and esp_cipher_burst.c runs on; private to these. */

#ifndef DATAPLANE_ESP_CIPHER_STATE_H
#define DATAPLANE_ESP_CIPHER_STATE_H

#include <rte_crypto.h>
#include <rte_cryptodev.h>

#include "dataplane/esp_cipher.h"
#include "dataplane/tunnel.h"

/* Operations of a queue: a burst under way, and several that were lost. */
#define ESP_CIPHER_OPS 512

/* Behind each operation. Drivers take 16 bytes of IV and of AAD where 12 are meant. */
struct esp_cipher_private {
	uint8_t iv[16], aad[16], icv[16];
	uint64_t burst; /* of the queue; another one than the current: it was given up */
	struct esp_cipher_session *session; /* then */
	uint32_t job;                       /* place in the burst */
	bool under_way;                     /* the device has it */
};

#define ESP_CIPHER_PRIVATE_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

/* A key with the device. */
struct esp_cipher_session {
	void *device;     /* rte_cryptodev's; constant */
	unsigned int out; /* operations that were given up and have not come back; cores: rw */
	/* Control thread, once it was let go of. */
	struct esp_cipher_session *next;
};

/* One core's; nobody else touches it while that core runs. */
struct esp_cipher_queue {
	_Alignas(64) uint64_t burst;
	uint64_t retry_tsc;      /* while operations are lost: not before */
	unsigned int free_count; /* of free[] */
	unsigned int lost;
	struct rte_crypto_op *free[ESP_CIPHER_OPS];
	struct rte_crypto_op *all[ESP_CIPHER_OPS]; /* constant */
};

struct esp_cipher {
	/* Constant after esp_cipher_create(). */
	uint8_t device;
	bool configured, started;
	unsigned int cores;
	const char *driver;
	uint64_t wait_tsc, retry_tsc;
	struct rte_mempool *ops, *sessions, *trial;
	struct esp_cipher_session *waiting; /* for their operations; control thread */
	struct esp_cipher_queue queue[TUNNEL_CORES_MAX];
};

/* Why the started device does not do what it should; NULL when it does. */
const char *esp_cipher_check(struct esp_cipher *c);

static inline struct esp_cipher_private *esp_cipher_private(struct rte_crypto_op *op)
{
	return (struct esp_cipher_private *)((uint8_t *)op + ESP_CIPHER_PRIVATE_OFFSET);
}

#endif
