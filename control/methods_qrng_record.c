/* SPDX-License-Identifier: BSD-3-Clause */

/* Recordings of the random source, which become no key: as it runs, and over restarts. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/base64.h"
#include "control/method.h"
#include "control/methods_qrng.h"

LOG_COMPONENT_DEFINE(qrng_record)

#define RECORD_MAX   ((size_t)4 << 20)
#define RESTARTS_MAX 10000

static struct card_tape recording; /* its buffer is the role's while it runs; NULL: none */

struct record_params {
	const char *stream, *lane;
	uint64_t bytes, restarts;
};

static const struct method_param record_params[] = {
        METHOD_PARAM(struct record_params, stream, PARAM_STRING, .choices = "raw|conditioned",
                     .help = "before the conditioning, or after it"),
        METHOD_PARAM(struct record_params, bytes, PARAM_UINT, .min = 1, .max = RECORD_MAX,
                     .help = "so many; with restarts, after each"),
        METHOD_PARAM(struct record_params, lane, PARAM_STRING, .optional = true, .max = 7,
                     .help = "raw: of this lane alone"),
        METHOD_PARAM(struct record_params, restarts, PARAM_UINT, .optional = true, .min = 1,
                     .max = RESTARTS_MAX, .help = "raw: so many; the card is dark meanwhile"),
};

static int check(const struct record_params *p, unsigned int lanes, struct card_tape *tape,
                 struct err *err)
{
	char *end;
	unsigned long lane;

	*tape = (struct card_tape){.raw = strcmp(p->stream, "raw") == 0,
	                           .lane = -1,
	                           .restarts = (unsigned int)p->restarts};
	if (!tape->raw && (p->lane != NULL || p->restarts > 0))
		return err_set(err, EINVAL, "%s: of the raw stream alone",
		               p->lane != NULL ? "lane" : "restarts");
	tape->size = p->bytes * (p->restarts > 0 ? p->restarts : 1);
	if (tape->size > RECORD_MAX)
		return err_set(err, EINVAL, "bytes: %zu in all, but %zu at most", tape->size,
		               RECORD_MAX);
	if (p->lane == NULL)
		return 0;
	lane = strtoul(p->lane, &end, 10);
	if (end == p->lane || *end != '\0' || p->lane[0] == '-' || lane >= lanes)
		return err_set(err, EINVAL, "lane: %s is not one of the %u, from 0 on", p->lane,
		               lanes);
	tape->lane = (int)lane;
	return 0;
}

static int qrng_record(const void *params, json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	struct qkd_role_status s;
	struct optics_qrng *q = methods_qrng_get(&s, err);
	struct card_tape tape;
	bool ready;
	int rc;

	if (q == NULL)
		return -ENODEV;
	if (!s.optics.qrng_present)
		return err_set(err, ENODEV, "qrng: there is no card with a random source now");
	rc = check(params, s.optics.qrng.lanes, &tape, err);
	if (rc < 0)
		return rc;
	if (recording.buf != NULL) {
		optics_qrng_taped(q, &ready);
		if (!ready)
			return err_set(err, EBUSY, "qrng: a recording is under way");
		optics_qrng_release(q); /* nobody took it */
		free(recording.buf);
		recording.buf = NULL;
	}
	tape.buf = malloc(tape.size);
	if (tape.buf == NULL)
		return err_set(err, ENOMEM, "qrng: out of memory");
	if (tape.restarts > 0)
		log_info("uid %u pid %d has the random source restarted %u times, in the dark",
		         (unsigned int)who->uid, (int)who->pid, tape.restarts);
	recording = tape;
	return optics_qrng_tape(q, &tape);
}

static const char *why(int64_t code)
{
	return code == -ENOTSUP  ? "the card has no random source, or cannot restart it"
	       : code == -ENODEV ? "the card was lost, or its source failed, or it has no such lane"
	       : code == -EIO    ? "the card's own tests failed after a restart"
	       : code == -ECANCELED ? "given up"
	                            : "failed";
}

static int qrng_recorded(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = methods_qrng_get(&s, err);
	char *text = NULL;
	bool ready;
	int64_t got;

	if (q == NULL)
		return -ENODEV;
	got = optics_qrng_taped(q, &ready);
	if (recording.buf == NULL || got == -ENOENT)
		return err_set(err, ENOENT, "qrng: nothing is being recorded");
	if (ready && got >= 0)
		text = malloc((recording.size + 2) / 3 * 4 + 1);
	if (text != NULL)
		base64_encode(recording.buf, recording.size, text);
	*result = json_pack("{s:b, s:s, s:I, s:I, s:i, s:s*}", "ready", ready, "stream",
	                    recording.raw ? "raw" : "conditioned", "bytes",
	                    (json_int_t)recording.size, "done", (json_int_t)(got > 0 ? got : 0),
	                    "restarts", (int)recording.restarts, "data", text);
	if (recording.raw)
		json_object_set_new(*result, "min_entropy", json_real(s.optics.qrng.limits.claim));
	free(text);
	if (ready) {
		optics_qrng_release(q);
		free(recording.buf);
		recording.buf = NULL;
	}
	if (got < 0) {
		json_decref(*result);
		*result = NULL;
		return err_set(err, EIO, "qrng: the recording: %s", why(got));
	}
	return 0;
}

static int qrng_record_stop(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = methods_qrng_get(&s, err);

	if (q == NULL)
		return -ENODEV;
	if (recording.buf == NULL)
		return err_set(err, ENOENT, "qrng: nothing is being recorded");
	optics_qrng_abort(q);
	return 0;
}

METHOD_DEFINE(qrng_record, .summary = "Record a stream of the random source; it becomes no key",
              .fn = qrng_record, .params = record_params, .param_count = 4, .right = METHOD_WRITE)
METHOD_DEFINE(qrng_recorded, .summary = "How far a recording is; once, what it holds, in base64",
              .fn = qrng_recorded, .right = METHOD_WRITE)
METHOD_DEFINE(qrng_record_stop, .summary = "Give up a recording", .fn = qrng_record_stop,
              .right = METHOD_WRITE)
