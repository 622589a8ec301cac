/* SPDX-License-Identifier: BSD-3-Clause */

/* Clients that behave, and clients that do not, on a real socket; the clock is the test's. */

#include "control/delivery_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/delivery-XXXXXX", path[64];
static struct delivery *d;
static struct delivery_socket *s;
static uint64_t now;
static uint8_t packet[HANDOVER_PACKET_MAX + 2];

static bool send_peer(void *ctx, enum delivery_message kind, const uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)kind;
	(void)msg;
	(void)len;
	return true;
}

static void start(void)
{
	static const uint8_t secret[32];
	const struct delivery_config c = {.secret = secret,
	                                  .link = "demo",
	                                  .protocol = "BB84",
	                                  .block_bytes = 1 << 10,
	                                  .queue_bytes = 2 << 20};
	const struct delivery_ops ops = {.send = send_peer};
	struct err err = {0};

	log_level_set("*", LOG_LEVEL_ERR);
	CU_ASSERT_EQUAL_FATAL(secret_init(8 << 20, NULL), 0);
	if (path[0] == '\0') {
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
		chmod(dir, 0755);
		snprintf(path, sizeof(path), "%s/socket", dir);
	}
	d = delivery_create(&c, &ops, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	s = delivery_socket_create(path, "", d, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	now = 100 * NS_PER_S;
	delivery_session(d, true);
}

static void stop(void)
{
	delivery_socket_destroy(s);
	delivery_destroy(d);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static struct delivery_socket_stats stats(void)
{
	struct delivery_socket_stats out;

	delivery_socket_stats_read(s, &out);
	return out;
}

static void turn(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += 2) {
		now += 2 * NS_PER_MS;
		delivery_socket_poll(s, now);
	}
}

static int connect_to(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void say(int fd, const struct handover_message *m)
{
	int len = handover_encode(m, packet, sizeof(packet));

	CU_ASSERT_EQUAL(send(fd, packet, (size_t)len, MSG_NOSIGNAL), len);
}

/* The type of the next packet; 0: the end; -EAGAIN. */
static int hear(int fd, struct handover_message *m)
{
	ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 ? -errno : 0;
	CU_ASSERT_EQUAL_FATAL(handover_decode(packet, (size_t)n, true, m), 0);
	return m->type;
}

static int join(void)
{
	struct handover_message m;
	int fd = connect_to();

	CU_ASSERT_FATAL(fd >= 0);
	turn(40);
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_HELLO);
	say(fd, &(struct handover_message){.type = HANDOVER_KMS_HELLO});
	turn(2);
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_LINK);
	return fd;
}

static void commit(uint64_t number, uint32_t units)
{
	struct key_block *kb = calloc(1, sizeof(*kb) + (size_t)units * 8);

	kb->bits = units * 64;
	kb->number = number;
	memcpy(kb->id, &number, sizeof(number));
	kb->position = number * 8192;
	kb->units[1] = units;
	delivery_block(d, kb);
	free(kb);
}

static void ack(int fd, const struct handover_message *segment)
{
	struct handover_message m = {
	        .type = HANDOVER_ACK,
	        .ack = {.class = segment->segment.class, .position = segment->segment.position}};

	memcpy(m.ack.block, segment->segment.block, 16);
	say(fd, &m);
}

static void test_hand_over(void)
{
	struct handover_message m;
	struct delivery_stats ds;
	struct stat st;
	int fd;

	start();
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0660);
	fd = join();
	CU_ASSERT_EQUAL(stats().pid, getpid());
	for (uint64_t i = 0; i < 20; i++) {
		commit(i, 4096);
		turn(2);
		CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_SEGMENT);
		CU_ASSERT_EQUAL(m.segment.position, i * 8192);
		ack(fd, &m);
	}
	turn(2);
	delivery_stats_read(d, &ds);
	CU_ASSERT_EQUAL(ds.acked, 20);
	CU_ASSERT_EQUAL(ds.queued_bytes, 0);
	/* It goes; another one comes and gets what has no answer. */
	commit(20, 1000);
	turn(2);
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_SEGMENT);
	close(fd);
	turn(40);
	CU_ASSERT_EQUAL(stats().pid, 0);
	CU_ASSERT_FALSE(delivery_connected(d));
	fd = join();
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_SEGMENT);
	CU_ASSERT_EQUAL(m.segment.position, 20 * 8192);
	CU_ASSERT_EQUAL(stats().accepted, 2);
	CU_ASSERT_EQUAL(stats().dropped + stats().refused, 0);
	close(fd);
	stop();
}

/* One at a time; and nobody who is not permitted. */
static void test_who_may(void)
{
	struct handover_message m;
	int fd, second, status;
	pid_t pid;

	start();
	fd = join();
	second = connect_to();
	CU_ASSERT(second >= 0);
	turn(40);
	CU_ASSERT_EQUAL(hear(second, &m), 0);
	CU_ASSERT_EQUAL(stats().refused, 1);
	CU_ASSERT_TRUE(delivery_connected(d));
	close(second);
	close(fd);
	turn(40);
	if (geteuid() == 0) {
		/* Even where the file's mode would let it in. */
		CU_ASSERT_EQUAL(chmod(path, 0666), 0);
		pid = fork();
		if (pid == 0) {
			_exit(setgid(65534) == 0 && setuid(65534) == 0 && connect_to() >= 0 ? 7
			                                                                    : 8);
		}
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 7);
		turn(40);
		CU_ASSERT_EQUAL(stats().refused, 2);
		CU_ASSERT_EQUAL(stats().pid, 0);
	}
	stop();
}

/* What is no message, too long a packet, no HELLO, no answer: dropped, and the next one may come.
 */
static void test_clients_that_break_the_rules(void)
{
	struct handover_message m;
	int fd;

	start();
	fd = join();
	CU_ASSERT_EQUAL(send(fd, "\x12", 1, 0), 1);
	turn(2);
	CU_ASSERT_EQUAL(hear(fd, &m), 0);
	CU_ASSERT_EQUAL(stats().dropped, 1);
	close(fd);
	fd = join();
	memset(packet, HANDOVER_KMS_PEER, sizeof(packet));
	CU_ASSERT_EQUAL(send(fd, packet, sizeof(packet), 0), (ssize_t)sizeof(packet));
	turn(2);
	CU_ASSERT_EQUAL(stats().dropped, 2);
	close(fd);
	fd = connect_to();
	turn(4900);
	CU_ASSERT_EQUAL(stats().dropped, 2);
	turn(200);
	CU_ASSERT_EQUAL(stats().dropped, 3);
	CU_ASSERT_STRING_EQUAL(stats().why, "it does not say HELLO");
	close(fd);
	fd = join();
	commit(1, 4096);
	for (int i = 0; i < 290; i++) {
		turn(100);
		delivery_tick(d, now);
	}
	CU_ASSERT_EQUAL(stats().dropped, 3);
	/* Slow is not dead: each answer gives it time. */
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_SEGMENT);
	commit(2, 4096);
	ack(fd, &m);
	for (int i = 0; i < 290; i++) {
		turn(100);
		delivery_tick(d, now);
	}
	CU_ASSERT_EQUAL(stats().dropped, 3);
	for (int i = 0; i < 20; i++) {
		turn(100);
		delivery_tick(d, now);
	}
	CU_ASSERT_EQUAL(stats().dropped, 4);
	CU_ASSERT_STRING_EQUAL(stats().why, "it does not acknowledge what it got");
	close(fd);
	fd = join();
	close(fd);
	stop();
}

/* A client that reads nothing costs no turn any time, one that floods is heard at its rate. */
static void test_hostile(void)
{
	static const uint8_t text[30000];
	const struct handover_message m = {.type = HANDOVER_KMS_PEER, .peer = {text, 30000}};
	struct delivery_stats ds, later;
	struct timespec t0, t1;
	size_t room = 8 << 20;
	int fd, flooded = 0;

	start();
	fd = join();
	for (uint64_t i = 0; i < 60; i++)
		commit(i, 4096);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	turn(2000);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
	/* 1000 turns: not one of them may have waited or copied without end. */
	CU_ASSERT((double)(t1.tv_sec - t0.tv_sec) + 1e-9 * (double)(t1.tv_nsec - t0.tv_nsec) < 1);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	for (int round = 0; round < 1000; round++) {
		int len = handover_encode(&m, packet, sizeof(packet));

		while (send(fd, packet, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
			flooded++;
		turn(2);
	}
	delivery_stats_read(d, &ds);
	/* Two seconds at 512 KiB a second, and a burst of 256 KiB. */
	CU_ASSERT(ds.peer_sent * 30000 <= (2 * 512 + 256) << 10);
	CU_ASSERT(ds.peer_sent * 30000 >= (2 * 512 - 64) << 10);
	CU_ASSERT(flooded > (int)ds.peer_sent);
	turn(1000);
	delivery_stats_read(d, &later);
	CU_ASSERT(later.peer_sent > ds.peer_sent || flooded == (int)later.peer_sent);
	CU_ASSERT_EQUAL(stats().dropped, 0);
	close(fd);
	stop();
}

/* What joins before the card is open hears that its light is simulated all the same. */
static void test_a_card_that_comes_later(void)
{
	struct handover_message m;
	int fd, rc;

	start();
	fd = join();
	delivery_link(d, true, true, true, "up");
	turn(40);
	while ((rc = hear(fd, &m)) == HANDOVER_LINK)
		;
	CU_ASSERT_EQUAL(rc, 0);
	close(fd);
	fd = connect_to();
	CU_ASSERT_FATAL(fd >= 0);
	turn(40);
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_HELLO);
	CU_ASSERT_TRUE(m.hello.simulated);
	say(fd, &(struct handover_message){.type = HANDOVER_KMS_HELLO});
	turn(400);
	CU_ASSERT_EQUAL(hear(fd, &m), HANDOVER_LINK);
	CU_ASSERT_EQUAL(hear(fd, &m), -EAGAIN);
	CU_ASSERT_EQUAL(stats().dropped, 0);
	close(fd);
	turn(2);
	stop();
}

static void test_the_socket_of_another(void)
{
	struct err err = {0};

	start();
	CU_ASSERT_PTR_NULL(delivery_socket_create(path, "", d, &err));
	CU_ASSERT_EQUAL(err.code, EADDRINUSE);
	CU_ASSERT_PTR_NULL(delivery_socket_create("/nonexistent/x", "", d, &err));
	CU_ASSERT_PTR_NULL(delivery_socket_create("/tmp/delivery-x", "no-such-group", d, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "delivery/socket: there is no group"));
	stop();
	rmdir(dir);
}

UNIT_MAIN(UNIT(test_hand_over), UNIT(test_who_may), UNIT(test_clients_that_break_the_rules),
          UNIT(test_hostile), UNIT(test_a_card_that_comes_later), UNIT(test_the_socket_of_another))
