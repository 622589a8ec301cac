/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/transport.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "drivers/card_regs.h"

#define FILE_BYTES (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)
#define LOG_MAX    256

/* The card's side of the file, in a thread: turns, mailbox, a counter pair. */
struct server {
	char path[64];
	uint32_t *bar;
	uint8_t *map;
	pthread_t thread;
	bool stop;
	bool turning, answering;
	uint32_t log_offset[LOG_MAX], log_value[LOG_MAX];
	unsigned int logged;
};

static const struct transport_ops *ops = &transport_shm;

static void *serve(void *arg)
{
	struct server *s = arg;
	uint32_t *latch = &s->bar[CARD_SHM_LATCH / 4];
	uint64_t count = 0;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint32_t seq = __atomic_load_n(&s->bar[CARD_SHM_MBOX_SEQ / 4], __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&s->answering, __ATOMIC_ACQUIRE) &&
		    seq != s->bar[CARD_SHM_MBOX_DONE / 4]) {
			if (s->logged < LOG_MAX) {
				s->log_offset[s->logged] = s->bar[CARD_SHM_MBOX_OFFSET / 4];
				s->log_value[s->logged++] = s->bar[CARD_SHM_MBOX_VALUE / 4];
			}
			__atomic_store_n(&s->bar[CARD_SHM_MBOX_DONE / 4], seq, __ATOMIC_RELEASE);
		}
		/* Both halves of the pair always hold the same number. */
		count++;
		__atomic_store_n(latch, *latch + 1, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		__atomic_store_n(&s->bar[CARD_TIME_SLOT_LO / 4], (uint32_t)count, __ATOMIC_RELAXED);
		__atomic_store_n(&s->bar[CARD_TIME_SLOT_HI / 4], (uint32_t)count, __ATOMIC_RELAXED);
		__atomic_store_n(latch, *latch + 1, __ATOMIC_RELEASE);
		if (__atomic_load_n(&s->turning, __ATOMIC_ACQUIRE))
			__atomic_add_fetch(&s->bar[CARD_SHM_ALIVE / 4], 1, __ATOMIC_RELEASE);
		usleep(20);
	}
	return NULL;
}

static void server_start(struct server *s, off_t bytes)
{
	int fd;

	memset(s, 0, sizeof(*s));
	strcpy(s->path, "/tmp/test-card-XXXXXX");
	fd = mkstemp(s->path);
	CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, bytes) == 0);
	s->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(s->map != MAP_FAILED);
	close(fd);
	s->bar = (uint32_t *)s->map;
	s->turning = s->answering = true;
	if (bytes == FILE_BYTES) {
		s->bar[0] = CARD_MAGIC_VALUE;
		pthread_create(&s->thread, NULL, serve, s);
	}
}

static void server_stop(struct server *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	if (s->thread != 0)
		pthread_join(s->thread, NULL);
	munmap(s->map, FILE_BYTES);
	unlink(s->path);
}

static void test_refuses_what_is_no_card(void)
{
	struct server s;
	struct err err = {0};
	void *t = NULL;

	CU_ASSERT_EQUAL(ops->open("/tmp/no-such-card", &t, &err), -ENODEV);
	CU_ASSERT_EQUAL(ops->open("/tmp", &t, &err), -ENODEV); /* EISDIR */
	CU_ASSERT_EQUAL(ops->open("/dev/null", &t, &err), -EPROTO);
	server_start(&s, 4096);
	CU_ASSERT_EQUAL(ops->open(s.path, &t, &err), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "4096 bytes"));
	server_stop(&s);
	CU_ASSERT_PTR_NULL(t);
}

static void test_refuses_a_file_that_nobody_serves(void)
{
	struct server s;
	struct err err = {0};
	void *t = NULL;

	server_start(&s, FILE_BYTES);
	__atomic_store_n(&s.turning, false, __ATOMIC_RELEASE);
	usleep(1000);
	CU_ASSERT_EQUAL(ops->open(s.path, &t, &err), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nobody serves"));
	server_stop(&s);
}

static void test_one_driver_at_a_time(void)
{
	struct server s;
	struct err err = {0};
	void *t = NULL, *u = NULL;

	server_start(&s, FILE_BYTES);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &t, &err), 0);
	CU_ASSERT_EQUAL(ops->open(s.path, &u, &err), -EBUSY);
	ops->close(t);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &u, &err), 0);
	ops->close(u);
	server_stop(&s);
}

static void test_every_write_is_seen_once_and_in_order(void)
{
	struct server s;
	struct err err = {0};
	void *t = NULL;

	server_start(&s, FILE_BYTES);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &t, &err), 0);
	for (uint32_t i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(transport_write(ops, t, 0x200 + 4 * (i % 8), i, NS_PER_S), 0);
	CU_ASSERT_EQUAL(s.logged, 200);
	for (uint32_t i = 0; i < 200; i++) {
		CU_ASSERT_EQUAL(s.log_offset[i], 0x200 + 4 * (i % 8));
		CU_ASSERT_EQUAL(s.log_value[i], i);
	}
	/* A card that does not answer holds up neither the caller nor the next write. */
	__atomic_store_n(&s.answering, false, __ATOMIC_RELEASE);
	usleep(1000);
	CU_ASSERT_EQUAL(ops->write32(t, CARD_TX_MODE, 1), 0);
	CU_ASSERT_FALSE(ops->written(t));
	CU_ASSERT_EQUAL(ops->write32(t, CARD_TX_MODE, 2), -EAGAIN);
	CU_ASSERT_EQUAL(transport_write(ops, t, CARD_TX_MODE, 2, 5 * NS_PER_MS), -ETIMEDOUT);
	ops->doorbell(t, CARD_RING(0) + CARD_RING_TAIL, 77);
	CU_ASSERT_EQUAL(s.bar[(CARD_RING(0) + CARD_RING_TAIL) / 4], 77);
	ops->close(t);
	server_stop(&s);
}

static void test_counter_pairs_are_read_whole(void)
{
	struct server s;
	struct err err = {0};
	struct transport_dma dma;
	void *t = NULL;
	uint64_t v, last = 0;
	unsigned int ok = 0;

	server_start(&s, FILE_BYTES);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &t, &err), 0);
	for (int i = 0; i < 20000; i++) {
		if (ops->read64(t, CARD_TIME_SLOT_LO, &v) < 0)
			continue;
		ok++;
		CU_ASSERT_EQUAL(v >> 32, v & 0xffffffff);
		CU_ASSERT(v >= last);
		last = v;
	}
	CU_ASSERT(ok > 10000);
	ops->dma(t, &dma);
	CU_ASSERT_EQUAL(dma.bytes, CARD_SHM_DMA_BYTES);
	CU_ASSERT_EQUAL(dma.bus, 0);
	dma.base[5] = 0x5a;
	CU_ASSERT_EQUAL(s.map[CARD_BAR0_BYTES + 5], 0x5a);
	/* A card that stops in the middle of an update does not hold us. */
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(s.thread, NULL);
	s.thread = 0;
	s.bar[CARD_SHM_LATCH / 4] |= 1;
	CU_ASSERT_EQUAL(ops->read64(t, CARD_TIME_SLOT_LO, &v), -EAGAIN);
	ops->close(t);
	server_stop(&s);
}

static void test_silence_of_a_second_is_loss(void)
{
	struct server s;
	struct err err = {0};
	void *t = NULL;
	uint64_t now, v;

	server_start(&s, FILE_BYTES);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &t, &err), 0);
	now = clock_mono_ns();
	CU_ASSERT_EQUAL(ops->read32(t, CARD_MAGIC), CARD_MAGIC_VALUE);
	__atomic_store_n(&s.turning, false, __ATOMIC_RELEASE);
	usleep(1000);
	CU_ASSERT_TRUE(ops->alive(t, now));
	/* One long pause of this process says little about the card. */
	CU_ASSERT_TRUE(ops->alive(t, now += 5 * NS_PER_S));
	for (int i = 0; i < 8; i++)
		CU_ASSERT_TRUE(ops->alive(t, now += 100 * NS_PER_MS));
	CU_ASSERT_FALSE(ops->alive(t, now += 100 * NS_PER_MS));
	CU_ASSERT_EQUAL(ops->read32(t, CARD_MAGIC), 0xffffffff);
	CU_ASSERT_EQUAL(ops->read64(t, CARD_TIME_SLOT_LO, &v), 0);
	CU_ASSERT_EQUAL(v, UINT64_MAX);
	CU_ASSERT_EQUAL(ops->write32(t, CARD_TX_MODE, 1), 0);
	CU_ASSERT_TRUE(ops->written(t));
	/* Lost is lost, until it is opened again. */
	__atomic_store_n(&s.turning, true, __ATOMIC_RELEASE);
	usleep(1000);
	CU_ASSERT_FALSE(ops->alive(t, now += 1000));
	ops->close(t);
	CU_ASSERT_EQUAL_FATAL(ops->open(s.path, &t, &err), 0);
	CU_ASSERT_EQUAL(ops->read32(t, CARD_MAGIC), CARD_MAGIC_VALUE);
	ops->close(t);
	server_stop(&s);
}

static void test_table(void)
{
	CU_ASSERT_PTR_EQUAL(transport_find("shm"), &transport_shm);
	CU_ASSERT_PTR_NULL(transport_find("pigeon"));
	CU_ASSERT_EQUAL(transport_add(&transport_shm), -EEXIST);
}

UNIT_MAIN(UNIT(test_table), UNIT(test_refuses_what_is_no_card),
          UNIT(test_refuses_a_file_that_nobody_serves), UNIT(test_one_driver_at_a_time),
          UNIT(test_every_write_is_seen_once_and_in_order), UNIT(test_counter_pairs_are_read_whole),
          UNIT(test_silence_of_a_second_is_loss))
