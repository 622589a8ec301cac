/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the modules of lumengate-kms have of each other. Each makes its own part in init() and takes
 * it away in fini(); the order is that of their needs:
 *
 *     kms_store       the database is open
 *     kms_handover    grants and audit, whose messages go by way of the gateway
 *     kms_service     the SAEs, and answers to their requests
 *     kms_committer   the store thread runs
 *     kms_https       requests come
 */

#ifndef CONTROL_KMS_PROGRAM_H
#define CONTROL_KMS_PROGRAM_H

#include <event2/event.h>

#include "common/seal.h"
#include "config/config_kms.h"
#include "control/kms/audit.h"
#include "control/kms/grant.h"
#include "control/http/https.h"
#include "control/kms/registry.h"
#include "control/kms/service.h"
#include "control/kms/store.h"

struct kms_program {
	struct kms_store *store;
	struct kms_records records; /* rows of others in the store's database */
	struct seal *link_seal;     /* of the row of kms_link.c */
	struct kms_grants *grants;
	struct kms_audit *audit;
	struct kms_registry *registry;
	struct kms_service *service;
	struct https *https;
};

/* Members are set and read by the main thread, and by the store thread while that runs. */
struct kms_program *kms_program(void);

/* There is work for the store thread. Any thread; CTX is not looked at. */
void kms_program_bell(void *ctx);

#endif
