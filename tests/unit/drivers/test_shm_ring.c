/* SPDX-License-Identifier: BSD-3-Clause */

/* The model's rings: wrap, loss, faults, look-ups. */

#include "drivers/model/shm_ring.h"

#include "tests/unit/drivers/model_host.h"

#define TAGS CARD_RING_TAGS

/* Reads tags as a driver does. */
struct reader {
	uint32_t done, log2_size;
	uint64_t last, clicks, doubles, gaps, lost, gap_first, gap_last;
};

static void drain(struct host *h, struct reader *r)
{
	uint32_t size = 1u << r->log2_size;

	for (;;) {
		const struct card_desc *d = desc(h, B, TAGS, r->done & (size - 1));
		uint32_t phase = r->done / size % 2 == 0 ? CARD_DESC_PHASE : 0;
		const uint64_t *tags = buffer(h, B, TAGS, r->done & (size - 1));

		if ((d->flags & CARD_DESC_PHASE) != phase || r->done == head(h, B, TAGS))
			break;
		CU_ASSERT_EQUAL(d->seq, r->done);
		CU_ASSERT(d->used > 0 && d->used % 8 == 0 && d->used <= BUFFER);
		CU_ASSERT_EQUAL(d->first_slot, CARD_TAG_SLOT(tags[0]));
		for (uint32_t i = 0; i < d->used / 8; i++) {
			CU_ASSERT(CARD_TAG_SLOT(tags[i]) > r->last);
			r->last = CARD_TAG_SLOT(tags[i]);
			switch (CARD_TAG_TYPE(tags[i])) {
			case CARD_TAG_CLICK:
				r->clicks++;
				CU_ASSERT(CARD_TAG_CHANNEL(tags[i]) < 4);
				break;
			case CARD_TAG_DOUBLE:
				r->doubles++;
				CU_ASSERT(__builtin_popcount(CARD_TAG_CHANNEL(tags[i])) > 1);
				break;
			case CARD_TAG_GAP:
				r->gap_first = r->last;
				CU_ASSERT_EQUAL(CARD_TAG_TYPE(tags[i + 1]), CARD_TAG_GAP_END);
				break;
			case CARD_TAG_GAP_END:
				r->gaps++;
				r->gap_last = r->last;
				r->lost += CARD_TAG_CHANNEL(tags[i]) << 8 | CARD_TAG_SUB(tags[i]);
				break;
			default:
				CU_FAIL("unknown tag");
			}
		}
		r->done++;
	}
}

static void test_wrap(void)
{
	struct host *h = host_open(&optics_link_default, 11);
	struct reader r = {.log2_size = 2};

	ring_run(h, B, TAGS, 2);
	post(h, B, TAGS, 4);
	light_up(h);
	for (int i = 0; i < 200; i++) {
		turn(h);
		drain(h, &r);
		post(h, B, TAGS, r.done + 4);
	}
	CU_ASSERT(r.done > 40);
	CU_ASSERT_EQUAL(r.gaps, 0);
	CU_ASSERT(r.clicks > 40000);
	CU_ASSERT(r.doubles > 20);
	CU_ASSERT_EQUAL(reg64(h, B, CARD_RING(TAGS) + CARD_RING_DROPPED_LO), 0);
	CU_ASSERT(reg(h, B, CARD_IRQ_CAUSE) & CARD_IRQ_RING(TAGS));
	host_close(h);
}

static void test_moderation(void)
{
	struct optics_link link = optics_link_default;
	struct host *h;
	struct reader r = {.log2_size = 3};

	link.distance_km = 150; /* some thousand clicks a second: no buffer fills by itself */
	h = host_open(&link, 12);
	ring_run(h, B, TAGS, 3);
	post(h, B, TAGS, 8);
	host_write(h, B, CARD_MODERATION, 4000);
	light_up(h);
	pass_ms(h, 16);
	drain(h, &r);
	CU_ASSERT(r.done >= 2 && r.done <= 5);
	CU_ASSERT(r.clicks >= r.done);
	host_close(h);
}

static void test_full_ring_tells_its_gap(void)
{
	struct host *h = host_open(&optics_link_default, 13);
	struct reader r = {.log2_size = 3};
	uint64_t dropped, before, shown;

	ring_run(h, B, TAGS, 3);
	post(h, B, TAGS, 2);
	light_up(h);
	pass_ms(h, 4);
	before = h->link.truth.clicks;
	drain(h, &r);
	CU_ASSERT_EQUAL(r.done, 2);
	CU_ASSERT_EQUAL(r.gaps, 0);
	shown = r.clicks + r.doubles;
	dropped = reg64(h, B, CARD_RING(TAGS) + CARD_RING_DROPPED_LO);
	/* The newest are dropped: what two buffers hold came through. */
	CU_ASSERT(shown > BUFFER / 8 && shown <= 2 * BUFFER / 8);
	CU_ASSERT_EQUAL(dropped, before - shown);
	CU_ASSERT(dropped > 1000 && dropped < 4095);
	post(h, B, TAGS, 8);
	turn(h);
	turn(h);
	pass_ms(h, 1);
	drain(h, &r);
	CU_ASSERT_EQUAL(r.gaps, 1);
	CU_ASSERT_EQUAL(r.lost, dropped);
	CU_ASSERT(r.gap_last > r.gap_first && r.last > r.gap_last);
	/* The gap is as wide as its clicks: 1.155 us each. */
	CU_ASSERT(fabs((double)(r.gap_last - r.gap_first) / (double)dropped - 1155) < 60);
	host_close(h);
}

static void test_stall_is_left_out(void)
{
	struct host *h = host_open(&optics_link_default, 14);
	struct reader r = {.log2_size = 6};

	ring_run(h, B, TAGS, 6);
	post(h, B, TAGS, 64);
	light_up(h);
	host_write(h, A, CARD_WATCHDOG, 60000);
	host_write(h, B, CARD_WATCHDOG, 60000);
	h->feed = false;
	pass_ms(h, 5);
	/* Less than a second is caught up with, 20 ms in a turn. */
	h->now += 50 * NS_PER_MS;
	turn(h);
	CU_ASSERT_EQUAL(h->link.skips, 0);
	for (int i = 0; i < 3; i++) {
		drain(h, &r);
		post(h, B, TAGS, r.done + 64);
		turn(h);
	}
	CU_ASSERT(h->link.clicks.n + 300000 > h->link.bob.pulse);
	h->now += 3 * NS_PER_S;
	turn(h);
	CU_ASSERT_EQUAL(h->link.skips, 1);
	CU_ASSERT(h->link.skipped_ms >= 3000 && h->link.skipped_ms < 3010);
	pass_ms(h, 4);
	drain(h, &r);
	CU_ASSERT_EQUAL(r.gaps, 1);
	CU_ASSERT(r.gap_last - r.gap_first > 2990000000u);
	host_close(h);
}

static void test_bad_addresses(void)
{
	static const uint64_t far[] = {CARD_SHM_DMA_BYTES - BUFFER + 1, UINT64_MAX - 100};
	struct host *h = host_open(&optics_link_default, 15);

	for (int i = 0; i < 2; i++) {
		host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
		ring_run(h, B, CARD_RING_QRNG, 1);
		desc(h, B, CARD_RING_QRNG, 0)->addr = far[i];
		post(h, B, CARD_RING_QRNG, 1);
		host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE);
		pass_ms(h, 30);
		CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_DMA);
		CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_RING_QRNG);
		CU_ASSERT_EQUAL(reg(h, B, CARD_RING(CARD_RING_QRNG) + CARD_RING_STATE),
		                CARD_RING_ERROR);
		CU_ASSERT_EQUAL(head(h, B, CARD_RING_QRNG), 0);
	}
	/* The array itself. */
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_BASE_LO, CARD_SHM_DMA_BYTES - 32);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_LOG2_SIZE, 1);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_CODE), CARD_FAULT_DMA);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), TAGS);
	/* More posted than the ring has; a size that cannot be; a ring of the other end. */
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	ring_run(h, B, CARD_RING_QRNG, 1);
	host_write(h, B, CARD_CTRL, CARD_CTRL_ENABLE);
	post(h, B, CARD_RING_QRNG, 3);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_RING(CARD_RING_QRNG) + CARD_RING_TAIL);
	host_write(h, B, CARD_CTRL, CARD_CTRL_RESET);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_LOG2_SIZE, 16);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
	CU_ASSERT_EQUAL(reg(h, B, CARD_FAULT_ARG), CARD_RING(TAGS) + CARD_RING_LOG2_SIZE);
	ring_run(h, A, TAGS, 1);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), CARD_RING(TAGS) + CARD_RING_CTRL);
	host_close(h);
}

static void test_ring_reset(void)
{
	struct host *h = host_open(&optics_link_default, 16);
	struct reader r = {.log2_size = 2};

	ring_run(h, B, TAGS, 2);
	post(h, B, TAGS, 4);
	light_up(h);
	pass_ms(h, 2);
	CU_ASSERT(head(h, B, TAGS) > 0);
	host_write(h, B, CARD_RING(TAGS) + CARD_RING_CTRL, CARD_RING_CTRL_RESET);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RING(TAGS) + CARD_RING_CTRL), 0);
	CU_ASSERT_EQUAL(reg(h, B, CARD_RING(TAGS) + CARD_RING_STATE), CARD_RING_IDLE);
	CU_ASSERT_EQUAL(head(h, B, TAGS), 0);
	/* Quiet: no DMA; the card itself runs on. */
	memset(desc(h, B, TAGS, 0), 0, 4 * sizeof(struct card_desc));
	pass_ms(h, 2);
	CU_ASSERT_EQUAL(desc(h, B, TAGS, 0)->flags, 0);
	CU_ASSERT(reg(h, B, CARD_STATUS) & CARD_STATUS_ARMED);
	post(h, B, TAGS, 4);
	ring_run(h, B, TAGS, 2);
	turn(h);
	turn(h);
	drain(h, &r);
	CU_ASSERT(r.clicks > 400);
	CU_ASSERT_EQUAL(r.gaps, 0);
	host_close(h);
}

UNIT_MAIN(UNIT(test_wrap), UNIT(test_moderation), UNIT(test_full_ring_tells_its_gap),
          UNIT(test_stall_is_left_out), UNIT(test_bad_addresses), UNIT(test_ring_reset))
