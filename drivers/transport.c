/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/transport.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

#define TRANSPORT_MAX 8
#define SPIN_NS       20000ULL /* a card answers a register write within this; a model may sleep */

static const struct transport_ops *table[TRANSPORT_MAX] = {&transport_shm, &transport_vfio};

const struct transport_ops *transport_find(const char *name)
{
	for (size_t i = 0; i < TRANSPORT_MAX && table[i] != NULL; i++)
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
	return NULL;
}

int transport_add(const struct transport_ops *ops)
{
	for (size_t i = 0; i < TRANSPORT_MAX; i++) {
		if (table[i] == NULL) {
			table[i] = ops;
			return 0;
		}
		if (strcmp(table[i]->name, ops->name) == 0)
			return -EEXIST;
	}
	return -ENOSPC;
}

void transport_relax(uint64_t start_ns)
{
	static const struct timespec nap = {.tv_nsec = 50000};

	if (clock_mono_ns() - start_ns < SPIN_NS)
		__builtin_ia32_pause();
	else
		nanosleep(&nap, NULL);
}

int transport_write(const struct transport_ops *ops, void *state, uint32_t offset, uint32_t value,
                    uint64_t timeout_ns)
{
	uint64_t start = clock_mono_ns();

	while (ops->write32(state, offset, value) < 0) {
		if (clock_mono_ns() - start > timeout_ns)
			return -ETIMEDOUT;
		transport_relax(start);
	}
	while (!ops->written(state)) {
		if (clock_mono_ns() - start > timeout_ns)
			return -ETIMEDOUT;
		transport_relax(start);
	}
	return 0;
}
