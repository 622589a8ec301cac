/* SPDX-License-Identifier: BSD-3-Clause */

/* Transport over a shared file; drivers/card_regs.h has its layout and its rules. */

#include "drivers/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "drivers/card_regs.h"

#define FILE_BYTES     (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)
#define SILENCE_MAX_NS NS_PER_S
/* A pause of the whole machine is no silence of the card: one look proves no more than this. */
#define LOOK_MAX_NS  (100 * NS_PER_MS)
#define OPEN_WAIT_NS (250 * NS_PER_MS)
#define LATCH_TRIES  64
#define ALL_ONES     0xffffffffU

struct shm {
	int fd;
	uint8_t *map;
	bool lost;
	uint32_t turn;
	uint64_t look_ns, silence_ns;
};

static uint32_t *reg(const struct shm *s, uint32_t offset)
{
	return (uint32_t *)(s->map + (offset & (CARD_BAR0_BYTES - 4)));
}

static uint32_t load(const struct shm *s, uint32_t offset)
{
	return __atomic_load_n(reg(s, offset), __ATOMIC_ACQUIRE);
}

/* An old file may lie about after its card died: its turns then stand still. */
static bool served(const struct shm *s)
{
	uint64_t start = clock_mono_ns();
	uint32_t turn = load(s, CARD_SHM_ALIVE);

	while (load(s, CARD_SHM_ALIVE) == turn) {
		if (clock_mono_ns() - start > OPEN_WAIT_NS)
			return false;
		transport_relax(start);
	}
	return true;
}

static int map_file(struct shm *s, const char *path, struct err *err)
{
	struct stat st;

	s->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0)
		return err_set(err, errno == EACCES || errno == EPERM ? errno : ENODEV,
		               "card %s: cannot open: %s", path, strerror(errno));
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EPROTO, "card %s: not a regular file", path);
	if (st.st_size < (off_t)FILE_BYTES)
		return err_set(err, EPROTO, "card %s: %lld bytes, but a card has %u", path,
		               (long long)st.st_size, FILE_BYTES);
	/* The kernel drops the lock when its owner dies, so a restart finds the card free. */
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, EBUSY, "card %s: another process drives it", path);
	s->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return err_set(err, ENOMEM, "card %s: cannot map: %s", path, strerror(errno));
	}
	if (!served(s))
		return err_set(err, ENODEV, "card %s: nobody serves the file", path);
	return 0;
}

static void shm_close(void *state)
{
	struct shm *s = state;

	if (s->map != NULL)
		munmap(s->map, FILE_BYTES);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static int shm_open_card(const char *path, void **state, struct err *err)
{
	struct shm *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(err, ENOMEM, "card %s: out of memory", path);
	s->fd = -1;
	rc = map_file(s, path, err);
	if (rc < 0) {
		shm_close(s);
		return rc;
	}
	s->turn = load(s, CARD_SHM_ALIVE);
	s->look_ns = clock_mono_ns();
	*state = s;
	return 0;
}

static uint32_t shm_read32(void *state, uint32_t offset)
{
	struct shm *s = state;

	return s->lost ? ALL_ONES : load(s, offset);
}

/* Sequence lock; bounded, because the card may be stopped in the middle of an update. */
static int shm_read64(void *state, uint32_t offset, uint64_t *value)
{
	struct shm *s = state;

	if (s->lost) {
		*value = UINT64_MAX;
		return 0;
	}
	for (int i = 0; i < LATCH_TRIES; i++) {
		uint32_t before = load(s, CARD_SHM_LATCH), lo, hi;

		/* A card that was pulled out: nothing there changes any more. */
		if (before == ALL_ONES && load(s, CARD_MAGIC) == ALL_ONES) {
			*value = UINT64_MAX;
			return 0;
		}
		if (before & 1)
			continue;
		lo = load(s, offset);
		hi = load(s, offset + 4);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (load(s, CARD_SHM_LATCH) == before) {
			*value = (uint64_t)hi << 32 | lo;
			return 0;
		}
	}
	return -EAGAIN;
}

static bool shm_written(void *state)
{
	struct shm *s = state;

	return s->lost || load(s, CARD_SHM_MBOX_DONE) == load(s, CARD_SHM_MBOX_SEQ);
}

static int shm_write32(void *state, uint32_t offset, uint32_t value)
{
	struct shm *s = state;
	uint32_t seq;

	if (s->lost)
		return 0; /* a write to an absent card goes nowhere */
	if (!shm_written(s))
		return -EAGAIN;
	seq = load(s, CARD_SHM_MBOX_SEQ);
	__atomic_store_n(reg(s, CARD_SHM_MBOX_OFFSET), offset, __ATOMIC_RELAXED);
	__atomic_store_n(reg(s, CARD_SHM_MBOX_VALUE), value, __ATOMIC_RELAXED);
	__atomic_store_n(reg(s, CARD_SHM_MBOX_SEQ), seq + 1, __ATOMIC_RELEASE);
	return 0;
}

static void shm_doorbell(void *state, uint32_t offset, uint32_t value)
{
	struct shm *s = state;

	if (!s->lost)
		__atomic_store_n(reg(s, offset), value, __ATOMIC_RELEASE);
}

static void shm_dma(void *state, struct transport_dma *out)
{
	struct shm *s = state;

	*out = (struct transport_dma){s->map + CARD_BAR0_BYTES, CARD_SHM_DMA_BYTES, 0};
}

static bool shm_alive(void *state, uint64_t now_ns)
{
	struct shm *s = state;
	uint32_t turn;
	uint64_t look;

	if (s->lost)
		return false;
	turn = load(s, CARD_SHM_ALIVE);
	look = now_ns > s->look_ns ? now_ns - s->look_ns : 0;
	s->look_ns = now_ns;
	if (turn != s->turn) {
		s->turn = turn;
		s->silence_ns = 0;
		return true;
	}
	s->silence_ns += look < LOOK_MAX_NS ? look : LOOK_MAX_NS;
	s->lost = s->silence_ns >= SILENCE_MAX_NS;
	return !s->lost;
}

const struct transport_ops transport_shm = {
        .name = "shm",
        .open = shm_open_card,
        .close = shm_close,
        .read32 = shm_read32,
        .read64 = shm_read64,
        .write32 = shm_write32,
        .written = shm_written,
        .doorbell = shm_doorbell,
        .dma = shm_dma,
        .alive = shm_alive,
};
