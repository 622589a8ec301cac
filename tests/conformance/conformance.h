/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * card-conformance: is this a card as docs/optical-card.md has it? Register by register, over any
 * transport of the driver, on the device model as on hardware.
 *
 * A check is a function of one end (and the other where light is needed). It starts with both
 * cards reset and says what does not hold by EXPECT(); the rest of it is still done.
 */

#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "drivers/card_regs.h"
#include "drivers/card_table.h"
#include "drivers/transport.h"

/* Long enough for a machine that does other things too: no check measures by it. */
#define SOON_MS 3000
/* No check takes so long while it keeps a card enabled. */
#define LONG_WATCHDOG_MS 60000

struct end {
	const char *path;
	unsigned int role; /* CARD_ROLE_*, 0: not given */
	const char *name;
	const struct transport_ops *ops;
	void *t; /* NULL while another process has the card */
	struct transport_dma dma;
	uint32_t features;
};

struct rig {
	struct end alice, bob;
	const char *control;   /* the simulator's socket, or a serial line to it */
	unsigned int failures; /* of the check under way */
	const char *absent;    /* why the check under way does not apply */
};

struct check {
	const char *name;
	unsigned int
	        roles; /* bits CARD_ROLE_*: once for each end that is there; 0: once, needs both */
	void (*run)(struct rig *rig, struct end *e);
};
#define ON_ALICE (1u << CARD_ROLE_ALICE)
#define ON_BOB   (1u << CARD_ROLE_BOB)
#define ON_EACH  (ON_ALICE | ON_BOB)
#define ON_LINK  0u

extern const struct check checks_registers[], checks_control[], checks_resets[], checks_rings[],
        checks_descriptors[], checks_choices[], checks_light[], checks_host[], checks_streams[],
        checks_qrng[], checks_otdr[], checks_monitor[];

__attribute__((format(printf, 3, 4))) void expect_failed(struct rig *rig, int line, const char *fmt,
                                                         ...);
#define EXPECT(condition, ...)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			expect_failed(rig, __LINE__, __VA_ARGS__);                                 \
	} while (0)

/* A write that the card has acted on; a read. */
void put(struct rig *rig, struct end *e, uint32_t offset, uint32_t value);
uint32_t get(const struct end *e, uint32_t offset);
uint64_t get64(const struct end *e, uint32_t offset);
/* Waits until the register has VALUE in the bits of MASK; false when it does not SOON. */
bool wait_for(const struct end *e, uint32_t offset, uint32_t mask, uint32_t value);
void sleep_ms(unsigned int ms);

int end_open(struct rig *rig, struct end *e);
void end_close(struct end *e);

/* Function reset, and dark after it. */
void reset(struct rig *rig, struct end *e);
/* ENABLE with a watchdog that does not expire; then ARM. */
void enable(struct rig *rig, struct end *e);
void arm(struct rig *rig, struct end *e);
/* Alice's settings: probabilities of mu1 and of Z, * 2^16. */
void light(struct rig *rig, struct end *alice, uint32_t mode, uint32_t p_mu1, uint32_t p_z);
/* The fault and its argument, and that the card is dark by it. */
void expect_fault(struct rig *rig, struct end *e, int line, uint32_t code, uint32_t arg);
#define EXPECT_FAULT(e, code, arg) expect_fault(rig, e, __LINE__, code, arg)
void expect_well(struct rig *rig, struct end *e, int line);
#define EXPECT_WELL(e) expect_well(rig, e, __LINE__)

/* A line to the simulator: its answer; false without a control line, or on an error. */
bool control(struct rig *rig, const char *line);

/* A ring in the suite's own hands. */
#define BUFFER_BYTES 4096u
struct ring {
	struct end *e;
	unsigned int q;
	uint32_t size, done, tail;
	struct card_desc *desc;
	uint8_t *data;
	uint64_t desc_bus, data_bus;
};
/* Descriptors and buffers laid out (and wiped), registers written but CTRL; at most 2^5. */
void ring_lay(struct rig *rig, struct ring *r, struct end *e, unsigned int q, unsigned int log2);
void ring_run(struct rig *rig, struct ring *r);
void ring_post(struct ring *r, uint32_t n);
uint8_t *ring_data(const struct ring *r, uint32_t i);
/* The next completed descriptor, or NULL: checks phase, sequence and length. */
const struct card_desc *ring_next(struct rig *rig, struct ring *r);
const struct card_desc *ring_wait(struct rig *rig, struct ring *r);
/* No byte of the ring's memory changed since ring_lay() or ring_wipe(), but what the host wrote. */
void ring_wipe(struct ring *r);
bool ring_untouched(const struct ring *r);

/* Alice's look-ups over rings of the suite. */
struct lookups {
	struct ring queries, choices;
};
void lookups_start(struct rig *rig, struct lookups *l, struct end *alice);
/* Replies to N slots, at most 512; false when they do not come SOON. */
bool look_up(struct rig *rig, struct lookups *l, const uint64_t *slots, uint32_t n,
             uint32_t *replies);
/* Wait until the counter of E is past SLOT. */
void wait_slot(const struct end *e, uint64_t slot);

#endif
