/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every register of the contract as a row of one table, for all that walks over them: the
 * model's defaults and what it ignores, the conformance suite, and the test that holds
 * docs/optical-card.md to it.
 */

#ifndef DRIVERS_CARD_TABLE_H
#define DRIVERS_CARD_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum card_access {
	CARD_RO,    /* what is written is ignored */
	CARD_RW,    /* reads back what was written, in the bits of MASK */
	CARD_WO,    /* reads 0 */
	CARD_RW1C,  /* a written 1 clears the bit */
	CARD_START, /* RW whose write begins something: reads its state */
};

struct card_register {
	uint32_t offset;
	const char *name; /* without CARD_ */
	enum card_access access;
	uint32_t mask;      /* bits with a meaning */
	uint32_t reset;     /* after function reset; RO registers of identity, time and counts: 0 */
	unsigned int roles; /* bit CARD_ROLE_*: cards that have it */
	uint32_t feature;   /* that must be offered for it to be there; 0: always */
};

extern const struct card_register card_registers[];
extern const size_t card_register_count;

/* The register at OFFSET (of any ring: its row of ring 0), or NULL. */
const struct card_register *card_register_find(uint32_t offset);

/* 1 when a card of ROLE that offers FEATURES has the register. */
int card_register_there(const struct card_register *r, unsigned int role, uint32_t features);

/* 1 when a card of ROLE that offers FEATURES has ring Q. */
int card_ring_there(unsigned int q, unsigned int role, uint32_t features);

#endif
