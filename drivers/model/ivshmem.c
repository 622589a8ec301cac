/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/ivshmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BAR_BYTES (CARD_SHM_PAGES + CARD_SHM_PAGES_BYTES) /* a power of two, as BARs are */
#define PAGE      4096u
#define PROTOCOL  0
#define OUR_ID    0
#define GUEST_ID  1

int guest_memory_open(struct guest_memory *g, const char *file, struct err *err)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	struct stat st;

	*g = (struct guest_memory){.base = NULL};
	if (fd < 0)
		return err_set(err, errno, "guest memory %s: cannot open: %s", file,
		               strerror(errno));
	if (fstat(fd, &st) < 0 || st.st_size < PAGE || st.st_size > 0x80000000LL) {
		close(fd);
		return err_set(err, EINVAL, "guest memory %s: not of 4 KiB to 2 GiB", file);
	}
	g->bytes = (size_t)st.st_size;
	g->base = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (g->base == MAP_FAILED) {
		g->base = NULL;
		return err_set(err, errno, "guest memory %s: cannot map: %s", file,
		               strerror(errno));
	}
	return 0;
}

void guest_memory_close(struct guest_memory *g)
{
	if (g->base != NULL)
		munmap(g->base, g->bytes);
	g->base = NULL;
}

static int listen_at(struct ivshmem *iv, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, iv->path);
	unlink(iv->path);
	iv->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (iv->listener < 0 ||
	    bind(iv->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(iv->listener, 1) < 0)
		return err_set(err, errno, "card ivshmem:%s: cannot listen: %s", iv->path,
		               strerror(errno));
	return 0;
}

int ivshmem_create(struct ivshmem *iv, const char *path, const struct guest_memory *guest,
                   struct err *err)
{
	*iv = (struct ivshmem){.listener = -1, .client = -1, .memory = -1, .guest = guest};
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++)
		iv->ours[i] = iv->guests[i] = -1;
	if (strlen(path) >= sizeof(iv->path))
		return err_set(err, ENAMETOOLONG, "card ivshmem:%.64s...: the name is too long",
		               path);
	if (guest->base == NULL)
		return err_set(err, EINVAL, "card ivshmem:%s: --guest-memory is not given", path);
	strcpy(iv->path, path);
	iv->memory = memfd_create("card", MFD_CLOEXEC);
	if (iv->memory < 0 || ftruncate(iv->memory, BAR_BYTES) < 0)
		return err_set(err, errno, "card ivshmem:%s: no memory: %s", path, strerror(errno));
	iv->bar = mmap(NULL, BAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, iv->memory, 0);
	if (iv->bar == MAP_FAILED) {
		iv->bar = NULL;
		return err_set(err, errno, "card ivshmem:%s: no memory: %s", path, strerror(errno));
	}
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++) {
		iv->ours[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		iv->guests[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (iv->ours[i] < 0 || iv->guests[i] < 0)
			return err_set(err, errno, "card ivshmem:%s: no eventfd: %s", path,
			               strerror(errno));
	}
	return listen_at(iv, err);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ivshmem_destroy(struct ivshmem *iv)
{
	if (iv->bar == NULL)
		return;
	memset(iv->bar, 0xff, CARD_BAR0_BYTES);
	munmap(iv->bar, BAR_BYTES);
	iv->bar = NULL;
	shut(&iv->client);
	shut(&iv->memory);
	if (iv->listener >= 0)
		unlink(iv->path);
	shut(&iv->listener);
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++) {
		shut(&iv->ours[i]);
		shut(&iv->guests[i]);
	}
}

static uint32_t word(const struct ivshmem *iv, uint32_t offset)
{
	return __atomic_load_n((uint32_t *)(iv->bar + offset), __ATOMIC_ACQUIRE);
}

/* Physical address of the page of bus address ADDR, or 0: as the IOMMU would have it. */
static uint64_t page_of(const struct ivshmem *iv, uint64_t addr)
{
	uint64_t bus = word(iv, CARD_SHM_HOST_BUS) | (uint64_t)word(iv, CARD_SHM_HOST_BUS + 4)
	                                                     << 32;
	uint64_t page = (addr - bus) / PAGE, entry;
	const uint64_t *table = (const uint64_t *)(iv->bar + CARD_SHM_PAGES);

	if (addr < bus || page >= word(iv, CARD_SHM_HOST_PAGES) ||
	    page >= CARD_SHM_PAGES_BYTES / sizeof(*table))
		return 0;
	entry = __atomic_load_n(&table[page], __ATOMIC_RELAXED);
	return entry & CARD_SHM_PAGE_THERE ? entry & ~(uint64_t)(PAGE - 1) : 0;
}

static void *memory(void *state, uint64_t addr, uint64_t bytes)
{
	const struct ivshmem *iv = state;
	uint64_t first = page_of(iv, addr), start = first + addr % PAGE;

	if (first == 0 || start > iv->guest->bytes || bytes > iv->guest->bytes - start)
		return NULL;
	for (uint64_t at = PAGE - addr % PAGE; at < bytes; at += PAGE)
		if (page_of(iv, addr + at) != start + at)
			return NULL; /* not in one piece */
	return iv->guest->base + start;
}

static void interrupt(void *state, unsigned int vector)
{
	const struct ivshmem *iv = state;
	const uint64_t one = 1;

	/* Nobody there, or a count at its end: the causes stick, and the host polls. */
	if (iv->client < 0 || write(iv->guests[vector], &one, sizeof(one)) < 0)
		return;
}

struct shm_card_host ivshmem_host(struct ivshmem *iv)
{
	return (struct shm_card_host){
	        .memory = memory, .interrupt = interrupt, .state = iv, .vectors = IVSHMEM_VECTORS};
}

/* A message of the protocol: a number, and perhaps a descriptor. */
static bool tell(int client, int64_t value, int fd)
{
	struct iovec data = {&value, sizeof(value)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
	                        .cmsg_level = SOL_SOCKET,
	                        .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(client, &message, MSG_NOSIGNAL) == sizeof(value);
}

static bool greet(const struct ivshmem *iv, int client)
{
	bool good = tell(client, PROTOCOL, -1) && tell(client, GUEST_ID, -1) &&
	            tell(client, -1, iv->memory);

	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++)
		good = good && tell(client, OUR_ID, iv->ours[i]);
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++)
		good = good && tell(client, GUEST_ID, iv->guests[i]);
	return good;
}

void ivshmem_poll(struct ivshmem *iv)
{
	char byte;

	if (iv->client < 0) {
		iv->client = accept4(iv->listener, NULL, NULL, SOCK_CLOEXEC);
		if (iv->client >= 0 && !greet(iv, iv->client))
			shut(&iv->client);
	} else if (recv(iv->client, &byte, 1, MSG_DONTWAIT) == 0) {
		/* The machine is gone, and its memory with it. */
		shut(&iv->client);
		__atomic_store_n((uint32_t *)(iv->bar + CARD_SHM_HOST_PAGES), 0, __ATOMIC_RELEASE);
	}
}
