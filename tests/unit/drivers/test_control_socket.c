/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/control_socket.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/drivers/model_host.h"

static char dir[] = "/tmp/lumengate-XXXXXX";
static char path[64];

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static const char *talk(struct control_socket *c, struct host *h, int fd, const char *text)
{
	static char reply[8192];
	ssize_t n;

	CU_ASSERT_EQUAL(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	control_socket_poll(c, &h->link, h->now);
	n = recv(fd, reply, sizeof(reply) - 1, MSG_DONTWAIT);
	reply[n > 0 ? n : 0] = '\0';
	return reply;
}

static void test_requests(void)
{
	struct host *h = host_open(&optics_link_default, 51);
	struct control_socket c;
	char long_line[400];
	struct stat st;
	struct err err;
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control", dir);
	CU_ASSERT_EQUAL_FATAL(control_socket_open(&c, path, 0600, &err), 0);
	CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	fd = dial();
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "status\r\n"), "\"kind\":\"none\""));
	CU_ASSERT_STRING_EQUAL(talk(&c, h, fd, "attack inter"), "");
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(talk(&c, h, fd, "cept-resend 1 0.5\n"), "\"attack\":\"intercept-resend\""));
	CU_ASSERT_EQUAL(h->link.attack.attack.kind, ATTACK_INTERCEPT_RESEND);
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "attack \"x\n"), "{\"error\":\"attack"));
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "attack intercept-resend 3 1\n"), "error"));
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "shutdown\n"), "error"));
	CU_ASSERT_EQUAL(h->link.attack.attack.fraction, 1);
	CU_ASSERT_STRING_EQUAL(talk(&c, h, fd, "card bob interlock 2\n"), "{\"card\":\"bob\"}\n");
	CU_ASSERT_EQUAL(reg(h, B, CARD_INTERLOCK), CARD_INTERLOCK_FIBRE);
	CU_ASSERT_EQUAL(reg(h, A, CARD_INTERLOCK), 0);
	talk(&c, h, fd, "card alice unplug\n");
	turn(h);
	CU_ASSERT_EQUAL(reg(h, A, CARD_MAGIC), 0xffffffff);
	CU_ASSERT_EQUAL(reg64(h, A, CARD_TIME_SLOT_LO), UINT64_MAX);
	talk(&c, h, fd, "card alice plug\n");
	turn(h);
	CU_ASSERT_EQUAL(reg(h, A, CARD_STATUS), CARD_STATUS_READY);
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "card eve unplug\n"), "error"));
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "card bob melt\n"), "error"));
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "card bob unplug 1\n"), "error"));
	/* Two requests at once, two replies. */
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, "attack none\nstatus\n"), "}\n{"));
	CU_ASSERT_EQUAL(h->link.attack.attack.kind, ATTACK_NONE);
	memset(long_line, 'a', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd, long_line), "too long"));
	close(fd);
	control_socket_close(&c);
	CU_ASSERT(stat(path, &st) < 0);
	host_close(h);
}

static void test_fibre(void)
{
	struct host *h = host_open(&optics_link_default, 53);
	unsigned int laid = h->link.fibre.points;
	char reply[256];

	for (int i = 0; i < 2; i++) {
		CU_ASSERT(control_reply(&h->link,
		                        i == 0 ? "fibre tap 7.5 0.1" : "fibre bend 12 0.3", h->now,
		                        reply, sizeof(reply)) > 0);
		CU_ASSERT_EQUAL(h->link.fibre.points, laid + 1 + i);
	}
	CU_ASSERT(fabs(h->link.clicks.more_loss_db - 0.4) < 1e-9);
	control_reply(&h->link, "fibre reflect 3 -40", h->now, reply, sizeof(reply));
	CU_ASSERT_STRING_EQUAL(reply, "{\"fibre\":\"reflect\",\"km\":3.0000}\n");
	control_reply(&h->link, "fibre cut 10", h->now, reply, sizeof(reply));
	CU_ASSERT(h->link.clicks.more_loss_db > 100);
	control_reply(&h->link, "fibre restore", h->now, reply, sizeof(reply));
	CU_ASSERT_EQUAL(h->link.fibre.points, laid);
	CU_ASSERT_EQUAL(h->link.clicks.more_loss_db, 0);
	static const char *const wrong[] = {
	        "fibre tap 7.5", "fibre tap 25 0.1", "fibre tap 5 -1",   "fibre reflect 5 3",
	        "fibre cut 0",   "fibre melt 5 1",   "fibre tap 5 0.1 2"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		control_reply(&h->link, wrong[i], h->now, reply, sizeof(reply));
		CU_ASSERT_PTR_NOT_NULL(strstr(reply, "error"));
		CU_ASSERT_EQUAL(h->link.fibre.points, laid);
	}
	host_close(h);
}

/* A channel put on the fibre, and off again. */
static void test_channels(void)
{
	struct host *h = host_open(&optics_link_default, 54);
	char reply[4096];

	control_reply(&h->link, "channels", h->now, reply, sizeof(reply));
	CU_ASSERT_STRING_EQUAL(reply,
	                       "{\"quantum\":\"C34\",\"counts_per_slot\":0,\"photons_per_s\":0,"
	                       "\"channels\":[]}\n");
	control_reply(&h->link, "channel add C38 -10 counter", h->now, reply, sizeof(reply));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(reply, "{\"channel\":\"C38\",\"dbm\":-10,\"direction\":\"counter\"}"));
	CU_ASSERT(h->link.clicks.link.noise > 1e-5);
	for (int i = 0; i < 4; i++) {
		static const char *const wrong[] = {"channel add C38 0 counter",
		                                    "channel add C34 0", "channel remove C38",
		                                    "channel melt C38"};

		control_reply(&h->link, wrong[i], h->now, reply, sizeof(reply));
		CU_ASSERT_PTR_NOT_NULL(strstr(reply, "error"));
		CU_ASSERT_EQUAL(h->link.lit.channels, 1);
	}
	control_reply(&h->link, "channel remove C38 counter", h->now, reply, sizeof(reply));
	CU_ASSERT_EQUAL(h->link.clicks.link.noise, 0);
	/* All that there may be fit into a reply. */
	for (int i = 0; i < LIT_MODEL_CHANNELS; i++) {
		char line[64];

		snprintf(line, sizeof(line), "channel add %.2f -20.25 counter", 191.05 + 0.05 * i);
		if (i < 44 || i > 50)
			control_reply(&h->link, line, h->now, reply, sizeof(reply));
	}
	control_reply(&h->link, "channels", h->now, reply, sizeof(reply));
	CU_ASSERT_STRING_EQUAL(reply + strlen(reply) - 4, "}]}\n");
	host_close(h);
}

static void test_names_in_use(void)
{
	struct control_socket first, second;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(control_socket_open(&first, path, 0600, &err), 0);
	CU_ASSERT_EQUAL(control_socket_open(&second, path, 0600, &err), -EADDRINUSE);
	/* One that died left its socket: taken over. */
	close(first.fd);
	CU_ASSERT_EQUAL(control_socket_open(&second, path, 0600, &err), 0);
	control_socket_close(&second);
	/* No other file is ever replaced. */
	fclose(fopen(path, "w"));
	CU_ASSERT_EQUAL(control_socket_open(&second, path, 0600, &err), -EADDRINUSE);
	unlink(path);
	rmdir(dir);
	/* Without a socket there is nothing to serve. */
	CU_ASSERT_EQUAL(control_socket_open(&second, NULL, 0600, &err), 0);
	control_socket_poll(&second, NULL, 0);
	control_socket_close(&second);
}

static void test_many_clients(void)
{
	struct host *h = host_open(&optics_link_default, 52);
	struct control_socket c;
	int fd[CONTROL_CLIENTS + 2];
	struct err err;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control", dir);
	CU_ASSERT_EQUAL_FATAL(control_socket_open(&c, path, 0600, &err), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CONTROL_CLIENTS; i++) {
			fd[i] = dial();
			CU_ASSERT_PTR_NOT_NULL(strstr(talk(&c, h, fd[i], "status\n"), "light"));
		}
		fd[CONTROL_CLIENTS] = dial(); /* one too many */
		CU_ASSERT_STRING_EQUAL(talk(&c, h, fd[CONTROL_CLIENTS], "status\n"), "");
		for (int i = 0; i <= CONTROL_CLIENTS; i++)
			close(fd[i]);
		control_socket_poll(&c, &h->link, h->now);
	}
	control_socket_close(&c);
	rmdir(dir);
	host_close(h);
}

UNIT_MAIN(UNIT(test_requests), UNIT(test_fibre), UNIT(test_channels), UNIT(test_names_in_use),
          UNIT(test_many_clients))
