/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/kms/audit_state.h"
#include "control/kms/peer_message.h"

LOG_COMPONENT_DEFINE(audit)

#define GRACE_NS    (10 * NS_PER_S)
#define AGAIN_NS    (600 * NS_PER_S)
#define WAITING_MAX 64

int kms_audit_new(const struct kms_audit_config *config, struct kms_audit **out, struct err *err)
{
	struct kms_audit *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(err, ENOMEM, "audit: out of memory");
	a->config = *config;
	if (a->config.grace_ns == 0)
		a->config.grace_ns = GRACE_NS;
	if (a->config.again_ns == 0)
		a->config.again_ns = AGAIN_NS;
	a->last = &a->first;
	a->key = secret_alloc(AUDIT_KEY_BYTES);
	a->new_key = secret_alloc(AUDIT_KEY_BYTES);
	pthread_mutex_init(&a->lock, NULL);
	if (a->key == NULL || a->new_key == NULL) {
		kms_audit_free(a);
		return err_set(err, ENOMEM, "audit: secret memory is full");
	}
	*out = a;
	return 0;
}

void kms_audit_free(struct kms_audit *a)
{
	if (a == NULL)
		return;
	while (a->first != NULL) {
		struct audit_inbound *in = a->first;

		a->first = in->next;
		free(in);
	}
	secret_free(a->key);
	secret_free(a->new_key);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

enum key_uuid_class audit_others(const struct kms_audit *a)
{
	return a->config.own == KEY_UUID_FROM_A ? KEY_UUID_FROM_B : KEY_UUID_FROM_A;
}

int kms_audit_link(struct kms_audit *a, uint8_t link, const uint8_t *secret, struct err *err)
{
	static const char salt[] = "lumengate kms v1", label[] = "audit ";
	uint8_t info[sizeof(label)];
	int rc;

	memcpy(info, label, sizeof(label) - 1);
	info[sizeof(label) - 1] = link;
	pthread_mutex_lock(&a->lock);
	rc = hkdf_sha256(secret, 32, salt, sizeof(salt) - 1, info, sizeof(info), a->new_key,
	                 AUDIT_KEY_BYTES);
	a->link = link;
	a->linked = rc == 0;
	a->key_changed = true;
	pthread_mutex_unlock(&a->lock);
	return rc < 0 ? err_set(err, EIO, "audit: OpenSSL refuses HKDF") : 0;
}

static void wake(struct kms_audit *a)
{
	if (a->config.wake != NULL)
		a->config.wake(a->config.ctx);
}

void kms_audit_session(struct kms_audit *a, bool up, uint64_t now_ns)
{
	pthread_mutex_lock(&a->lock);
	if (up != a->up)
		a->up_ns = now_ns;
	a->up = up;
	pthread_mutex_unlock(&a->lock);
	wake(a);
}

void kms_audit_receive(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	struct audit_inbound *in = malloc(sizeof(*in) + len);

	if (in != NULL) {
		in->next = NULL;
		in->len = len;
		memcpy(in->bytes, msg, len);
	}
	pthread_mutex_lock(&a->lock);
	/* What is lost is asked for again. */
	if (in == NULL || a->waiting == WAITING_MAX) {
		a->stats.bad_messages++;
		free(in);
	} else {
		*a->last = in;
		a->last = &in->next;
		a->waiting++;
	}
	pthread_mutex_unlock(&a->lock);
	wake(a);
}

void audit_bad(struct kms_audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->stats.bad_messages++;
	pthread_mutex_unlock(&a->lock);
}

void audit_store_failed(struct kms_audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->stats.store_errors++;
	pthread_mutex_unlock(&a->lock);
}

void audit_differs(struct kms_audit *a, enum key_uuid_class class, uint64_t from, uint64_t to,
                   unsigned int ranges, int voided)
{
	char text[sizeof(a->stats.last_difference)];

	snprintf(text, sizeof(text),
	         "%u segments of the stream from %c between %llu and %llu differ and are void at "
	         "both ends, %d of them here",
	         ranges, class == KEY_UUID_FROM_A ? 'A' : 'B', (unsigned long long)from,
	         (unsigned long long)to, voided);
	log_warn("%s", text);
	pthread_mutex_lock(&a->lock);
	a->stats.differences++;
	a->stats.voided += (uint64_t)voided;
	a->stats.last_difference_wall_ns = a->wall_ns;
	memcpy(a->stats.last_difference, text, sizeof(text));
	pthread_mutex_unlock(&a->lock);
}

bool audit_send(struct kms_audit *a, size_t len)
{
	return a->config.send(a->config.ctx, a->message, len);
}

static void take(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	static void (*const on[])(struct kms_audit *, const uint8_t *, size_t) = {
	        [KMS_PEER_ASK] = audit_on_ask,
	        [KMS_PEER_SAME] = audit_on_same,
	        [KMS_PEER_WAIT] = audit_on_wait,
	        [KMS_PEER_DIFFERS] = audit_on_differs,
	        [KMS_PEER_VOID] = audit_on_void,
	        [KMS_PEER_VOIDED] = audit_on_voided,
	        [KMS_PEER_FETCHED] = audit_on_fetched,
	        [KMS_PEER_FETCHED_ACK] = audit_on_fetched_ack,
	        [KMS_PEER_WITHDRAWN] = audit_on_withdrawn,
	        [KMS_PEER_WITHDRAWN_ACK] = audit_on_withdrawn_ack,
	};

	if (len == 0 || !KMS_PEER_IS_AUDIT(msg[0]))
		audit_bad(a);
	else
		on[msg[0]](a, msg, len);
}

/* What other threads said since the last turn; the messages. */
static struct audit_inbound *look(struct kms_audit *a)
{
	struct audit_inbound *in;
	bool up, changed;

	pthread_mutex_lock(&a->lock);
	in = a->first;
	a->first = NULL;
	a->last = &a->first;
	a->waiting = 0;
	up = a->up && a->linked;
	changed = a->key_changed;
	a->key_changed = false;
	if (changed)
		memcpy(a->key, a->new_key, AUDIT_KEY_BYTES);
	a->running = up && a->now_ns - a->up_ns >= a->config.grace_ns;
	pthread_mutex_unlock(&a->lock);
	if (!up || changed) {
		/* A VOID is said until it was heard: the other end needs the tombstones. */
		if (changed || a->ask != ASK_VOIDING)
			a->ask = ASK_IDLE;
		a->deadline_ns = 0;
		a->report = a->withdrawal = 0;
	}
	if (changed)
		a->cursor = a->again_ns = 0;
	return in;
}

bool kms_audit_work(struct kms_audit *a, uint64_t now_ns, uint64_t wall_ns)
{
	struct audit_inbound *in;
	bool some;

	a->now_ns = now_ns;
	a->wall_ns = wall_ns;
	in = look(a);
	some = in != NULL;
	while (in != NULL) {
		struct audit_inbound *next = in->next;

		take(a, in->bytes, in->len);
		free(in);
		in = next;
	}
	if (a->running) {
		some |= audit_ask_turn(a);
		some |= audit_report_turn(a);
		some |= audit_withdraw_turn(a);
	}
	return some;
}

void kms_audit_stats_read(struct kms_audit *a, struct kms_audit_stats *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->stats;
	pthread_mutex_unlock(&a->lock);
}
