/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/choices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/model/outcomes.h"

#define SIZE_START (1u << 16)
/* 512 MiB: 8 s of 8 million clicks a second. Beyond it the retention gets shorter. */
#define SIZE_MAX_RECORDS (1u << 26)

int choices_init(struct choices *c, uint64_t retention, struct rng *rng)
{
	memset(c, 0, sizeof(*c));
	c->retention = retention;
	c->size = SIZE_START;
	c->seen = malloc(c->size * sizeof(*c->seen));
	if (c->seen == NULL)
		return -ENOMEM;
	choices_reset(c, 0, rng);
	return 0;
}

void choices_free(struct choices *c)
{
	free(c->seen);
	c->seen = NULL;
}

void choices_reset(struct choices *c, uint64_t n, struct rng *rng)
{
	c->prf = (struct prf){rng_next(rng), rng_next(rng)};
	c->first = c->end = c->cursor = 0;
	c->floor = n;
	c->periods = 1;
	c->period[0] = (struct choices_period){.from = n};
}

void choices_change(struct choices *c, const struct choices_period *next)
{
	uint64_t from = next->from;

	if (c->period[c->periods - 1].from >= from) {
		c->periods--;
	} else if (c->periods == CHOICES_PERIODS) {
		c->periods--;
		memmove(&c->period[0], &c->period[1], c->periods * sizeof(c->period[0]));
	}
	c->period[c->periods++] = *next;
	if (c->floor < c->period[0].from)
		c->floor = c->period[0].from;
}

static uint64_t seen_at(const struct choices *c, uint64_t count)
{
	return c->seen[count & (c->size - 1)];
}

static bool grow(struct choices *c)
{
	uint64_t *seen;

	if (c->size >= SIZE_MAX_RECORDS)
		return false;
	seen = malloc(2 * c->size * sizeof(*seen));
	if (seen == NULL)
		return false;
	for (uint64_t i = c->first; i < c->end; i++)
		seen[i & (2 * c->size - 1)] = seen_at(c, i);
	free(c->seen);
	c->seen = seen;
	c->size *= 2;
	return true;
}

void choices_seen(struct choices *c, uint64_t n, unsigned int choice)
{
	uint64_t oldest = n > c->retention ? n - c->retention : 0;

	/* Two at most, so that a pause in the clicks makes no pause here. */
	for (int i = 0; i < 2 && c->first < c->end && seen_at(c, c->first) >> CHOICE_BITS < oldest;
	     i++)
		c->floor = (seen_at(c, c->first++) >> CHOICE_BITS) + 1;
	if (c->end - c->first == c->size && !grow(c))
		c->floor = (seen_at(c, c->first++) >> CHOICE_BITS) + 1;
	c->seen[c->end++ & (c->size - 1)] = n << CHOICE_BITS | choice;
}

/* Count of the first record at N or later. Look-ups come in order: start from the last. */
static uint64_t find(struct choices *c, uint64_t n)
{
	uint64_t lo = c->first, hi = c->end, at = c->cursor, step = 1;

	if (at < lo || at > hi)
		at = lo;
	if (at < hi && seen_at(c, at) >> CHOICE_BITS < n) {
		lo = at + 1;
		while (lo - 1 + step < hi && seen_at(c, lo - 1 + step) >> CHOICE_BITS < n) {
			lo += step;
			step *= 2;
		}
		if (lo - 1 + step < hi)
			hi = lo - 1 + step;
	} else {
		hi = at;
		if (lo < hi && seen_at(c, hi - 1) >> CHOICE_BITS < n)
			lo = hi;
	}
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (seen_at(c, mid) >> CHOICE_BITS < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return c->cursor = lo;
}

static const struct choices_period *period_of(const struct choices *c, uint64_t n)
{
	unsigned int i = c->periods;

	while (i > 1 && c->period[i - 1].from > n)
		i--;
	return &c->period[i - 1];
}

/* What the card sends when RANDOM is its word for the slot. */
static unsigned int draw(const struct choices_period *p, uint64_t random)
{
	unsigned int choice = (random >> 16 & 0xffff) < p->p_z ? 0 : CHOICE_BASIS_X;
	uint64_t intensity = random >> 32 & 0xffff;

	if (intensity >= p->p_mu1)
		choice |= p->p_mu2 == 0 || intensity < (uint64_t)p->p_mu1 + p->p_mu2 ? CHOICE_MU2
		                                                                     : CHOICE_MU3;
	if (random & 1 && !(p->three_states && choice & CHOICE_BASIS_X))
		choice |= CHOICE_BIT;
	return choice;
}

int choices_get(struct choices *c, uint64_t n, uint64_t end)
{
	const struct choices_period *p;
	uint64_t at, random;

	if (n >= end || n < c->floor || end - n > c->retention)
		return -1;
	p = period_of(c, n);
	if (!p->random || n < p->from)
		return -1;
	at = find(c, n);
	if (at < c->end && seen_at(c, at) >> CHOICE_BITS == n)
		return (int)(seen_at(c, at) & (CHOICE_VALUES - 1));
	random = prf_word(&c->prf, n);
	return (int)draw(p, random);
}
