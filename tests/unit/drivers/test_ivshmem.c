/* SPDX-License-Identifier: BSD-3-Clause */

/* The model as QEMU's ivshmem server, to a client that does what QEMU does. */

#include "drivers/model/ivshmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define PAGE   4096u
#define MEMORY (1u << 20)
#define BUS    0x100000000ULL

static char dir[] = "/tmp/lumengate-XXXXXX", memory_path[64], socket_path[64];

static void put(const struct ivshmem *iv, uint32_t offset, uint32_t value)
{
	*(uint32_t *)(iv->bar + offset) = value;
}

static uint64_t *table(const struct ivshmem *iv)
{
	return (uint64_t *)(iv->bar + CARD_SHM_PAGES);
}

static void make_memory(void)
{
	int fd;

	if (memory_path[0] == '\0') {
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
		snprintf(memory_path, sizeof(memory_path), "%s/memory", dir);
		snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
	}
	fd = open(memory_path, O_RDWR | O_CREAT, 0600);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, MEMORY), 0);
	close(fd);
}

static void test_translates_page_by_page(void)
{
	struct guest_memory guest;
	struct shm_card_host host;
	struct ivshmem iv;
	struct err err;

	make_memory();
	CU_ASSERT_EQUAL(guest_memory_open(&guest, "/no/such/file", &err), -ENOENT);
	guest.base = NULL;
	CU_ASSERT_EQUAL(ivshmem_create(&iv, socket_path, &guest, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "--guest-memory"));
	CU_ASSERT_EQUAL_FATAL(guest_memory_open(&guest, memory_path, &err), 0);
	CU_ASSERT_EQUAL_FATAL(ivshmem_create(&iv, socket_path, &guest, &err), 0);
	host = ivshmem_host(&iv);
	CU_ASSERT_EQUAL(host.vectors, IVSHMEM_VECTORS);
	/* Nothing is mapped before the driver says so. */
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS, 8));
	CU_ASSERT_PTR_NULL(host.memory(host.state, 0, 8));
	put(&iv, CARD_SHM_HOST_BUS, (uint32_t)BUS);
	put(&iv, CARD_SHM_HOST_BUS + 4, BUS >> 32);
	put(&iv, CARD_SHM_HOST_PAGES, 4);
	table(&iv)[0] = 5 * PAGE | CARD_SHM_PAGE_THERE;
	table(&iv)[1] = 6 * PAGE | CARD_SHM_PAGE_THERE;
	table(&iv)[2] = 2 * PAGE | CARD_SHM_PAGE_THERE;
	table(&iv)[4] = 9 * PAGE | CARD_SHM_PAGE_THERE; /* beyond the count */
	CU_ASSERT_PTR_EQUAL(host.memory(host.state, BUS, PAGE), guest.base + 5 * PAGE);
	CU_ASSERT_PTR_EQUAL(host.memory(host.state, BUS + 40, 32), guest.base + 5 * PAGE + 40);
	CU_ASSERT_PTR_EQUAL(host.memory(host.state, BUS + 8, 2 * PAGE - 8),
	                    guest.base + 5 * PAGE + 8);                    /* two pages in a row */
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS + PAGE, 2 * PAGE)); /* not in one piece */
	CU_ASSERT_PTR_EQUAL(host.memory(host.state, BUS + 2 * PAGE, PAGE), guest.base + 2 * PAGE);
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS + 3 * PAGE, 8));
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS + 4 * PAGE, 8));
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS - 1, 1));
	CU_ASSERT_PTR_NULL(host.memory(host.state, UINT64_MAX - 100, PAGE));
	/* A page that the machine does not have. */
	table(&iv)[3] = MEMORY | CARD_SHM_PAGE_THERE;
	CU_ASSERT_PTR_NULL(host.memory(host.state, BUS + 3 * PAGE, 8));
	ivshmem_destroy(&iv);
	guest_memory_close(&guest);
	CU_ASSERT_NOT_EQUAL(access(socket_path, F_OK), 0);
}

/* One message: its number; the descriptor that came with it, or -1. */
static int64_t hear(int s, int *fd)
{
	int64_t value = INT64_MIN;
	struct iovec data = {&value, sizeof(value)};
	char room[CMSG_SPACE(sizeof(int))];
	struct msghdr m = {.msg_iov = &data,
	                   .msg_iovlen = 1,
	                   .msg_control = room,
	                   .msg_controllen = sizeof(room)};
	const struct cmsghdr *c;

	*fd = -1;
	CU_ASSERT_EQUAL(recvmsg(s, &m, MSG_DONTWAIT), (ssize_t)sizeof(value));
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return value;
}

static void test_serves_a_machine(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), fd, memory, vectors[IVSHMEM_VECTORS];
	struct guest_memory guest;
	struct shm_card_host host;
	struct ivshmem iv;
	struct err err;
	uint8_t *bar;
	uint64_t n = 0;

	make_memory();
	CU_ASSERT_EQUAL_FATAL(guest_memory_open(&guest, memory_path, &err), 0);
	CU_ASSERT_EQUAL_FATAL(ivshmem_create(&iv, socket_path, &guest, &err), 0);
	host = ivshmem_host(&iv);
	ivshmem_poll(&iv);
	host.interrupt(host.state, 0); /* nobody there */
	strcpy(a.sun_path, socket_path);
	CU_ASSERT_EQUAL_FATAL(connect(s, (struct sockaddr *)&a, sizeof(a)), 0);
	ivshmem_poll(&iv);
	CU_ASSERT_EQUAL(hear(s, &fd), 0); /* version */
	CU_ASSERT_EQUAL(hear(s, &fd), 1); /* who the machine is */
	CU_ASSERT_EQUAL(hear(s, &memory), -1);
	CU_ASSERT_FATAL(memory >= 0);
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++) {
		CU_ASSERT_EQUAL(hear(s, &fd), 0);
		CU_ASSERT(fd >= 0);
		close(fd);
	}
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++) {
		CU_ASSERT_EQUAL(hear(s, &vectors[i]), 1);
		CU_ASSERT(vectors[i] >= 0);
	}
	bar = mmap(NULL, 0x20000, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	CU_ASSERT_FATAL(bar != MAP_FAILED);
	put(&iv, CARD_SHM_HOST_PAGES, 4);
	CU_ASSERT_EQUAL(*(uint32_t *)(bar + CARD_SHM_HOST_PAGES), 4);
	CU_ASSERT_EQUAL(read(vectors[2], &n, sizeof(n)), -1);
	host.interrupt(host.state, 2);
	CU_ASSERT_EQUAL(read(vectors[2], &n, sizeof(n)), (ssize_t)sizeof(n));
	CU_ASSERT_EQUAL(n, 1);
	/* The machine ends: its memory is no longer ours to write to. */
	close(s);
	ivshmem_poll(&iv);
	CU_ASSERT_EQUAL(*(uint32_t *)(bar + CARD_SHM_HOST_PAGES), 0);
	ivshmem_destroy(&iv);
	CU_ASSERT_EQUAL(*(uint32_t *)bar, 0xffffffff);
	munmap(bar, 0x20000);
	close(memory);
	for (unsigned int i = 0; i < IVSHMEM_VECTORS; i++)
		close(vectors[i]);
	guest_memory_close(&guest);
	unlink(memory_path);
	rmdir(dir);
}

UNIT_MAIN(UNIT(test_translates_page_by_page), UNIT(test_serves_a_machine))
