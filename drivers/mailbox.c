/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/mailbox.h"

#include <errno.h>

#include "common/clock.h"
#include "drivers/card_regs.h"
#include "drivers/transport.h"

#define SILENCE_MAX_NS NS_PER_S
/* A pause of the whole machine is no silence of the card: one look proves no more than this. */
#define LOOK_MAX_NS  (100 * NS_PER_MS)
#define OPEN_WAIT_NS (250 * NS_PER_MS)
#define LATCH_TRIES  64
#define ALL_ONES     0xffffffffU

static uint32_t *reg(const struct mailbox *m, uint32_t offset)
{
	return (uint32_t *)(m->bar + (offset & (CARD_BAR0_BYTES - 4)));
}

static uint32_t load(const struct mailbox *m, uint32_t offset)
{
	return __atomic_load_n(reg(m, offset), __ATOMIC_ACQUIRE);
}

bool mailbox_open(struct mailbox *m, uint8_t *bar)
{
	uint64_t start = clock_mono_ns();

	*m = (struct mailbox){.bar = bar};
	m->turn = load(m, CARD_SHM_ALIVE);
	while (load(m, CARD_SHM_ALIVE) == m->turn) {
		if (clock_mono_ns() - start > OPEN_WAIT_NS)
			return false;
		transport_relax(start);
	}
	m->turn = load(m, CARD_SHM_ALIVE);
	m->look_ns = clock_mono_ns();
	return true;
}

uint32_t mailbox_read32(const struct mailbox *m, uint32_t offset)
{
	return m->lost ? ALL_ONES : load(m, offset);
}

/* Sequence lock; bounded, because the card may be stopped in the middle of an update. */
int mailbox_read64(const struct mailbox *m, uint32_t offset, uint64_t *value)
{
	if (m->lost) {
		*value = UINT64_MAX;
		return 0;
	}
	for (int i = 0; i < LATCH_TRIES; i++) {
		uint32_t before = load(m, CARD_SHM_LATCH), lo, hi;

		/* A card that was pulled out: nothing there changes any more. */
		if (before == ALL_ONES && load(m, CARD_MAGIC) == ALL_ONES) {
			*value = UINT64_MAX;
			return 0;
		}
		if (before & 1)
			continue;
		lo = load(m, offset);
		hi = load(m, offset + 4);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (load(m, CARD_SHM_LATCH) == before) {
			*value = (uint64_t)hi << 32 | lo;
			return 0;
		}
	}
	return -EAGAIN;
}

bool mailbox_written(const struct mailbox *m)
{
	return m->lost || load(m, CARD_SHM_MBOX_DONE) == load(m, CARD_SHM_MBOX_SEQ);
}

int mailbox_write32(struct mailbox *m, uint32_t offset, uint32_t value)
{
	uint32_t seq;

	if (m->lost)
		return 0; /* a write to an absent card goes nowhere */
	if (!mailbox_written(m))
		return -EAGAIN;
	seq = load(m, CARD_SHM_MBOX_SEQ);
	__atomic_store_n(reg(m, CARD_SHM_MBOX_OFFSET), offset, __ATOMIC_RELAXED);
	__atomic_store_n(reg(m, CARD_SHM_MBOX_VALUE), value, __ATOMIC_RELAXED);
	__atomic_store_n(reg(m, CARD_SHM_MBOX_SEQ), seq + 1, __ATOMIC_RELEASE);
	return 0;
}

void mailbox_doorbell(struct mailbox *m, uint32_t offset, uint32_t value)
{
	if (!m->lost)
		__atomic_store_n(reg(m, offset), value, __ATOMIC_RELEASE);
}

bool mailbox_alive(struct mailbox *m, uint64_t now_ns)
{
	uint32_t turn;
	uint64_t look;

	if (m->lost)
		return false;
	turn = load(m, CARD_SHM_ALIVE);
	look = now_ns > m->look_ns ? now_ns - m->look_ns : 0;
	m->look_ns = now_ns;
	if (turn != m->turn) {
		m->turn = turn;
		m->silence_ns = 0;
		return true;
	}
	m->silence_ns += look < LOOK_MAX_NS ? look : LOOK_MAX_NS;
	m->lost = m->silence_ns >= SILENCE_MAX_NS;
	return !m->lost;
}
