/* SPDX-License-Identifier: BSD-3-Clause */

/* State of an open card, shared by the files card*.c. */

#ifndef DRIVERS_CARD_PRIV_H
#define DRIVERS_CARD_PRIV_H

#include "common/clock.h"
#include "drivers/card.h"
#include "drivers/card_analog.h"
#include "drivers/card_regs.h"
#include "drivers/card_ring.h"
#include "drivers/card_steer.h"
#include "drivers/qrng.h"
#include "drivers/transport.h"

#define CARD_ALL_ONES 0xffffffffU       /* what an absent card reads as */
#define CARD_WRITE_NS (100 * NS_PER_MS) /* longest wait for one register write */

/* Queries under way never outnumber the buffers that wait for their answers. */
#define CARD_OTDR_LOG2    5
#define CARD_QRNG_LOG2    3 /* few: what waits in them is not tested yet */
#define CARD_OCM_LOG2     2
#define CARD_MONITOR_LOG2 4 /* 1.6 s of records */
#define CARD_OCM_MS       500
#define CARD_QUERIES_LOG2 6
#define CARD_QUERIES      (1u << CARD_QUERIES_LOG2)

/* A question whose answer is outstanding: what each reply must echo. */
struct card_query {
	uint64_t first_slot;
	uint32_t n;
	uint32_t slot24[CARD_LOOKUP_MAX];
};

struct card {
	const struct transport_ops *ops;
	void *t;
	struct transport_dma dma;
	size_t dma_used;
	enum card_role role;
	uint32_t watchdog_ms;
	uint64_t watchdog_next_ns; /* when the watchdog is fed again */
	uint64_t status_next_ns;   /* when the status register is read again */
	uint64_t dropped_next_ns;  /* when the count of dropped tags is read again */
	uint64_t cause_next_ns;    /* when interrupt causes are read and cleared again */
	uint64_t slot_ref;         /* a recent value of the slot counter, 64 bits */
	uint64_t features;
	int state;         /* 0, -EIO after a fault, -ENODEV when lost */
	bool dark_pending; /* SAFE_OFF is still to be written */
	uint32_t counted;  /* completions that card_poll() has reported */
	struct card_ring ring[CARD_RING_COUNT];

	/* Bob: where card_clicks() stands in the oldest buffer of tags */
	struct card_buffer tags;
	uint32_t tag_at, tag_count;
	uint64_t tag_last; /* slots up to here are accounted for */
	bool in_gap;       /* a GAP came, its GAP_END did not */
	bool hole;         /* clicks after tag_last may be missing */

	/* Alice */
	struct card_bias bias;
	struct card_steer steer;  /* Bob, too */
	struct card_query *query; /* CARD_QUERIES, by number of the question */
	uint32_t query_next, query_oldest;

	/* QRNG: a stack of bytes in secret memory, wiped as they are given out */
	uint8_t *pool;
	size_t pool_bytes;
	struct qrng *qrng;
	bool qrng_own;                         /* else the caller's */
	bool qrng_up;                          /* the card says that it is well */
	uint64_t qrng_next_ns;                 /* with a full pool: when one more is tested */
	uint64_t qrng_last_ns, qrng_silent_ns; /* last turn; without samples so far */
	uint64_t qrng_posted_ns[1 << CARD_QRNG_LOG2]; /* by buffer */
	uint32_t qrng_lanes;
	bool qrng_restart_due;       /* asked for by an operator, not written yet */
	uint64_t qrng_restart_until; /* until then a FAIL may be the one before it */
	struct card_tape tape;
	size_t tape_used;
	enum { TAPE_ROW, TAPE_ASK, TAPE_ASKED, TAPE_SEEN, TAPE_STARTUP, TAPE_BROKEN } tape_step;
	uint64_t tape_asked_ns;

	struct card_otdr *otdr; /* NULL: it has none */
	struct card_ocm *ocm;   /* likewise */

	/* Monitor records: the slot behind the last one, once there was one */
	uint64_t monitor_end;
	bool monitor_known;
	uint64_t mode_from; /* Alice: first slot of the present mode */

	struct card_status status; /* written by the owner, read by all: relaxed atomics */
};

#define card_status_set(card, field, value)                                                        \
	do {                                                                                       \
		__typeof__((card)->status.field) value_ = (value);                                 \
		__atomic_store(&(card)->status.field, &value_, __ATOMIC_RELAXED);                  \
	} while (0)
#define card_status_add(card, field, n) card_status_set(card, field, (card)->status.field + (n))

/* The 64-bit slot nearest to the card's present one that has these low 48 bits. */
uint64_t card_slot_extend(const struct card *card, uint64_t slot48);

static inline uint32_t card_get(const struct card *card, uint32_t offset)
{
	return card->ops->read32(card->t, offset);
}

/* Register write that waits for the card, at most CARD_WRITE_NS. */
int card_write(struct card *card, uint32_t offset, uint32_t value);

/* Give the card up: dark, and CODE from every call from now on. */
void card_fail(struct card *card, int code);

/* Take completed buffers of a ring; the number taken. */
unsigned int card_random_poll(struct card *card, uint64_t now_ns);
unsigned int card_telemetry_poll(struct card *card);
unsigned int card_queries_poll(struct card *card);

/* The OTDR's memory, when the card has one: -ENOMEM. And its part of a turn. */
int card_otdr_open(struct card *card);
void card_otdr_close(struct card *card);
unsigned int card_otdr_poll(struct card *card, uint64_t now_ns);

/* The channel monitor, likewise. */
int card_ocm_open(struct card *card);
void card_ocm_close(struct card *card);
unsigned int card_ocm_poll(struct card *card);

/* Limits, period and states, before RX_APPLY: -ETIMEDOUT. */
int card_monitor_configure(struct card *card, const struct card_config *config);

/* Forget the pool's bytes: their source is in doubt. */
void card_random_discard(struct card *card);

/* Pool and health tests, when the card has a QRNG: -ENOMEM. Settings of its own tests: -ETIMEDOUT.
 */
int card_random_open(struct card *card, struct qrng *qrng, struct err *err);
int card_random_configure(struct card *card);
void card_random_close(struct card *card);
/* The card's word on its health, from QRNG_STATE. */
void card_random_state(struct card *card, uint32_t state);

/* A recording takes N raw bytes, as they lie in a buffer, or conditioned ones: true when it did. */
bool card_tape_take(struct card *card, bool raw, const uint8_t *data, size_t n);
/* It still waits for bytes. */
bool card_tape_runs(const struct card *card);
/*
 * Its restarts, after each look into the ring. True: a buffer that was there is of before one, or
 * nobody knows.
 */
bool card_tape_restarts(struct card *card, uint64_t now_ns, bool ring_empty);

#endif
