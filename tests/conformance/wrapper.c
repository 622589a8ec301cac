/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/conformance/wrapper.h"

#include <stddef.h>
#include <unistd.h>

struct wrapper wrapper;

static int wrapped_open(const char *path, void **state, struct err *err)
{
	return wrapper.under->open(path, state, err);
}

static void wrapped_close(void *state)
{
	wrapper.under->close(state);
}

static uint32_t wrapped_read32(void *state, uint32_t offset)
{
	return offset == wrapper.offset && wrapper.value != 0
	               ? wrapper.value
	               : wrapper.under->read32(state, offset);
}

static int wrapped_read64(void *state, uint32_t offset, uint64_t *value)
{
	return wrapper.under->read64(state, offset, value);
}

static void count(void)
{
	if (++wrapper.written == wrapper.die_at)
		_exit(0); /* as a crash would: nothing is closed in order */
}

static int wrapped_write32(void *state, uint32_t offset, uint32_t value)
{
	int rc = wrapper.under->write32(state, offset, value);

	if (rc == 0)
		count();
	return rc;
}

static bool wrapped_written(void *state)
{
	return wrapper.under->written(state);
}

static void wrapped_doorbell(void *state, uint32_t offset, uint32_t value)
{
	wrapper.under->doorbell(state, offset, value);
	count();
}

static void wrapped_dma(void *state, struct transport_dma *out)
{
	wrapper.under->dma(state, out);
}

static bool wrapped_alive(void *state, uint64_t now_ns)
{
	return wrapper.under->alive(state, now_ns);
}

static const struct transport_ops wrapped = {
        .name = WRAPPER_NAME,
        .open = wrapped_open,
        .close = wrapped_close,
        .read32 = wrapped_read32,
        .read64 = wrapped_read64,
        .write32 = wrapped_write32,
        .written = wrapped_written,
        .doorbell = wrapped_doorbell,
        .dma = wrapped_dma,
        .alive = wrapped_alive,
};

void wrapper_reset(const struct transport_ops *under)
{
	wrapper = (struct wrapper){.under = under};
	if (transport_find(WRAPPER_NAME) == NULL)
		transport_add(&wrapped);
}
