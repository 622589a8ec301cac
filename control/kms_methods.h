/* SPDX-License-Identifier: BSD-3-Clause */

/* What the methods of lumengate-kms' control socket work on. Main thread. */

#ifndef CONTROL_KMS_METHODS_H
#define CONTROL_KMS_METHODS_H

#include "common/err.h"
#include "control/kms/registry.h"
#include "control/kms/service.h"
#include "control/kms/store.h"

struct kms_methods {
	const char *name, *peer; /* KME IDs */
	struct kms_service *service;
	struct kms_registry *registry;
	struct kms_store *store;
	/* Reads certificates and revocation lists again; NULL: there is none. */
	int (*reload)(void *ctx, struct err *err);
	/* More for kms_status: members of the front, of the hand-over; may be NULL. */
	void (*status)(void *ctx, json_t *out);
	void *ctx;
};

/* Once a second, for how long the key that is given here lasts. */
void kms_methods_look(uint64_t now_ns);

/* M is copied; NULL: the methods are away until the next. */
void kms_methods_attach(const struct kms_methods *m);

/* For the methods' files: what is attached; -ENOTCONN with ERR set before. */
int kms_methods_get(const struct kms_methods **out, struct err *err);

#endif
