/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * AES-256-GCM for ESP by a device of DPDK's cryptodev (QAT and other hardware, or one of its
 * software drivers) in place of the direct calls of common/gcm.h, a burst at a time:
 *
 *     cipher = esp_cipher_create("0000:3d:01.0", cores, sessions, &err);
 *     session = esp_cipher_session(cipher, key, true);              control thread
 *     esp_cipher_seal(cipher, core, counters, jobs, n);             a core, its own queue pair
 *
 * Every job has a session; the call returns when all jobs are done, in their places, whatever
 * the order in which the device finished them.
 *
 * It fails closed. What the device refuses is ESP_JOB_FAILED. What has not come back after
 * ESP_CIPHER_WAIT_US is ESP_JOB_LOST: the device may still write to that buffer, so it belongs
 * to the cipher now, which frees it when it comes back or the device is closed. While a core
 * misses operations, its bursts fail at once, and it tries again every ESP_CIPHER_RETRY_MS.
 *
 * Keys: sessions lie in DPDK's memory, not in our own arena; they are wiped when freed, but not
 * while an operation that was given up may still be worked on with them. The device or its driver
 * compares the tags.
 */

#ifndef DATAPLANE_ESP_CIPHER_H
#define DATAPLANE_ESP_CIPHER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/counter.h"
#include "common/err.h"

#define ESP_CIPHER_WAIT_US  2000
#define ESP_CIPHER_RETRY_MS 1000

struct esp_cipher;
struct esp_cipher_session;
struct esp_job;

/*
 * Configure and start a device that EAL has probed: its PCI address, or its name such as
 * "crypto_openssl0", arguments ignored. One queue pair for each of CORES; up to SESSIONS keys
 * at a time. NULL with ERR: -ENODEV no such device; -ENOTSUP it cannot do AES-256-GCM as ESP
 * takes it, chained buffers in place, fails a test of that, or has too few queue pairs; -EIO it
 * does not start; -ENOMEM.
 */
struct esp_cipher *esp_cipher_create(const char *device, unsigned int cores, unsigned int sessions,
                                     struct err *err);

/*
 * Stop and close the device; no core may use it any more. Sessions are freed before; those that
 * still waited for operations are wiped once the device has stopped.
 */
void esp_cipher_destroy(struct esp_cipher *c);

/* Name of the driver, such as "crypto_qat". */
const char *esp_cipher_driver(const struct esp_cipher *c);

/* Prepare KEY (32 bytes) for one direction; NULL when there are no sessions left. */
struct esp_cipher_session *esp_cipher_session(struct esp_cipher *c, const uint8_t *key, bool seal);

/*
 * Wipe and free; NULL is allowed. No core may use it any more. As long as the device has not given
 * back all operations with it, it only waits, until esp_cipher_reclaim(), here or in
 * esp_cipher_session(), finds them back. They come back when their core has its next burst.
 */
void esp_cipher_session_free(struct esp_cipher *c, struct esp_cipher_session *session);
void esp_cipher_reclaim(struct esp_cipher *c);

/*
 * Run N jobs, at most ESP_BURST, on the queue pair of CORE. The text is sealed or opened in
 * place; sealing writes the ICV behind it. Sets the result of each job; counts drop.cipher and
 * drop.cipher_lost, but not forged packets.
 */
void esp_cipher_seal(struct esp_cipher *c, unsigned int core, struct counter_set *cs,
                     struct esp_job *jobs, unsigned int n);
void esp_cipher_open(struct esp_cipher *c, unsigned int core, struct counter_set *cs,
                     struct esp_job *jobs, unsigned int n);

#endif
