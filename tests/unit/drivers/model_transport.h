/* SPDX-License-Identifier: BSD-3-Clause */

/* A transport to one of the model's cards, in one thread on a clock of its own. */

#ifndef TESTS_UNIT_DRIVERS_MODEL_TRANSPORT_H
#define TESTS_UNIT_DRIVERS_MODEL_TRANSPORT_H

#include "drivers/transport.h"
#include "tests/unit/drivers/model_host.h"

static struct host *h;
static int end;

static int t_open(const char *path, void **state, struct err *err)
{
	*state = h;
	return 0;
}

static void t_close(void *state)
{
}

static uint32_t t_read32(void *state, uint32_t offset)
{
	turn(h);
	return reg(h, end, offset);
}

static int t_read64(void *state, uint32_t offset, uint64_t *value)
{
	*value = reg64(h, end, offset);
	return 0;
}

static int t_write32(void *state, uint32_t offset, uint32_t value)
{
	host_write(h, end, offset, value);
	return 0;
}

static bool t_written(void *state)
{
	return true;
}

static void t_doorbell(void *state, uint32_t offset, uint32_t value)
{
	poke(h, end, offset, value);
}

static void t_dma(void *state, struct transport_dma *out)
{
	*out = (struct transport_dma){h->map[end] + CARD_BAR0_BYTES, CARD_SHM_DMA_BYTES, 0};
}

static bool t_alive(void *state, uint64_t now_ns)
{
	return true;
}

static const struct transport_ops over_model = {.name = "model",
                                                .open = t_open,
                                                .close = t_close,
                                                .read32 = t_read32,
                                                .read64 = t_read64,
                                                .write32 = t_write32,
                                                .written = t_written,
                                                .doorbell = t_doorbell,
                                                .dma = t_dma,
                                                .alive = t_alive};

#endif
