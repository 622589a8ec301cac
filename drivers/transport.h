/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a driver reaches a card: one table of operations a transport, chosen by name. A card
 * that is gone reads as all ones over every transport. One thread uses a transport.
 */

#ifndef DRIVERS_TRANSPORT_H
#define DRIVERS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Memory that both the host and the card reach. */
struct transport_dma {
	uint8_t *base;
	size_t bytes;
	uint64_t bus; /* the card's address of base */
};

struct transport_ops {
	const char *name;
	/* ENODEV: nothing there, or nobody serves it; EBUSY: another process drives the card. */
	int (*open)(const char *path, void **state, struct err *err);
	void (*close)(void *state);

	uint32_t (*read32)(void *state, uint32_t offset);
	/* A counter pair at once; -EAGAIN when the card keeps changing it: ask again later. */
	int (*read64)(void *state, uint32_t offset, uint64_t *value);
	/* Never waits; -EAGAIN while the write before it is still under way. */
	int (*write32)(void *state, uint32_t offset, uint32_t value);
	/* True when the card has acted on every write32() so far. */
	bool (*written)(void *state);
	/* A store in which only the last value counts; orders what was stored in memory before. */
	void (*doorbell)(void *state, uint32_t offset, uint32_t value);

	void (*dma)(void *state, struct transport_dma *out);
	/* Once a turn of the driver; false when the card stopped: reads are all ones from then. */
	bool (*alive)(void *state, uint64_t now_ns);

	/* Both NULL where the transport has none of it. */
	/* Reset the function from outside (FLR); it comes back dark, as after power-on. */
	int (*reset)(void *state);
	/* An eventfd that counts the messages on VECTOR, the transport's own; -errno. */
	int (*interrupt)(void *state, unsigned int vector);
};

extern const struct transport_ops transport_shm, transport_vfio;

/* NULL when there is no such transport. */
const struct transport_ops *transport_find(const char *name);

/* Join a transport to the table, before any card is opened; -ENOSPC or -EEXIST. */
int transport_add(const struct transport_ops *ops);

/* write32() that waits up to TIMEOUT_NS for the card to act on it; -ETIMEDOUT. Sleeps. */
int transport_write(const struct transport_ops *ops, void *state, uint32_t offset, uint32_t value,
                    uint64_t timeout_ns);

/* Give way while waiting: spins for the first microseconds since START_NS, then sleeps. */
void transport_relax(uint64_t start_ns);

#endif
