/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Registers in plain memory that a card process serves: writes through a mailbox, pairs under a
 * latch, turns that show whether it lives. drivers/card_regs.h has the rules.
 */

#ifndef DRIVERS_MAILBOX_H
#define DRIVERS_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

struct mailbox {
	uint8_t *bar; /* CARD_BAR0_BYTES */
	bool lost;    /* the card stopped: reads are all ones from then on */
	uint32_t turn;
	uint64_t look_ns, silence_ns;
};

/* False when nobody serves BAR: an old one may lie about after its card died. Waits 0.25 s. */
bool mailbox_open(struct mailbox *m, uint8_t *bar);

/* As the operations of a transport of these names. */
uint32_t mailbox_read32(const struct mailbox *m, uint32_t offset);
int mailbox_read64(const struct mailbox *m, uint32_t offset, uint64_t *value);
int mailbox_write32(struct mailbox *m, uint32_t offset, uint32_t value);
bool mailbox_written(const struct mailbox *m);
void mailbox_doorbell(struct mailbox *m, uint32_t offset, uint32_t value);
bool mailbox_alive(struct mailbox *m, uint64_t now_ns);

#endif
