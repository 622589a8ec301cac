/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/qkd_role_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"
#include "common/spsc.h"
#include "dataplane/channel_mux.h"
#include "dataplane/worker.h"

#define NOTES     4096
#define RESERVED  256 /* places that the peer's messages leave to notes of our own */
#define DATAGRAMS 64  /* in and out, a turn */
#define STATUS_NS (100 * NS_PER_MS)

static int create_quantum(struct qkd_role *q, const struct qkd_role_config *config, struct err *err)
{
	struct engine_ops ops = qkd_role_ops(q, config->workers > 0);

	for (; q->workers < config->workers; q->workers++) {
		q->worker[q->workers] = qkd_worker_create(err);
		if (q->worker[q->workers] == NULL)
			return -1;
	}
	q->optics = optics_create(&config->card, config->qrng_claim, config->qrng_alpha_log2, err);
	if (q->optics == NULL)
		return -1;
	q->engine = engine_create(&config->engine, &ops, q, q->channel, err);
	return q->engine == NULL ? -1 : 0;
}

struct qkd_role *qkd_role_create(const struct qkd_role_config *config, struct channel_mux *mux,
                                 struct err *err)
{
	struct qkd_role *q = aligned_alloc(64, (sizeof(*q) + 63) / 64 * 64);

	if (q == NULL) {
		err_set(err, ENOMEM, "qkd: out of memory");
		return NULL;
	}
	memset(q, 0, sizeof(*q));
	q->mux = mux;
	q->quantum = q->status.quantum = config->quantum;
	q->pads = secret_alloc(PADS_HELD * sizeof(*q->pads));
	if (q->pads == NULL || spsc_init(&q->to_control, NOTES) < 0 ||
	    spsc_init(&q->to_role, NOTES) < 0) {
		err_set(err, ENOMEM, "qkd: out of memory");
		qkd_role_destroy(q);
		return NULL;
	}
	q->channel = channel_create(&config->channel, &random_kernel, err);
	if (q->channel == NULL || (q->quantum && create_quantum(q, config, err) < 0)) {
		qkd_role_destroy(q);
		return NULL;
	}
	return q;
}

void qkd_role_destroy(struct qkd_role *q)
{
	if (q == NULL)
		return;
	engine_destroy(q->engine);
	for (unsigned int i = 0; i < q->workers; i++)
		qkd_worker_destroy(q->worker[i]);
	optics_destroy(q->optics);
	channel_destroy(q->channel);
	qkd_notes_drop(&q->to_control);
	qkd_notes_drop(&q->to_role);
	qkd_note_free(q->unsent);
	secret_free(q->pads);
	free(q);
}

static unsigned int receive_datagrams(struct qkd_role *q, uint64_t now)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	struct channel_place from;
	unsigned int n = 0;
	size_t len;

	while (n < DATAGRAMS && (len = channel_mux_receive(q->mux, buf, sizeof(buf), &from)) > 0) {
		channel_input_from(q->channel, buf, len, &from, now);
		n++;
	}
	return n;
}

static unsigned int send_datagrams(struct qkd_role *q, uint64_t now)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	struct channel_place to;
	unsigned int n = 0;
	size_t len;

	while (n < DATAGRAMS && (len = channel_output_to(q->channel, buf, &to, now)) > 0) {
		q->datagrams_dropped += channel_mux_send(q->mux, buf, len, &to) < 0;
		n++;
	}
	return n;
}

/* A new session is announced ahead of its messages, and what is for the last one is void. */
static void check_session(struct qkd_role *q)
{
	struct qkd_note *note;
	uint8_t id[16];

	if (channel_session(q->channel, id) && memcmp(id, q->session_id, sizeof(id)) != 0) {
		memcpy(q->session_id, id, sizeof(id));
		q->session++;
		q->session_untold = true;
		q->message = NULL;
	}
	if (!q->session_untold || spsc_room(&q->to_control) == 0)
		return;
	note = qkd_note_new(QKD_NOTE_SESSION, 0);
	if (note == NULL)
		return; /* tried again in the next turn */
	note->session = q->session;
	qkd_role_tell(q, note);
	q->session_untold = false;
}

/* What control has no time for stays in the channel, which stops the peer in time. */
static unsigned int receive_messages(struct qkd_role *q)
{
	unsigned int n = 0;

	while (n < DATAGRAMS && !q->session_untold && spsc_room(&q->to_control) > RESERVED) {
		struct qkd_note *note;

		if (q->message == NULL)
			q->message = channel_receive(q->channel, CHANNEL_CONTROL, &q->message_len);
		if (q->message == NULL)
			break;
		note = qkd_note_new(QKD_NOTE_MESSAGE, q->message_len);
		if (note == NULL)
			break;
		note->session = q->session;
		memcpy(note->data, q->message, q->message_len);
		q->message = NULL;
		qkd_role_tell(q, note);
		n++;
	}
	return n;
}

/* False: the channel has no room, the note waits. */
static bool send_note(struct qkd_role *q, const struct qkd_note *note)
{
	int rc;

	if (note->session != q->session)
		return true; /* for a session that is over */
	rc = channel_send(q->channel, CHANNEL_CONTROL, note->data, note->len);
	q->notes_dropped += rc < 0 && rc != -EAGAIN;
	return rc != -EAGAIN;
}

/* Notes from control; returns false for one that must wait. */
static bool take_note(struct qkd_role *q, struct qkd_note *note)
{
	switch (note->type) {
	case QKD_NOTE_SEND:
		return send_note(q, note);
	case QKD_NOTE_PAD:
		if (q->pad_count < PADS_HELD)
			q->pads[q->pad_count++] = note->pad;
		else
			__atomic_fetch_sub(&q->pads_around, 1, __ATOMIC_RELAXED);
		break;
	case QKD_NOTE_PAD_FETCHED:
	case QKD_NOTE_PAD_UNKNOWN:
		if (q->engine != NULL)
			engine_pad(q->engine, note->pad.id,
			           note->type == QKD_NOTE_PAD_FETCHED ? &note->pad : NULL);
		break;
	case QKD_NOTE_THRESHOLDS:
		if (q->engine != NULL)
			engine_thresholds(q->engine, note->qber_abort, note->qber_alarm);
		break;
	case QKD_NOTE_HOLD:
		if (q->engine != NULL)
			engine_hold(q->engine, note->raised);
		break;
	case QKD_NOTE_DELIVERY:
		if (q->engine != NULL) {
			engine_positions_from(q->engine, note->position);
			engine_delivery(q->engine, note->percent[0], note->percent[1]);
		}
		break;
	default:
		break;
	}
	return true;
}

static unsigned int take_notes(struct qkd_role *q)
{
	unsigned int n = 0;

	for (; n < DATAGRAMS; n++) {
		struct qkd_note *note = q->unsent != NULL ? q->unsent : spsc_pop(&q->to_role);

		if (note == NULL)
			break;
		q->unsent = NULL;
		if (!take_note(q, note)) {
			q->unsent = note;
			break;
		}
		qkd_note_free(note);
	}
	return n;
}

static void publish(struct qkd_role *q, uint64_t now)
{
	struct qkd_role_status s = {.quantum = q->quantum,
	                            .notes_dropped = q->notes_dropped,
	                            .datagrams_dropped = q->datagrams_dropped};

	if (now < q->next_status_ns)
		return;
	q->next_status_ns = now + STATUS_NS;
	channel_stats_read(q->channel, &s.channel);
	channel_peer(q->channel, &s.peer);
	if (q->engine != NULL)
		engine_stats_read(q->engine, &s.engine);
	if (q->optics != NULL)
		optics_status_read(q->optics, &s.optics);
	__atomic_store_n(&q->status_seq, q->status_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(&q->status, &s, sizeof(s));
	__atomic_store_n(&q->status_seq, q->status_seq + 1, __ATOMIC_RELEASE);
}

unsigned int qkd_role_poll(void *ctx, struct worker *w)
{
	struct qkd_role *q = ctx;
	unsigned int done;

	done = receive_datagrams(q, w->now_ns);
	check_session(q);
	done += receive_messages(q);
	done += take_notes(q);
	if (q->engine != NULL) {
		done += optics_poll(q->optics, q->engine, w->now_ns);
		done += engine_poll(q->engine, w->now_ns);
	}
	done += send_datagrams(q, w->now_ns);
	publish(q, w->now_ns);
	return done;
}

struct qkd_worker *qkd_role_worker(struct qkd_role *q, unsigned int i)
{
	return q->worker[i];
}

struct qkd_note *qkd_role_receive(struct qkd_role *q)
{
	return spsc_pop(&q->to_control);
}

int qkd_role_post(struct qkd_role *q, struct qkd_note *note)
{
	unsigned int pad = note->type == QKD_NOTE_PAD;

	/* Ahead of the role, which counts down when it has spent it. */
	__atomic_fetch_add(&q->pads_around, pad, __ATOMIC_RELAXED);
	if (spsc_push(&q->to_role, note))
		return 0;
	__atomic_fetch_sub(&q->pads_around, pad, __ATOMIC_RELAXED);
	return -EAGAIN;
}

unsigned int qkd_role_pads(const struct qkd_role *q)
{
	return __atomic_load_n(&q->pads_around, __ATOMIC_RELAXED);
}

bool qkd_role_supervise(struct qkd_role *q, uint64_t now_ns, struct err *err)
{
	return q->optics != NULL && optics_supervise(q->optics, now_ns, err);
}

bool qkd_role_ocm(struct qkd_role *q, struct card_ocm_scan *out)
{
	return q->optics != NULL && optics_ocm(q->optics, out);
}

struct optics_otdr *qkd_role_otdr(struct qkd_role *q)
{
	return q->optics != NULL ? optics_otdr(q->optics) : NULL;
}

struct optics_qrng *qkd_role_qrng(struct qkd_role *q)
{
	return q->optics != NULL ? optics_qrng(q->optics) : NULL;
}

struct optics_monitor *qkd_role_monitor(struct qkd_role *q)
{
	return q->optics != NULL ? optics_monitor(q->optics) : NULL;
}

void qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out)
{
	unsigned int before, after;

	/* The role writes for less than a microsecond, unless it lost its CPU in between. */
	do {
		before = __atomic_load_n(&q->status_seq, __ATOMIC_ACQUIRE);
		memcpy(out, &q->status, sizeof(*out));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		after = __atomic_load_n(&q->status_seq, __ATOMIC_RELAXED);
	} while (before != after || before % 2 != 0);
}
