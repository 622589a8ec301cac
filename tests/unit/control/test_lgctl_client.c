/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl follows the pages of a long list, from a server in a process of its own. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/gateway.h"
#include "control/lgctl.h"
#include "control/method.h"
#include "control/page.h"
#include "control/server.h"
#include "tests/unit/unit.h"

#define SAS 8192u

static char path[96];
static pid_t child;

static unsigned int fake_sas(const char *tunnel, unsigned int offset, struct gateway_sa *out,
                             unsigned int max)
{
	unsigned int count = tunnel == NULL ? SAS : 3;

	for (unsigned int i = offset; i < count && i - offset < max; i++)
		out[i - offset] = (struct gateway_sa){.tunnel = "dc", .info = {.spi = 1000 + i}};
	return count;
}

/* The newest first; between any two looks there is a new one. */
struct grows_params {
	struct page_params page;
};

static const struct method_param grows_params[] = {PAGE_PARAMS(struct grows_params, 100)};

static int grows(const void *params, json_t **result, struct err *err)
{
	static int newest = 250;
	struct page page = page_begin(&((const struct grows_params *)params)->page);

	newest++;
	/* It keeps the newest 250, as the audit log does 1024. */
	for (int number = newest; number > newest - 250; number--)
		if (page_next(&page))
			json_array_append_new(page.list, json_pack("{s:i}", "number", number));
	*result = page_end(&page, "sas");
	return 0;
}

METHOD_DEFINE(grows_list, .summary = "Of the test", .fn = grows, .params = grows_params,
              .param_count = PAGE_PARAM_COUNT)

static const struct gateway_ops ops = {.sas = fake_sas};

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	enum method_right right = METHOD_READ;

	return jsonrpc_handle(text, len, method_call, &right);
}

static void serve(void)
{
	const struct server_config config = {.path = path};
	struct event_base *base = event_base_new();
	struct server *server;

	gateway_register(&ops);
	method_state_set(METHOD_RUNTIME);
	if (server_create(base, &config, handle, NULL, &server, NULL) != 0)
		_exit(1);
	event_base_dispatch(base);
	_exit(0);
}

static void test_start(void)
{
	snprintf(path, sizeof(path), "/tmp/lumengate-test-%d.sock", (int)getpid());
	child = fork();
	if (child == 0)
		serve();
	for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
		usleep(10000);
	usleep(50000);
}

/* The list that it answers, to be released. */
static json_t *call(struct lgctl_request *r)
{
	json_t *result = NULL, *list;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(lgctl_call_all(path, r, &result, &err), 0);
	list = json_incref(json_object_get(result, "sas"));
	json_decref(result);
	return list;
}

static void test_a_long_list_is_whole(void)
{
	struct lgctl_request r = {.method = "sa_list", .list = "sas"};
	json_t *list = call(&r);

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), SAS);
	for (unsigned int i = 0; i < SAS; i++)
		if (json_integer_value(json_object_get(json_array_get(list, i), "spi")) !=
		    1000 + (json_int_t)i) {
			CU_FAIL("an SA is missing or out of its place");
			break;
		}
	json_decref(list);
	r.params = json_pack("{s:s}", "tunnel", "dc");
	list = call(&r);
	CU_ASSERT_EQUAL(json_array_size(list), 3);
	json_decref(list);
	json_decref(r.params);
}

static void test_a_list_that_grows_has_none_twice(void)
{
	struct lgctl_request r = {.method = "grows_list", .list = "sas"};
	json_t *list = call(&r);
	size_t n = json_array_size(list);

	/* Those that were there all the time. */
	CU_ASSERT_EQUAL_FATAL(n, 248);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(
		        json_integer_value(json_object_get(json_array_get(list, i), "number")),
		        251 - (json_int_t)i);
	json_decref(list);
}

static void test_words(void)
{
	char *all[] = {"sa", "list"}, *one[] = {"sa", "list", "dc"};
	struct lgctl_request r = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(lgctl_command(2, all, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.list, "sas");
	CU_ASSERT_PTR_NULL(r.params);
	CU_ASSERT_EQUAL(lgctl_command(3, one, &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r.params, "tunnel")), "dc");
	json_decref(r.params);
}

static bool comes_in_pages(const struct method *m)
{
	for (size_t i = 0; i < m->param_count; i++)
		if (strcmp(m->params[i].name, "offset") == 0)
			return true;
	return false;
}

/* No command shows a first page for the whole. */
static void test_every_list_that_has_pages_is_followed(void)
{
	unsigned int seen = 0;

	for (const struct method *m = method_first(); m != NULL; m = m->next) {
		const struct lgctl_command *c;

		for (size_t i = 0; comes_in_pages(m) && (c = lgctl_command_at(i)) != NULL; i++)
			if (c->method != NULL && strcmp(c->method, m->name) == 0) {
				CU_ASSERT_PTR_NOT_NULL(c->list);
				seen++;
			}
	}
	CU_ASSERT(seen >= 6);
}

static void test_stop(void)
{
	char lock[112];
	int status;

	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_a_long_list_is_whole),
          UNIT(test_a_list_that_grows_has_none_twice), UNIT(test_words),
          UNIT(test_every_list_that_has_pages_is_followed), UNIT(test_stop))
