/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/blocks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/decoy_share.h"
#include "common/tail.h"

/* block.h has the same of the engine. */
#define HOLD_NS    (1 * NS_PER_S)
#define HOLD_FILLS 2
#define VOID_NS    (500 * NS_PER_MS)
/* Parts compared in a turn of 100 ms: 10^6 detections a second, as a QKD core does. */
#define PARTS_A_TURN 200
/* What reconciliation discloses of n h(Q) where no plan of the engine's says it better. */
#define LEAK_F 1.16
/* One honest block in 10^10 has so few decoys. */
#define DECOYS_LN_ALPHA (-10 * M_LN10)

static struct block_counts *at(struct blocks *b, unsigned int i)
{
	return &b->block[(b->oldest + i) % BLOCKS_UNDER_WAY];
}

static void empty(struct block_counts *k)
{
	struct block_part *part = k->part;

	memset(k, 0, sizeof(*k));
	k->part = part;
}

int blocks_init(struct blocks *b, const struct finite_key_source *source, uint32_t size,
                double qber_abort, double qber_alarm)
{
	memset(b, 0, sizeof(*b));
	b->source = *source;
	b->size = size;
	b->qber_abort = qber_abort;
	b->count = 1;
	monitor_init(&b->monitor, qber_alarm);
	for (unsigned int i = 0; i < BLOCKS_UNDER_WAY; i++) {
		b->block[i].part = calloc(size / BLOCKS_PART + 1, sizeof(struct block_part));
		if (b->block[i].part == NULL)
			return -ENOMEM;
	}
	return 0;
}

void blocks_free(struct blocks *b)
{
	for (unsigned int i = 0; i < BLOCKS_UNDER_WAY; i++)
		free(b->block[i].part);
}

static bool blocked(const struct blocks *b)
{
	return b->held || monitor_blocks_key(&b->monitor);
}

/* The block I is no more; the one that fills begins anew. */
static void end(struct blocks *b, unsigned int i, bool is_void)
{
	struct block_counts gone = *at(b, i);

	b->void_blocks += is_void && gone.detections > 0;
	b->void_attacked_blocks += is_void && gone.attacked > 0;
	if (i + 1 == b->count) {
		empty(at(b, i));
		return;
	}
	for (; i + 1 < b->count; i++)
		*at(b, i) = *at(b, i + 1);
	*at(b, --b->count) = gone;
	empty(at(b, b->count));
}

static void begin_next(struct blocks *b, uint64_t now_ns)
{
	struct block_counts *k = at(b, b->count - 1);

	k->fill_ns = now_ns - k->fill_ns;
	k->end_ns = now_ns;
	empty(at(b, b->count));
	b->count++;
}

void blocks_add(struct blocks *b, const struct detected *d, uint64_t now_ns)
{
	struct block_counts *k = at(b, b->count - 1);
	struct block_part *part = &k->part[k->parts];

	if (k->detections == b->size)
		return; /* no room for another one */
	if (k->detections == 0)
		k->fill_ns = now_ns;
	if (k->in_part == 0)
		memset(part, 0, sizeof(*part));
	k->detections++;
	k->attacked += d->attacked;
	if (d->cross && d->basis == 1)
		k->counts.cross[!d->matched]++;
	if (d->matched && d->basis == 0) {
		k->counts.n_z[d->intensity]++;
		k->counts.m_z[d->intensity] += d->wrong;
	} else if (d->matched) {
		k->counts.n_x[d->intensity]++;
		k->counts.m_x[d->intensity] += d->wrong;
		part->x++;
		part->x_errors += d->wrong;
		part->attacked += d->attacked;
	}
	if (++k->in_part == BLOCKS_PART || k->detections == b->size) {
		k->in_part = 0;
		k->parts++;
	}
	if (k->detections == b->size && b->count < BLOCKS_UNDER_WAY)
		begin_next(b, now_ns);
}

static void void_recent(struct blocks *b, uint64_t now_ns)
{
	for (unsigned int i = b->count; i-- > 0;)
		if (i == b->count - 1 || now_ns - at(b, i)->end_ns <= VOID_NS)
			end(b, i, true);
}

static void hear(struct blocks *b, enum monitor_sequence s, const struct monitor_counts *c,
                 uint64_t now_ns)
{
	if (monitor_add(&b->monitor, s, c, now_ns) == MONITOR_SUSPECT)
		void_recent(b, now_ns);
	if (monitor_blocks_key(&b->monitor))
		for (unsigned int i = b->count - 1; i-- > 0;)
			if (monitor_suspects(&b->monitor, &at(b, i)->end))
				end(b, i, true);
}

/* Outcomes C come of the light of block K: what was seen once they are. */
static void seen(const struct blocks *b, struct block_counts *k, enum monitor_sequence s,
                 const struct monitor_counts *c)
{
	for (int i = 0; i < 2; i++)
		k->end.n[s][i] = b->monitor.seen.n[s][i] + c->n[i];
}

void blocks_sampled(struct blocks *b, const struct monitor_counts *c, uint64_t now_ns)
{
	if (c->n[0] + c->n[1] == 0)
		return;
	seen(b, at(b, b->count - 1), MONITOR_SAMPLES, c);
	hear(b, MONITOR_SAMPLES, c, now_ns);
}

/* The first block whose bases are still to be compared, or NULL. */
static struct block_counts *comparing(struct blocks *b)
{
	for (unsigned int i = 0; i + 1 < b->count; i++)
		if (at(b, i)->told < at(b, i)->parts)
			return at(b, i);
	return NULL;
}

static void compare(struct blocks *b, uint64_t now_ns, struct blocks_told *out)
{
	for (unsigned int n = 0; n < PARTS_A_TURN; n++) {
		struct block_counts *k = comparing(b);
		const struct block_part *part;
		struct monitor_counts c = {0};

		if (k == NULL)
			return;
		part = &k->part[k->told++];
		c.n[1] = part->x;
		c.e[1] = part->x_errors;
		out->x += part->x;
		out->errors += part->x_errors;
		out->attacked += part->attacked;
		seen(b, k, MONITOR_BLOCKS, &c);
		if (k->told == k->parts)
			for (unsigned int i = 0; i < 2; i++)
				b->counted[i] += k->counts.n_z[i] + k->counts.n_x[i];
		hear(b, MONITOR_BLOCKS, &c, now_ns);
	}
}

static bool was_held(const struct blocks *b, const struct block_counts *k, uint64_t now_ns)
{
	return monitor_found_since(&b->monitor, &k->end) ||
	       now_ns - k->end_ns >= HOLD_NS + HOLD_FILLS * k->fill_ns;
}

/* Fewer than any honest fibre gives: qkd-engine/block_plan.c. */
static bool decoys_missing(const struct blocks *b, const struct block_counts *k)
{
	const struct finite_key_counts *c = &k->counts;
	const struct finite_key_source *s = &b->source;
	uint64_t signal = c->n_z[0] + c->n_x[0], decoy = c->n_z[1] + c->n_x[1];

	return tail_binomial_below(decoy, signal + decoy,
	                           decoy_share(s->mu[0], s->mu[1], s->p[0], s->p[1], 1)) <
	       DECOYS_LN_ALPHA;
}

static uint64_t secret_bits(const struct blocks *b, const struct block_counts *k)
{
	struct finite_key_input in = {.source = b->source, .counts = k->counts, .f = LEAK_F};
	struct finite_key_result r;
	uint64_t n = 0, m = 0;

	for (unsigned int i = 0; i < 2; i++) {
		n += k->counts.n_z[i];
		m += k->counts.m_z[i];
	}
	if (n == 0 || (double)m > b->qber_abort * (double)n)
		return 0;
	return finite_key_bound(FINITE_KEY_WIESEMANN2024, &in, &r) < 0 ? 0
	                                                               : r.secret_bits & ~255ULL;
}

void blocks_turn(struct blocks *b, uint64_t now_ns, struct blocks_told *out)
{
	memset(out, 0, sizeof(*out));
	compare(b, now_ns, out);
	if (at(b, b->count - 1)->detections == b->size && b->count < BLOCKS_UNDER_WAY)
		begin_next(b, now_ns);
	while (b->count > 1 && at(b, 0)->told == at(b, 0)->parts && !blocked(b) &&
	       was_held(b, at(b, 0), now_ns)) {
		uint64_t bits = secret_bits(b, at(b, 0));

		if (decoys_missing(b, at(b, 0))) {
			end(b, 0, true);
			continue;
		}
		b->released_blocks += bits > 0;
		b->no_key_blocks += bits == 0;
		b->released_bits += bits;
		b->released_attacked_bits += at(b, 0)->attacked > 0 ? bits : 0;
		end(b, 0, false);
	}
}

void blocks_hold(struct blocks *b, bool held, uint64_t now_ns)
{
	if (held && !b->held)
		void_recent(b, now_ns);
	b->held = held;
}

const char *blocks_alarm(const struct blocks *b)
{
	static const char *const names[] = {NULL, "qber-z", "qber-x", "intercept-resend"};

	return b->monitor.state == MONITOR_ALARM ? names[b->monitor.kind & 3] : NULL;
}

void blocks_mark(struct blocks *b)
{
	b->released_bits = b->released_attacked_bits = b->released_blocks = 0;
	b->void_blocks = b->void_attacked_blocks = b->no_key_blocks = 0;
}
