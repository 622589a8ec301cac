/* SPDX-License-Identifier: BSD-3-Clause */

/* Hands of the suite: registers, waiting, rings, the line to the simulator. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

#define FILL 0xa5 /* what buffers hold before the card writes */

void expect_failed(struct rig *rig, int line, const char *fmt, ...)
{
	va_list ap;

	rig->failures++;
	printf("      line %d: ", line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void put(struct rig *rig, struct end *e, uint32_t offset, uint32_t value)
{
	EXPECT(transport_write(e->ops, e->t, offset, value, SOON_MS * NS_PER_MS) == 0,
	       "%s: the write of 0x%x to 0x%03x is not taken", e->name, value, offset);
}

uint32_t get(const struct end *e, uint32_t offset)
{
	return e->ops->read32(e->t, offset);
}

uint64_t get64(const struct end *e, uint32_t offset)
{
	uint64_t start = clock_mono_ns(), value = 0;

	while (e->ops->read64(e->t, offset, &value) < 0 &&
	       clock_mono_ns() - start < SOON_MS * NS_PER_MS)
		transport_relax(start);
	return value;
}

bool wait_for(const struct end *e, uint32_t offset, uint32_t mask, uint32_t value)
{
	uint64_t start = clock_mono_ns();

	while ((get(e, offset) & mask) != value) {
		if (clock_mono_ns() - start > SOON_MS * NS_PER_MS)
			return false;
		transport_relax(start);
	}
	return true;
}

void sleep_ms(unsigned int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&pause, NULL);
}

int end_open(struct rig *rig, struct end *e)
{
	struct err err = {0};
	int rc = e->ops->open(e->path, &e->t, &err);

	if (rc < 0) {
		expect_failed(rig, __LINE__, "%s", err.text);
		e->t = NULL;
		return rc;
	}
	e->ops->dma(e->t, &e->dma);
	return 0;
}

void end_close(struct end *e)
{
	if (e->t != NULL)
		e->ops->close(e->t);
	e->t = NULL;
}

void reset(struct rig *rig, struct end *e)
{
	put(rig, e, CARD_CTRL, CARD_CTRL_RESET);
	EXPECT(wait_for(e, CARD_CTRL, CARD_CTRL_RESET, 0), "%s: function reset does not end",
	       e->name);
	EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY),
	       "%s: STATUS is 0x%x after function reset", e->name, get(e, CARD_STATUS));
}

void enable(struct rig *rig, struct end *e)
{
	put(rig, e, CARD_WATCHDOG, LONG_WATCHDOG_MS);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE);
}

void arm(struct rig *rig, struct end *e)
{
	enable(rig, e);
	put(rig, e, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	EXPECT(wait_for(e, CARD_STATUS, CARD_STATUS_ARMED, CARD_STATUS_ARMED),
	       "%s does not arm: STATUS 0x%x, fault 0x%x of 0x%x", e->name, get(e, CARD_STATUS),
	       get(e, CARD_FAULT_CODE), get(e, CARD_FAULT_ARG));
}

void light(struct rig *rig, struct end *alice, uint32_t mode, uint32_t p_mu1, uint32_t p_z)
{
	put(rig, alice, CARD_TX_MODE, mode);
	put(rig, alice, CARD_TX_MU1, 19661); /* 0.3 photons */
	put(rig, alice, CARD_TX_MU2, 6554);
	put(rig, alice, CARD_TX_P_MU1, p_mu1);
	put(rig, alice, CARD_TX_P_Z, p_z);
	put(rig, alice, CARD_TX_APPLY, 1);
}

void expect_fault(struct rig *rig, struct end *e, int line, uint32_t code, uint32_t arg)
{
	bool faulted = wait_for(e, CARD_STATUS, CARD_STATUS_FAULT, CARD_STATUS_FAULT);
	uint32_t status = get(e, CARD_STATUS);

	if (!faulted)
		expect_failed(rig, line, "%s: no fault 0x%x comes", e->name, code);
	else if (get(e, CARD_FAULT_CODE) != code || get(e, CARD_FAULT_ARG) != arg)
		expect_failed(rig, line, "%s: fault 0x%x of 0x%x, not 0x%x of 0x%x", e->name,
		              get(e, CARD_FAULT_CODE), get(e, CARD_FAULT_ARG), code, arg);
	else if (status != (CARD_STATUS_FAULT | CARD_STATUS_NEEDS_RESET))
		expect_failed(rig, line, "%s: STATUS is 0x%x at fault", e->name, status);
}

void expect_well(struct rig *rig, struct end *e, int line)
{
	uint32_t status = get(e, CARD_STATUS);

	if ((status & ~CARD_STATUS_ARMED) != CARD_STATUS_READY)
		expect_failed(rig, line, "%s: STATUS is 0x%x, fault 0x%x of 0x%x", e->name, status,
		              get(e, CARD_FAULT_CODE), get(e, CARD_FAULT_ARG));
}

static int control_open(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct termios line;
	struct stat st;
	int fd;

	if (stat(path, &st) < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	if (S_ISCHR(st.st_mode)) {
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 && tcgetattr(fd, &line) == 0) {
			cfmakeraw(&line);
			tcsetattr(fd, TCSANOW, &line);
			tcflush(fd, TCIOFLUSH);
		}
		return fd;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool control(struct rig *rig, const char *line)
{
	char answer[4096] = "", text[128];
	struct pollfd wait = {.events = POLLIN};
	size_t used = 0;
	bool good;

	if (rig->control == NULL)
		return false;
	wait.fd = control_open(rig->control);
	EXPECT(wait.fd >= 0, "cannot open %s: %s", rig->control, strerror(errno));
	if (wait.fd < 0)
		return false;
	snprintf(text, sizeof(text), "%s\n", line);
	good = write(wait.fd, text, strlen(text)) == (ssize_t)strlen(text);
	while (good && memchr(answer, '\n', used) == NULL && used < sizeof(answer) - 1 &&
	       poll(&wait, 1, SOON_MS) > 0) {
		ssize_t n = read(wait.fd, answer + used, sizeof(answer) - 1 - used);

		if (n <= 0)
			break;
		used += (size_t)n;
	}
	close(wait.fd);
	answer[used] = '\0';
	good = good && used > 0 && strstr(answer, "\"error\"") == NULL;
	EXPECT(good, "the simulator answers \"%s\" to \"%s\"", answer, line);
	return good;
}

void ring_lay(struct rig *rig, struct ring *r, struct end *e, unsigned int q, unsigned int log2)
{
	size_t place = (size_t)q * 0x40000;

	*r = (struct ring){.e = e, .q = q, .size = 1u << log2};
	r->desc = (struct card_desc *)(e->dma.base + place);
	r->desc_bus = e->dma.bus + place;
	r->data = e->dma.base + place + BUFFER_BYTES;
	r->data_bus = e->dma.bus + place + BUFFER_BYTES;
	ring_wipe(r);
	put(rig, e, CARD_RING(q) + CARD_RING_BASE_LO, (uint32_t)r->desc_bus);
	put(rig, e, CARD_RING(q) + CARD_RING_BASE_HI, (uint32_t)(r->desc_bus >> 32));
	put(rig, e, CARD_RING(q) + CARD_RING_LOG2_SIZE, log2);
}

void ring_wipe(struct ring *r)
{
	memset(r->data, FILL, r->size * BUFFER_BYTES);
	memset(r->desc, 0, r->size * sizeof(*r->desc));
	for (uint32_t i = 0; i < r->size; i++) {
		r->desc[i].addr = r->data_bus + i * BUFFER_BYTES;
		r->desc[i].len = BUFFER_BYTES;
	}
	r->done = r->tail = 0;
}

bool ring_untouched(const struct ring *r)
{
	for (uint32_t i = 0; i < r->size * BUFFER_BYTES; i++)
		if (r->data[i] != FILL)
			return false;
	for (uint32_t i = 0; i < r->size; i++)
		if (r->desc[i].used != 0 || r->desc[i].seq != 0 || r->desc[i].flags != 0)
			return false;
	return true;
}

void ring_run(struct rig *rig, struct ring *r)
{
	put(rig, r->e, CARD_RING(r->q) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
}

void ring_post(struct ring *r, uint32_t n)
{
	r->tail += n;
	r->e->ops->doorbell(r->e->t, CARD_RING(r->q) + CARD_RING_TAIL, r->tail);
}

uint8_t *ring_data(const struct ring *r, uint32_t i)
{
	return r->data + (size_t)(i % r->size) * BUFFER_BYTES;
}

const struct card_desc *ring_next(struct rig *rig, struct ring *r)
{
	struct card_desc *d = &r->desc[r->done % r->size];
	uint32_t phase = r->done / r->size % 2 == 0 ? CARD_DESC_PHASE : 0;

	if (r->done == r->tail ||
	    (__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE) & CARD_DESC_PHASE) != phase)
		return NULL;
	EXPECT(d->seq == r->done, "ring %u: completion %u has sequence number %u", r->q, r->done,
	       d->seq);
	EXPECT(d->used <= d->len, "ring %u: %u bytes used of %u", r->q, d->used, d->len);
	EXPECT(d->first_slot >> 48 == 0, "ring %u: first slot has more than 48 bits", r->q);
	r->done++;
	return d;
}

const struct card_desc *ring_wait(struct rig *rig, struct ring *r)
{
	uint64_t start = clock_mono_ns();
	const struct card_desc *d;

	while ((d = ring_next(rig, r)) == NULL) {
		if (clock_mono_ns() - start > SOON_MS * NS_PER_MS) {
			EXPECT(false, "%s: ring %u completes nothing after %u", r->e->name, r->q,
			       r->done);
			return NULL;
		}
		transport_relax(start);
	}
	return d;
}

void lookups_start(struct rig *rig, struct lookups *l, struct end *alice)
{
	ring_lay(rig, &l->queries, alice, CARD_RING_QUERIES, 4);
	ring_lay(rig, &l->choices, alice, CARD_RING_CHOICES, 4);
	ring_run(rig, &l->queries);
	ring_run(rig, &l->choices);
	ring_post(&l->choices, l->choices.size);
}

bool look_up(struct rig *rig, struct lookups *l, const uint64_t *slots, uint32_t n,
             uint32_t *replies)
{
	uint32_t i = l->queries.tail;
	const struct card_desc *d;

	memcpy(ring_data(&l->queries, i), slots, n * sizeof(*slots));
	l->queries.desc[i % l->queries.size].len = n * (uint32_t)sizeof(*slots);
	ring_post(&l->queries, 1);
	d = ring_wait(rig, &l->choices);
	if (d == NULL || ring_wait(rig, &l->queries) == NULL)
		return false;
	EXPECT(d->used == 4 * n && (d->flags & CARD_DESC_ERROR) == 0,
	       "%u queries are answered by %u bytes, flags 0x%x", n, d->used, d->flags);
	EXPECT(d->first_slot == slots[0], "the answer's first slot is not the question's");
	memcpy(replies, ring_data(&l->choices, l->choices.done - 1), 4 * n);
	for (uint32_t k = 0; k < n; k++)
		EXPECT(CARD_CHOICE_SLOT(replies[k]) == (slots[k] & 0xffffff),
		       "a reply does not echo its slot");
	ring_post(&l->choices, 1);
	return true;
}

void wait_slot(const struct end *e, uint64_t slot)
{
	uint64_t start = clock_mono_ns();

	while (get64(e, CARD_TIME_SLOT_LO) <= slot && clock_mono_ns() - start < 60 * NS_PER_S)
		sleep_ms(2);
}
