/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms_segment.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/secret.h"
#include "control/kms_program.h"

LOG_COMPONENT_DEFINE(kms_segment)

/* A segment on its way to the disk. */
struct segment_job {
	struct kms_store_job job;
	struct kms_segment segment;
	struct kms_handover *handover;
	uint64_t ticket;
	uint8_t bytes[]; /* secret memory, all of it */
};

static int job_run(void *ctx, struct kms_store *s, struct err *err)
{
	return kms_store_add(s, &((struct segment_job *)ctx)->segment, err);
}

static enum kms_handover_fate fate_of(int rc)
{
	switch (rc) {
	case 0:
	case -EEXIST:
		return KMS_HANDOVER_STORED;
	case -ESTALE:
	case -ENOSPC:
	case -ENOTUNIQ:
	case -EBADMSG:
	case -ERANGE:
	case -EINVAL:
		return KMS_HANDOVER_REFUSED;
	default:
		/* The disk, or memory: it may be well again. */
		return KMS_HANDOVER_AGAIN;
	}
}

/* Store thread. */
static void job_done(void *ctx, int rc, const struct err *err)
{
	struct segment_job *j = ctx;

	if (rc < 0 && rc != -EEXIST)
		log_warn("a segment of %u units at %llu: %s", j->segment.units,
		         (unsigned long long)j->segment.position, err->text);
	kms_handover_stored(j->handover, j->ticket, fate_of(rc));
	secret_free(j);
}

int kms_segment_post(struct kms_handover *handover, uint8_t link, const struct handover_message *m,
                     uint64_t ticket)
{
	size_t n = (size_t)m->segment.units * KEY_UUID_UNIT;
	struct segment_job *j = secret_alloc(sizeof(*j) + n);

	if (j == NULL) {
		log_warn("secret memory is full: a segment waits at the gateway");
		return -ENOMEM;
	}
	memcpy(j->bytes, m->segment.bytes, n);
	j->ticket = ticket;
	j->handover = handover;
	j->segment = (struct kms_segment){.link = link,
	                                  .route = m->segment.route,
	                                  .class = m->segment.class,
	                                  .position = m->segment.position,
	                                  .units = m->segment.units,
	                                  .simulated = m->segment.simulated,
	                                  .time_wall_ns = m->segment.time_wall_ns,
	                                  .bytes = j->bytes};
	memcpy(j->segment.block, m->segment.block, sizeof(j->segment.block));
	memcpy(j->segment.hash, m->segment.hash, sizeof(j->segment.hash));
	j->job = (struct kms_store_job){.run = job_run, .done = job_done, .ctx = j};
	kms_store_post(kms_program()->store, &j->job);
	return 0;
}
