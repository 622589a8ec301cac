/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>

#include "qkd-engine/ldpc_wire.h"

void ldpc_course_init(struct ldpc_course *c, const struct ldpc_plan *plan, uint32_t *open)
{
	memset(c, 0, sizeof(*c));
	c->open = open;
	for (size_t f = 0; f < plan->frames; f++)
		c->open[f] = (uint32_t)f;
	c->open_count = plan->frames;
	c->stats.frames = plan->frames;
}

size_t ldpc_course_group(const struct ldpc_plan *plan, uint64_t round, size_t *first)
{
	size_t end;

	*first = (size_t)(round - 1) * plan->per_message;
	end = *first + plan->per_message;
	return (end < plan->frames ? end : plan->frames) - *first;
}

void ldpc_course_syndromes(struct ldpc_course *c, const struct ldpc_plan *plan)
{
	size_t first, n = ldpc_course_group(plan, ++c->stats.rounds, &first);

	c->stats.syndrome += n * plan->syndrome_bits;
	c->stats.checks += n * LDPC_CHECK_BITS;
	c->stats.alice_leak += n * (plan->syndrome_bits + LDPC_CHECK_BITS);
}

/* Key bits of the frames that are open and named by BITS; their number in *COUNT. */
static size_t named_bits(const struct ldpc_course *c, const struct ldpc_plan *plan,
                         const uint8_t *bits, size_t *count)
{
	size_t sum = 0;

	*count = 0;
	for (size_t i = 0; i < c->open_count; i++) {
		if ((bits[i / 8] >> (i % 8) & 1) == 0)
			continue;
		sum += ldpc_frame_bits(plan, c->open[i]);
		(*count)++;
	}
	return sum;
}

int ldpc_course_verdict(struct ldpc_course *c, const struct ldpc_plan *plan, const uint8_t *bits,
                        size_t len)
{
	struct ldpc_stats s = c->stats;
	size_t n, all, kept = 0;
	bool full = c->blind >= plan->blind_rounds;

	if (c->blind > plan->blind_rounds || ldpc_course_begins(c, plan) ||
	    len != ldpc_verdict_bytes(c) ||
	    (c->open_count % 8 != 0 && bits[len - 1] >> (c->open_count % 8) != 0))
		return -EPROTO;
	all = named_bits(c, plan, bits, &n);
	if (n == 0)
		return -EPROTO;
	s.rounds++;
	s.bob_leak += c->open_count;
	if (full) {
		s.disclosed += all;
		s.failed = n;
	} else {
		all = n * ldpc_revealed_bits(plan, c->blind + 1);
		s.revealed += all;
	}
	s.alice_leak += all;
	if (c->blind == 0)
		s.blind = n;
	/* Unless it was the last verdict, one more bit will follow for each. */
	if (s.alice_leak + s.bob_leak + (full ? 0 : n) > plan->budget)
		return -EOVERFLOW;
	c->stats = s;
	for (size_t i = 0; i < c->open_count; i++)
		if (bits[i / 8] >> (i % 8) & 1)
			c->open[kept++] = c->open[i];
	c->open_count = kept;
	c->blind++;
	return 0;
}

size_t ldpc_course_answer_bytes(const struct ldpc_course *c, const struct ldpc_plan *plan)
{
	size_t bytes = LDPC_HEADER, first;

	if (c->blind == 0)
		return bytes +
		       ldpc_course_group(plan, c->stats.rounds, &first) * ldpc_frame_bytes(plan);
	if (!ldpc_course_discloses(c, plan))
		return bytes + c->open_count * (ldpc_revealed_bits(plan, c->blind) / 8);
	for (size_t i = 0; i < c->open_count; i++)
		bytes += (ldpc_frame_bits(plan, c->open[i]) + 7) / 8;
	return bytes;
}

void ldpc_course_stats(const struct ldpc_course *c, const struct ldpc_plan *plan,
                       struct ldpc_stats *out)
{
	*out = c->stats;
	if (!ldpc_course_discloses(c, plan))
		out->bob_leak += c->open_count;
}
