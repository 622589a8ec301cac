/* SPDX-License-Identifier: BSD-3-Clause */

/* The telemetry commands through DPDK's own socket, as its stock client asks. */

#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "common/counter.h"
#include "common/log.h"
#include "control/gateway.h"
#include "control/module.h"

COUNTER_DEFINE(drop_sample, "drop.no-such.key", "a sample")

static void fake_link(struct gateway_link *out)
{
	strcpy(out->name, "demo");
	out->engine.qber_z = 0.0125;
	out->engine.secret_bits = 5000000000ULL;
}

#define TUNNELS 1024u
#define SAS     8192u

static unsigned int fake_tunnels(unsigned int offset, struct gateway_tunnel *out, unsigned int max)
{
	for (unsigned int i = offset; i < TUNNELS && i - offset < max; i++) {
		snprintf(out[i - offset].name, sizeof(out->name), "dc-%u", i);
		out[i - offset].rekey.generation = i + 7;
	}
	return TUNNELS;
}

static unsigned int fake_sas(const char *tunnel, unsigned int offset, struct gateway_sa *out,
                             unsigned int max)
{
	for (unsigned int i = offset; i < SAS && i - offset < max; i++) {
		snprintf(out[i - offset].tunnel, sizeof(out->tunnel), "dc-%u", i / 8);
		out[i - offset].info = (struct sa_info){
		        .spi = 0x80000000u + i, .transmit = i % 2, .packets = UINT64_MAX / 2 - i};
	}
	return SAS;
}

static const struct gateway_ops ops = {.link = fake_link, .tunnels = fake_tunnels, .sas = fake_sas};
static struct event_base *base;

static int dial(void)
{
	const struct timeval wait = {2, 0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char greeting[1024];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dpdk_telemetry.v2",
	         rte_eal_get_runtime_dir());
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CU_ASSERT(recv(fd, greeting, sizeof(greeting), 0) > 0);
	return fd;
}

/* The dictionary that COMMAND answers with. */
static json_t *ask(int fd, const char *command)
{
	static char answer[16384];
	json_t *o, *value;
	ssize_t n = -1;

	CU_ASSERT_EQUAL(send(fd, command, strlen(command), 0), (ssize_t)strlen(command));
	/* This thread is the control thread, too. */
	for (int i = 0; i < 5000; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
		if (n >= 0)
			break;
		usleep(200);
	}
	CU_ASSERT_FATAL(n > 0);
	o = json_loadb(answer, (size_t)n, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	value = json_incref(json_object_iter_value(json_object_iter(o)));
	json_decref(o);
	return value;
}

static long long integer(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* Follow the pages of COMMAND to the end: the rows there were, each once. */
static unsigned int count_rows(int fd, const char *command, unsigned int total)
{
	json_t *seen = json_object(), *page, *row;
	unsigned int offset = 0, rows, pages = 0;
	const char *name;
	char text[64];

	while (offset < total) {
		snprintf(text, sizeof(text), "%s,%u", command, offset);
		page = ask(fd, text);
		CU_ASSERT_EQUAL_FATAL(integer(page, "total"), total);
		CU_ASSERT_EQUAL(integer(page, "offset"), offset);
		CU_ASSERT_TRUE_FATAL(integer(page, "count") > 0);
		rows = 0;
		json_object_foreach (page, name, row) {
			if (!json_is_object(row))
				continue;
			CU_ASSERT_PTR_NULL(json_object_get(seen, name));
			json_object_set(seen, name, row);
			rows++;
		}
		CU_ASSERT_EQUAL(rows, integer(page, "count"));
		offset += rows;
		pages++;
		json_decref(page);
	}
	rows = (unsigned int)json_object_size(seen);
	json_decref(seen);
	/* A page is not a handful. */
	CU_ASSERT_TRUE(pages * 8 <= total);
	return rows;
}

static void test_commands_answer(void)
{
	char prefix[64], runtime[256];
	char *argv[] = {(char *)"test",     prefix,       (char *)"--no-huge",
	                (char *)"--no-pci", (char *)"-m", (char *)"16",
	                (char *)"--lcores", (char *)"0",  (char *)"--log-level",
	                (char *)"error"};
	static struct config config;
	struct app app = {.config = &config};
	struct counter_set set = {0};
	struct err err = {0};
	json_t *o;
	int fd;

	snprintf(prefix, sizeof(prefix), "--file-prefix=lumengate-test-%d", (int)getpid());
	snprintf(config.control.socket, sizeof(config.control.socket), "/tmp/%s.sock",
	         prefix + strlen("--file-prefix="));
	CU_ASSERT_FATAL(rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) >= 0);
	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	counter_set_attach(&set, "test");
	counter_add(&set, &drop_sample, 3);
	gateway_register(&ops);
	app.base = base = event_base_new();
	CU_ASSERT_EQUAL_FATAL(modules_init(&app, &err), 0);
	CU_ASSERT_EQUAL_FATAL(modules_start(&app, &err), 0);

	fd = dial();
	o = ask(fd, "/lumengate/drops");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "drop_no_such_key")), 3);
	json_decref(o);
	o = ask(fd, "/lumengate/link");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "engine/secret_bits")), 5000000000LL);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "engine/qber_z_ppm")), 12500);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "link")), "demo");
	json_decref(o);
	o = ask(fd, "/lumengate/tunnels,5,2");
	CU_ASSERT_EQUAL(integer(o, "total"), TUNNELS);
	CU_ASSERT_EQUAL(integer(o, "count"), 2);
	CU_ASSERT_EQUAL(integer(json_object_get(o, "dc_6"), "generation"), 13);
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_object_get(o, "dc_6"), "name")), "dc-6");
	json_decref(o);
	CU_ASSERT_EQUAL(count_rows(fd, "/lumengate/tunnels", TUNNELS), TUNNELS);
	CU_ASSERT_EQUAL(count_rows(fd, "/lumengate/sas", SAS), SAS);
	o = ask(fd, "/lumengate/sas,8191");
	CU_ASSERT_EQUAL(integer(o, "count"), 1);
	CU_ASSERT_EQUAL(integer(json_object_get(o, "dc_1023/transmit/0x80001fff"), "packets"),
	                (long long)(UINT64_MAX / 2 - 8191));
	json_decref(o);
	o = ask(fd, "/lumengate/sas,9000");
	CU_ASSERT_EQUAL(integer(o, "count"), 0);
	json_decref(o);
	o = ask(fd, "/lumengate/sas,ten");
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(o), "OFFSET,COUNT"));
	json_decref(o);
	/* Without a data plane there are no cores. */
	o = ask(fd, "/lumengate/cores");
	CU_ASSERT_TRUE(json_is_null(o));
	json_decref(o);
	o = ask(fd, "/lumengate/status");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(o, "gateway/version"));
	json_decref(o);
	modules_stop(&app);
	modules_fini(&app);
	/* The gateway is gone, DPDK's socket is not yet. */
	o = ask(fd, "/lumengate/status");
	CU_ASSERT_TRUE(json_is_null(o));
	json_decref(o);
	close(fd);
	event_base_free(app.base);
	gateway_register(NULL);
	counter_set_detach(&set);
	rte_eal_cleanup();
	CU_ASSERT_EQUAL(remove_tree(runtime), 0);
}

UNIT_MAIN(UNIT(test_commands_answer))
