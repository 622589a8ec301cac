/* SPDX-License-Identifier: BSD-3-Clause */

/* The telemetry commands through DPDK's own socket, as its stock client asks. */

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

static unsigned int fake_tunnels(struct gateway_tunnel *out, unsigned int max)
{
	strcpy(out->name, "dc");
	out->rekey.generation = 7;
	return 1;
}

static const struct gateway_ops ops = {.link = fake_link, .tunnels = fake_tunnels};

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
	ssize_t n;

	CU_ASSERT_EQUAL(send(fd, command, strlen(command), 0), (ssize_t)strlen(command));
	n = recv(fd, answer, sizeof(answer), 0);
	CU_ASSERT_FATAL(n > 0);
	o = json_loadb(answer, (size_t)n, 0, NULL);
	value = json_incref(json_object_get(o, command));
	json_decref(o);
	return value;
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
	snprintf(runtime, sizeof(runtime), "rm -rf %s", rte_eal_get_runtime_dir());
	counter_set_attach(&set, "test");
	counter_add(&set, &drop_sample, 3);
	gateway_register(&ops);
	app.base = event_base_new();
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
	o = ask(fd, "/lumengate/tunnels");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "dc/generation")), 7);
	json_decref(o);
	o = ask(fd, "/lumengate/status");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(o, "gateway/version"));
	json_decref(o);
	close(fd);

	modules_stop(&app);
	modules_fini(&app);
	event_base_free(app.base);
	gateway_register(NULL);
	counter_set_detach(&set);
	rte_eal_cleanup();
	CU_ASSERT_EQUAL(system(runtime), 0);
}

UNIT_MAIN(UNIT(test_commands_answer))
