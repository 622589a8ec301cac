/* SPDX-License-Identifier: BSD-3-Clause */

/* The capture methods on a port of rings, and lgctl's words for them. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/log.h"
#include "control/alarm.h"
#include "control/gateway.h"
#include "control/lgctl.h"
#include "control/method.h"
#include "dataplane/capture.h"
#include "dataplane/worker.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

static char directory[64];
static struct rte_mempool *pool;
static struct port lan;

static const struct port *fake_port(enum port_role role)
{
	return role == PORT_LAN ? &lan : NULL;
}

static const struct gateway_ops ops = {.port = fake_port};

static json_t *run(enum method_right right, const char *name, json_t *params,
                   struct jsonrpc_error *error)
{
	json_t *result;

	*error = (struct jsonrpc_error){0};
	method_state_set(METHOD_RUNTIME);
	method_caller_set(&(struct method_caller){.uid = 1234, .pid = 5678});
	result = method_call(&right, name, params, error);
	json_decref(params);
	return result;
}

static void fails(const char *name, json_t *params, int code, const char *part)
{
	struct jsonrpc_error error;

	CU_ASSERT_PTR_NULL(run(METHOD_CAPTURE, name, params, &error));
	CU_ASSERT_EQUAL(error.code, code);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, part));
	if (strstr(error.text, part) == NULL)
		printf("\n  got  %s\n", error.text);
}

static const char *text(json_t *result, const char *member)
{
	json_t *first = json_array_get(json_object_get(result, "captures"), 0);

	return json_string_value(json_object_get(first, member));
}

static long long number(json_t *result, const char *member)
{
	json_t *first = json_array_get(json_object_get(result, "captures"), 0);

	return json_integer_value(json_object_get(first, member));
}

static void test_setup(void)
{
	struct err err = {0};

	dpdk_start(1, 64, "net_ring0", NULL);
	log_level_set("capture", LOG_LEVEL_ERR - 1);
	log_level_set("method", LOG_LEVEL_ERR - 1);
	snprintf(directory, sizeof(directory), "/tmp/lumengate-capture-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	pool = port_pool_create("pool", 1500, 1, 2047, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&lan, PORT_LAN, "net_ring0", 1500, 1, NULL, pool, &err), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(&lan, &err), 0);
	/* Their QSBR variable; none of them runs. */
	CU_ASSERT_EQUAL_FATAL(workers_create(1, &err), 0);
}

static void test_nothing_runs(void)
{
	gateway_register(NULL);
	fails("capture_start", json_pack("{s:s}", "port", "lan"), JSONRPC_FAILED,
	      "the data plane is not running");
	fails("capture_stop", NULL, JSONRPC_FAILED, "no port is being captured");
}

static void test_right_of_its_own(void)
{
	struct jsonrpc_error error;
	json_t *r;

	CU_ASSERT_PTR_NULL(
	        run(METHOD_WRITE, "capture_start", json_pack("{s:s}", "port", "lan"), &error));
	CU_ASSERT_EQUAL(error.code, JSONRPC_FORBIDDEN);
	CU_ASSERT_PTR_NULL(run(METHOD_WRITE, "capture_stop", NULL, &error));
	CU_ASSERT_EQUAL(error.code, JSONRPC_FORBIDDEN);
	r = run(METHOD_READ, "capture_show", NULL, &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "captures")), 0);
	json_decref(r);
}

static void test_start_show_stop(void)
{
	static struct config config;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct jsonrpc_error error;
	const struct alarm *alarm;
	char path[256];
	struct stat st;
	json_t *r;

	snprintf(config.control.capture_directory, sizeof(config.control.capture_directory), "%s",
	         directory);
	gateway_config_set(&config, "{}", NULL);
	gateway_register(&ops);
	r = run(METHOD_CAPTURE, "capture_start",
	        json_pack("{s:s, s:s, s:s, s:s, s:i}", "port", "lan", "direction", "rx", "filter",
	                  "ether proto 0x88b5", "file", "x.pcapng", "snap_length", 32),
	        &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(text(r, "port"), "lan");
	CU_ASSERT_STRING_EQUAL(text(r, "state"), "running");
	CU_ASSERT_STRING_EQUAL(text(r, "direction"), "rx");
	json_decref(r);
	alarm = alarm_find("capture-active", "port/lan");
	CU_ASSERT_PTR_NOT_NULL_FATAL(alarm);
	CU_ASSERT_TRUE(alarm->active);
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm->text, "by uid 1234 pid 5678, rx"));

	memset(rte_pktmbuf_append(m, 60), 0, 60);
	rte_pktmbuf_mtod(m, uint8_t *)[12] = 0x88;
	rte_pktmbuf_mtod(m, uint8_t *)[13] = 0xb5;
	CU_ASSERT_EQUAL(rte_eth_tx_burst(lan.id, 0, &m, 1), 1);
	CU_ASSERT_EQUAL(rte_eth_rx_burst(lan.id, 0, &m, 1), 1);
	rte_pktmbuf_free(m);

	fails("capture_start", json_pack("{s:s}", "port", "lan"), JSONRPC_FAILED,
	      "port: lan is being captured already");
	r = run(METHOD_CAPTURE, "capture_stop", json_pack("{s:s}", "port", "lan"), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	json_decref(r);
	for (int i = 0; i < 1000; i++) {
		r = run(METHOD_READ, "capture_show", NULL, &error);
		if (strcmp(text(r, "state"), "stopped") == 0)
			break;
		json_decref(r);
		usleep(1000);
	}
	CU_ASSERT_STRING_EQUAL(text(r, "reason"), "on command");
	CU_ASSERT_EQUAL(number(r, "packets"), 1);
	CU_ASSERT_FALSE(alarm->active);
	json_decref(r);
	snprintf(path, sizeof(path), "%s/x.pcapng", directory);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
}

static void test_bad_parameters(void)
{
	fails("capture_start", NULL, JSONRPC_INVALID_PARAMS, "/params/port: missing");
	fails("capture_start", json_pack("{s:s}", "port", "dmz"), JSONRPC_INVALID_PARAMS,
	      "/params/port: dmz is not one of lan, wan");
	fails("capture_start", json_pack("{s:s, s:s}", "port", "lan", "direction", "up"),
	      JSONRPC_INVALID_PARAMS, "/params/direction: up");
	fails("capture_start", json_pack("{s:s, s:s}", "port", "lan", "filter", "udp und tcp"),
	      JSONRPC_INVALID_PARAMS, "/params/filter: \"und\" is no word of pcap-filter");
	fails("capture_start", json_pack("{s:s, s:s}", "port", "lan", "file", "../../etc/x"),
	      JSONRPC_INVALID_PARAMS, "/params/file: ");
	fails("capture_start", json_pack("{s:s, s:i}", "port", "lan", "file_size_max", 10),
	      JSONRPC_INVALID_PARAMS, "/params/file_size_max: out of range: must be 65536 to ");
	fails("capture_start", json_pack("{s:s, s:i}", "port", "lan", "file_size_max", 0),
	      JSONRPC_INVALID_PARAMS, "/params/file_size_max: out of range: must be 65536 to ");
	fails("capture_start", json_pack("{s:s, s:i}", "port", "lan", "files", 0),
	      JSONRPC_INVALID_PARAMS, "/params/files: out of range: must be 1 to 1000");
	fails("capture_start", json_pack("{s:s, s:i}", "port", "lan", "files", 1001),
	      JSONRPC_INVALID_PARAMS, "/params/files: out of range: must be 1 to 1000");
	fails("capture_start", json_pack("{s:s, s:i}", "port", "lan", "snap_length", 70000),
	      JSONRPC_INVALID_PARAMS, "/params/snap_length: ");
	fails("capture_start", json_pack("{s:s, s:s}", "port", "lan", "file", "x.pcapng"),
	      JSONRPC_FAILED, "x.pcapng: File exists");
}

/* The disk refuses: an alarm that the next capture clears. */
static void test_a_full_disk_raises_an_alarm(void)
{
	struct rlimit before, limit;
	struct jsonrpc_error error;
	const struct alarm *alarm;
	json_t *r;

	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){1000, before.rlim_max};
	json_decref(run(METHOD_CAPTURE, "capture_start",
	                json_pack("{s:s, s:s}", "port", "lan", "file", "full.pcapng"), &error));
	CU_ASSERT_EQUAL(error.code, 0);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 10; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		memset(rte_pktmbuf_append(m, 200), 0, 200);
		CU_ASSERT_EQUAL(rte_eth_tx_burst(lan.id, 0, &m, 1), 1);
		CU_ASSERT_EQUAL(rte_eth_rx_burst(lan.id, 0, &m, 1), 1);
		rte_pktmbuf_free(m);
	}
	for (int i = 0; i < 1000; i++) {
		capture_poll();
		alarm = alarm_find("capture-failed", "port/lan");
		if (alarm != NULL)
			break;
		usleep(1000);
	}
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &before), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(alarm);
	CU_ASSERT_TRUE(alarm->active);
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm->text, "full.pcapng"));
	CU_ASSERT_FALSE(alarm_find("capture-active", "port/lan")->active);
	r = run(METHOD_READ, "capture_show", NULL, &error);
	CU_ASSERT_STRING_EQUAL(text(r, "state"), "stopped");
	json_decref(r);

	json_decref(
	        run(METHOD_CAPTURE, "capture_start", json_pack("{s:s}", "port", "lan"), &error));
	CU_ASSERT_EQUAL(error.code, 0);
	CU_ASSERT_FALSE(alarm->active);
	r = run(METHOD_READ, "capture_show", NULL, &error);
	/* The default name says which port and when. */
	CU_ASSERT_EQUAL(strncmp(text(r, "file"), "lan-20", 6), 0);
	CU_ASSERT_EQUAL(number(r, "snap_length"), 0);
	json_decref(r);
	capture_shutdown();
	CU_ASSERT_EQUAL(remove_tree(directory), 0);
}

static void test_lgctl_words(void)
{
	char *start[] = {"capture",       "start", "--port",          "wan",
	                 "--snap-length", "96",    "--file-size-max", "1000000"};
	char *unknown[] = {"capture", "start", "--prot", "wan"};
	char *no_number[] = {"capture", "start", "--port", "wan", "--files", "-1"};
	char *no_value[] = {"capture", "start", "--port", "wan", "--files"};
	char *no_port[] = {"latency", "show", "--port"};
	char *twice[] = {"capture", "start", "--port", "wan", "--port", "lan"};
	struct lgctl_request r = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(lgctl_command(8, start, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.method, "capture_start");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r.params, "port")), "wan");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r.params, "snap_length")), 96);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r.params, "file_size_max")), 1000000);
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(4, unknown, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "capture start: there is no option --prot");
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(6, no_number, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "capture start: --files: -1 is not a number");
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(5, no_value, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "capture start: --files takes a value");
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(3, no_port, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "latency show: --port takes a value");
	json_decref(r.params);
	CU_ASSERT_NOT_EQUAL(lgctl_command(6, twice, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "capture start: --port is there twice");
	json_decref(r.params);
}

static void test_end(void)
{
	gateway_register(NULL);
	gateway_config_set(NULL, NULL, NULL);
	workers_destroy();
	port_close(&lan);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_nothing_runs), UNIT(test_right_of_its_own),
          UNIT(test_start_show_stop), UNIT(test_bad_parameters),
          UNIT(test_a_full_disk_raises_an_alarm), UNIT(test_lgctl_words), UNIT(test_end))
