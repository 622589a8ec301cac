/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's half: compares Alice's parities with his own, corrects, asks for the next ones. */

#include <errno.h>
#include <string.h>

#include "qkd-engine/cascade_run.h"
#include "qkd-engine/cascade_wire.h"

enum phase { PREPARE, ASK, WAIT, DONE, FAILED };

struct cascade_bob {
	struct cascade_run run;
	enum phase phase;
	size_t compared;      /* parities of the last round */
	uint8_t *differences; /* of that many */
	uint8_t *parities;    /* own ones of the round */
	size_t message_max;
};

static struct cascade_bob *place(struct workspace *w, size_t message_max, uint8_t **differences,
                                 uint8_t **parities)
{
	struct cascade_bob *b = workspace_plain(w, sizeof(*b));

	*differences = workspace_plain(w, message_max);
	*parities = workspace_plain(w, message_max);
	return b;
}

/* Bob needs more than Alice. */
int cascade_size(const struct cascade_params *p, struct workspace_size *out)
{
	struct workspace w = {0};
	uint8_t *differences, *parities;
	int ret = cascade_run_size(p, out);

	place(&w, cascade_message_max(p), &differences, &parities);
	out->plain += w.most.plain;
	return ret;
}

struct cascade_bob *cascade_bob_create_in(struct workspace *w, const struct cascade_params *p,
                                          uint64_t *key)
{
	size_t message_max = cascade_message_max(p);
	uint8_t *differences, *parities;
	struct cascade_bob *b = place(w, message_max, &differences, &parities);
	int ret;

	if (!workspace_fits(w)) {
		errno = ENOMEM;
		return NULL;
	}
	memset(b, 0, sizeof(*b));
	ret = cascade_run_init(&b->run, p, key, true, w);
	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	b->message_max = message_max;
	b->differences = differences;
	b->parities = parities;
	return b;
}

int cascade_bob_ask(struct cascade_bob *b, uint8_t *out, size_t cap)
{
	size_t bytes;
	int ret;

	if (b->phase == FAILED)
		return -EPROTO;
	if (b->phase == PREPARE) {
		if (!cascade_run_prepare(&b->run))
			return -EAGAIN;
		cascade_run_begin(&b->run, b->differences, b->parities);
		b->phase = ASK;
	}
	if (b->phase != ASK)
		return 0;
	if (cap < b->message_max)
		return -ENOBUFS;
	ret = cascade_run_sweep(&b->run);
	if (ret == -EAGAIN)
		return ret;
	if (ret < 0) {
		b->phase = FAILED;
		return -EPROTO;
	}
	if (b->run.asked == 0) {
		b->run.stats.rounds--; /* nothing was asked in this one */
		b->phase = DONE;
		return 0;
	}
	bytes = (b->compared + 7) / 8;
	put_be32(out, (uint32_t)b->run.stats.rounds);
	memcpy(out + CASCADE_HEADER, b->differences, bytes);
	b->phase = WAIT;
	return (int)(CASCADE_HEADER + bytes);
}

int cascade_bob_take(struct cascade_bob *b, const uint8_t *msg, size_t len)
{
	if (b->phase != WAIT ||
	    !cascade_message_fits(msg, len, (uint32_t)b->run.stats.rounds, b->run.asked)) {
		b->phase = FAILED;
		return -EPROTO;
	}
	for (size_t i = 0; i < len - CASCADE_HEADER; i++)
		b->differences[i] = b->parities[i] ^ msg[CASCADE_HEADER + i];
	b->compared = b->run.asked;
	cascade_run_begin(&b->run, b->differences, b->parities);
	b->phase = ASK;
	return 0;
}

bool cascade_bob_done(const struct cascade_bob *b)
{
	return b->phase == DONE;
}

void cascade_bob_stats(const struct cascade_bob *b, struct cascade_stats *out)
{
	*out = b->run.stats;
}
