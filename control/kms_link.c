/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/secret.h"
#include "control/kms/link_record.h"
#include "control/kms_program.h"

LOG_COMPONENT_DEFINE(kms_link)

#define ROW "gateway"

/* On its way to the disk; sealed already. */
struct keep_job {
	struct kms_store_job job;
	size_t n;
	uint8_t data[KMS_LINK_RECORD_MAX];
};

static int keep_run(void *ctx, struct kms_store *s, struct err *err)
{
	const struct keep_job *k = ctx;
	const struct kms_record row = {KMS_LINK_RECORD, ROW, k->data, k->n};

	return kms_store_records_write(s, &row, 1, err);
}

/* The gateway says HELLO again at the next start, its own or ours. */
static void keep_done(void *ctx, int rc, const struct err *err)
{
	if (rc < 0)
		log_warn("the link is not remembered over a restart: %s", err->text);
	free(ctx);
}

static void keep(const struct handover_message *hello)
{
	struct kms_program *p = kms_program();
	struct keep_job *k = calloc(1, sizeof(*k));
	int n = k == NULL ? -ENOMEM : kms_link_record_write(p->link_seal, hello, k->data);

	if (n < 0) {
		log_warn("the link is not remembered over a restart: %s", strerror(-n));
		free(k);
		return;
	}
	k->n = (size_t)n;
	k->job = (struct kms_store_job){.run = keep_run, .done = keep_done, .ctx = k};
	kms_store_post(p->store, &k->job);
}

static int use(const struct handover_message *m, struct err *err)
{
	struct kms_program *p = kms_program();
	const struct kms_link link = {.link = m->hello.link,
	                              .secret = m->hello.secret,
	                              .simulated = m->hello.simulated,
	                              .name = m->hello.name,
	                              .protocol = m->hello.protocol};
	int rc = kms_service_link(p->service, &link, err);

	return rc == 0 ? kms_audit_link(p->audit, m->hello.link, m->hello.secret, err) : rc;
}

int kms_link_take(const struct handover_message *hello, struct err *err)
{
	int rc = use(hello, err);

	if (rc == 0)
		keep(hello);
	return rc;
}

static int each(void *arg, const struct kms_record *r)
{
	struct handover_message *hello = arg;
	int rc = kms_link_record_read(kms_program()->link_seal, r->data, r->n, hello);

	if (rc < 0)
		log_warn("the link that is remembered cannot be read (%s): the gateway must be "
		         "there first",
		         strerror(-rc));
	return 0;
}

bool kms_link_restore(uint8_t *link)
{
	struct handover_message *hello = secret_alloc(sizeof(*hello));
	struct kms_program *p = kms_program();
	struct err err = {0};
	bool known = false;

	if (hello == NULL)
		return false;
	if (p->records.read(p->records.ctx, KMS_LINK_RECORD, each, hello, &err) < 0)
		log_warn("the link that is remembered cannot be read: %s", err.text);
	else if (hello->type == HANDOVER_HELLO)
		known = use(hello, &err) == 0;
	if (known) {
		*link = hello->hello.link;
		log_info("link %s is known from before", hello->hello.name);
	}
	secret_free(hello);
	return known;
}
