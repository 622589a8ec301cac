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

#include "drivers/card_regs.h"
#include "drivers/mailbox.h"

#define FILE_BYTES (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)

struct shm {
	int fd;
	uint8_t *map;
	struct mailbox box;
};

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
	if (!mailbox_open(&s->box, s->map))
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
	*state = s;
	return 0;
}

static uint32_t shm_read32(void *state, uint32_t offset)
{
	return mailbox_read32(&((struct shm *)state)->box, offset);
}

static int shm_read64(void *state, uint32_t offset, uint64_t *value)
{
	return mailbox_read64(&((struct shm *)state)->box, offset, value);
}

static int shm_write32(void *state, uint32_t offset, uint32_t value)
{
	return mailbox_write32(&((struct shm *)state)->box, offset, value);
}

static bool shm_written(void *state)
{
	return mailbox_written(&((struct shm *)state)->box);
}

static void shm_doorbell(void *state, uint32_t offset, uint32_t value)
{
	mailbox_doorbell(&((struct shm *)state)->box, offset, value);
}

static void shm_dma(void *state, struct transport_dma *out)
{
	struct shm *s = state;

	*out = (struct transport_dma){s->map + CARD_BAR0_BYTES, CARD_SHM_DMA_BYTES, 0};
}

static bool shm_alive(void *state, uint64_t now_ns)
{
	return mailbox_alive(&((struct shm *)state)->box, now_ns);
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
