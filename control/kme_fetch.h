/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exchanges with a foreign KME by ETSI GS QKD 014 V1.1.1 over HTTPS (libcurl): one at a time, each
 * within a time-out, no redirect followed, no proxy, nothing but TLS 1.2 and 1.3 with both ends
 * authenticated. The answer becomes a message for the gateway, a failure KME_FAILED.
 */

#ifndef CONTROL_KME_FETCH_H
#define CONTROL_KME_FETCH_H

#include <signal.h>

#include "common/err.h"
#include "config/config.h"
#include "control/kme_wire.h"

struct kme_fetch;

/* CONFIG is kept. STOP: an exchange ends soon after it is set. */
struct kme_fetch *kme_fetch_create(const struct config_foreign_kme *config,
                                   volatile sig_atomic_t *stop, struct err *err);
void kme_fetch_destroy(struct kme_fetch *f);

/* M becomes KME_STATUS or KME_FAILED of request 0. */
void kme_fetch_status(struct kme_fetch *f, struct kme_message *m);

/*
 * M, a KME_ENC or KME_DEC, becomes KME_KEYS or KME_FAILED of the same request; entries are F's own,
 * in secret memory, until kme_fetch_wipe().
 */
void kme_fetch_keys(struct kme_fetch *f, struct kme_message *m);
void kme_fetch_wipe(struct kme_fetch *f);

#endif
