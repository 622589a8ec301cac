/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's half: takes Bob's differences of the last round, answers with the next parities. */

#include <errno.h>
#include <string.h>

#include "qkd-engine/cascade_run.h"
#include "qkd-engine/cascade_wire.h"

struct cascade_alice {
	struct cascade_run run;
	bool busy, failed;
	size_t message_max;
};

struct cascade_alice *cascade_alice_create_in(struct workspace *w, const struct cascade_params *p,
                                              const uint64_t *key)
{
	struct cascade_alice *a = workspace_plain(w, sizeof(*a));
	int ret;

	if (!workspace_fits(w)) {
		errno = ENOMEM;
		return NULL;
	}
	memset(a, 0, sizeof(*a));
	/* The run writes to the key of Bob only. */
	ret = cascade_run_init(&a->run, p, (uint64_t *)(uintptr_t)key, false, w);
	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	a->message_max = cascade_message_max(p);
	return a;
}

int cascade_alice_answer(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                         size_t cap)
{
	int ret;

	if (a->failed)
		return -EPROTO;
	if (!a->busy) {
		if (cap < a->message_max)
			return -ENOBUFS;
		if (!cascade_message_fits(msg, len, (uint32_t)(a->run.stats.rounds + 1),
		                          a->run.asked)) {
			a->failed = true;
			return -EPROTO;
		}
	}
	if (!cascade_run_prepare(&a->run))
		return -EAGAIN;
	if (!a->busy) {
		cascade_run_begin(&a->run, msg + CASCADE_HEADER, out + CASCADE_HEADER);
		a->busy = true;
	}
	ret = cascade_run_sweep(&a->run);
	if (ret == -EAGAIN)
		return ret;
	a->busy = false;
	/* Bob says nothing when there is nothing to ask. */
	if (ret < 0 || a->run.asked == 0) {
		a->failed = true;
		return -EPROTO;
	}
	put_be32(out, (uint32_t)a->run.stats.rounds);
	return (int)(CASCADE_HEADER + (a->run.asked + 7) / 8);
}

void cascade_alice_stats(const struct cascade_alice *a, struct cascade_stats *out)
{
	*out = a->run.stats;
}
