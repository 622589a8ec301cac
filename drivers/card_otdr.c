/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Acquisitions of the card's OTDR. Nothing here waits: registers are written one a turn, as the
 * transport takes them, and buffers are checked and copied as they come.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card_priv.h"

#define LOOK_NS (50 * NS_PER_MS)
/* All has to be here so long after the card says that it is done. */
#define LATE_NS  NS_PER_S
#define WRITES   7
#define HEAD     ((uint32_t)sizeof(struct card_otdr_head))
#define STEP_RUN WRITES

struct card_otdr {
	enum card_otdr_state state;
	struct card_otdr_settings set;
	unsigned int step;           /* register writes that were taken */
	bool abort;                  /* is to be written */
	uint64_t look_ns, late_ns;   /* next look at the registers; 0: not done yet */
	uint32_t done, points, have; /* averages; samples of the trace and those that are here */
	struct card_otdr_head head;  /* of its first buffer */
	int32_t samples[CARD_OTDR_POINTS_MAX];
};

int card_otdr_open(struct card *card)
{
	if ((card->features & CARD_FEATURE_OTDR) == 0)
		return 0;
	card->otdr = calloc(1, sizeof(*card->otdr));
	card_status_set(card, otdr, card->otdr != NULL);
	return card->otdr != NULL ? 0 : -ENOMEM;
}

void card_otdr_close(struct card *card)
{
	free(card->otdr);
	card->otdr = NULL;
}

int card_otdr_start(struct card *card, const struct card_otdr_settings *set)
{
	struct card_otdr *o = card->otdr;

	if (o == NULL)
		return -ENOTSUP;
	if (o->state != CARD_OTDR_NOTHING)
		return -EBUSY;
	if (!card->status.armed)
		return -EAGAIN;
	if (set->wavelength_pm < CARD_OTDR_PM_MIN || set->wavelength_pm > CARD_OTDR_PM_MAX)
		return -ERANGE;
	if (set->pulse_ns < 3 || set->pulse_ns > 20000 || set->range_m < 100 ||
	    set->range_m > 300000 || set->averages < 1 || set->averages > 1u << 24 ||
	    set->sample_ps < 1000 || set->sample_ps > 1000000)
		return -EINVAL;
	if (set->gated && card->role != CARD_IS_BOB) /* only there are gates */
		return -EINVAL;
	o->state = CARD_OTDR_BUSY;
	o->set = *set;
	o->step = 0;
	o->abort = false;
	o->look_ns = o->late_ns = 0;
	o->done = o->points = o->have = 0;
	return 0;
}

void card_otdr_abort(struct card *card)
{
	if (card->otdr != NULL && card->otdr->state == CARD_OTDR_BUSY)
		card->otdr->abort = true;
}

enum card_otdr_state card_otdr_state(const struct card *card)
{
	return card->otdr != NULL ? card->otdr->state : CARD_OTDR_NOTHING;
}

uint32_t card_otdr_progress(const struct card *card)
{
	return card->otdr != NULL ? card->otdr->done : 0;
}

void card_otdr_trace(const struct card *card, struct card_otdr_trace *out)
{
	const struct card_otdr *o = card->otdr;
	const struct card_otdr_head *h = &o->head;

	*out = (struct card_otdr_trace){.samples = o->samples,
	                                .points = o->points,
	                                .averages = h->averages,
	                                .wavelength_pm = h->wavelength_pm,
	                                .pulse_ns = h->pulse_ns,
	                                .sample_ps = h->sample_ps,
	                                .response_ps = h->response_ps,
	                                .lsb_w = h->lsb_aw * 1e-18};
}

void card_otdr_release(struct card *card)
{
	if (card->otdr != NULL && card->otdr->state > CARD_OTDR_BUSY)
		card->otdr->state = CARD_OTDR_NOTHING;
}

/* The next register of the start, or the abort, when the transport takes it. */
static unsigned int write_next(struct card *card)
{
	struct card_otdr *o = card->otdr;
	const struct {
		uint32_t offset, value;
	} list[WRITES] = {{CARD_OTDR_WAVELENGTH, o->set.wavelength_pm},
	                  {CARD_OTDR_PULSE_NS, o->set.pulse_ns},
	                  {CARD_OTDR_RANGE_M, o->set.range_m},
	                  {CARD_OTDR_AVERAGES, o->set.averages},
	                  {CARD_OTDR_SAMPLE_PS, o->set.sample_ps},
	                  {CARD_OTDR_GATED, o->set.gated},
	                  {CARD_OTDR_CTRL, 1}};

	if (o->abort) {
		if (card->ops->write32(card->t, CARD_OTDR_CTRL, 2) < 0)
			return 0;
		o->state = CARD_OTDR_BROKEN;
		return 1;
	}
	if (o->step == STEP_RUN ||
	    card->ops->write32(card->t, list[o->step].offset, list[o->step].value) < 0)
		return 0;
	o->step++;
	return 1;
}

static uint32_t sum_of(const void *words, uint32_t n)
{
	const uint8_t *p = words;
	uint32_t sum = 0, word;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(&word, p + 4 * i, 4);
		sum += word;
	}
	return sum;
}

/* One buffer: false when it is not what has to come next. */
static bool take(struct card_otdr *o, const struct card_buffer *b)
{
	struct card_otdr_head h;
	uint32_t first;

	if (b->error || !b->in_sequence || b->used < HEAD || b->used % 4 != 0)
		return false;
	/* The card may still write: what was checked is what is used. */
	memcpy(&h, b->data, HEAD);
	if (h.count != (b->used - HEAD) / 4 || h.first > CARD_OTDR_POINTS_MAX ||
	    h.count > CARD_OTDR_POINTS_MAX - h.first)
		return false;
	if (h.flags & CARD_OTDR_PARTIAL)
		return true;
	first = o->have;
	if (first == 0) {
		o->head = h;
		o->points = h.points;
	}
	if (h.first != first || h.points != o->points || h.points > CARD_OTDR_POINTS_MAX ||
	    h.count > h.points - first || h.id != o->head.id || h.lsb_aw != o->head.lsb_aw ||
	    h.sample_ps != o->set.sample_ps || h.pulse_ns != o->set.pulse_ns ||
	    h.response_ps == 0 || h.lsb_aw == 0)
		return false;
	memcpy(o->samples + first, b->data + HEAD, 4 * (size_t)h.count);
	if (sum_of(&h, HEAD / 4 - 1) + sum_of(o->samples + first, h.count) != h.check)
		return false;
	o->have += h.count;
	if ((h.flags & CARD_OTDR_LAST) != 0) {
		o->done = o->set.averages;
		o->state = o->have == o->points ? CARD_OTDR_READY : CARD_OTDR_BROKEN;
	}
	return true;
}

static void look(struct card *card, uint64_t now_ns)
{
	struct card_otdr *o = card->otdr;
	uint64_t shut;
	uint32_t state;

	if (o->step < STEP_RUN || now_ns < o->look_ns || !card->ops->written(card->t))
		return;
	o->look_ns = now_ns + LOOK_NS;
	state = card_get(card, CARD_OTDR_STATE);
	if (o->set.gated && card->ops->read64(card->t, CARD_OTDR_SHUT_LO, &shut) == 0)
		card_status_set(card, shut_slots, shut);
	o->done = card_get(card, CARD_OTDR_DONE);
	if (o->done > o->set.averages)
		o->done = o->set.averages;
	if (state == CARD_OTDR_RUNNING) {
		o->late_ns = 0;
		return;
	}
	if (o->late_ns == 0)
		o->late_ns = now_ns + LATE_NS;
	if (state == CARD_OTDR_ABORTED || state == CARD_OTDR_FAILED || now_ns > o->late_ns)
		o->state = CARD_OTDR_BROKEN;
}

unsigned int card_otdr_poll(struct card *card, uint64_t now_ns)
{
	struct card_ring *r = &card->ring[CARD_RING_OTDR];
	struct card_otdr *o = card->otdr;
	struct card_buffer b;
	unsigned int done = 0;

	if (o == NULL)
		return 0;
	if (o->state == CARD_OTDR_BUSY)
		done += write_next(card);
	/* A buffer a turn: its copy and its sum take about a microsecond. */
	if (card_ring_next(r, &b)) {
		if (o->state == CARD_OTDR_BUSY && !take(o, &b)) {
			card_status_add(card, sequence_errors, 1);
			o->abort = true;
		}
		card_ring_release(r, 1);
		card_ring_refill(r);
		done++;
	}
	if (o->state == CARD_OTDR_BUSY)
		look(card, now_ns);
	return done;
}
