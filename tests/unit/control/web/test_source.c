/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/source.h"
#include "tests/unit/control/web/fake_program.h"

#include <errno.h>

static json_int_t member(const struct source *s, const char *name)
{
	return json_integer_value(json_object_get(source_get(s, "status"), name));
}

static void test_asked_again_and_again(void)
{
	struct source_state state;
	struct fake_program p;

	fake_open(&p);
	json_object_set_new(p.status, "n", json_integer(1));
	fake_serve(&p);
	fake_ask(&p, 20);
	source_state_read(p.source, &state);
	CU_ASSERT_FALSE(state.up);
	CU_ASSERT_STRING_EQUAL(state.why, "not connected yet");
	CU_ASSERT_PTR_NULL(source_get(p.source, "status"));
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, 1));
	CU_ASSERT_EQUAL(member(p.source, "n"), 1);
	json_object_set_new(p.status, "n", json_integer(2));
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, p.polled + 2));
	CU_ASSERT_EQUAL(member(p.source, "n"), 2);
	source_state_read(p.source, &state);
	CU_ASSERT_TRUE(state.up);
	CU_ASSERT_STRING_EQUAL(state.why, "");
	CU_ASSERT_EQUAL(state.polls, p.polled);
	CU_ASSERT_TRUE(state.poll_s > 0 && state.poll_s < 5);
	CU_ASSERT_EQUAL(p.connected, 1);
	CU_ASSERT_PTR_NULL(source_get(p.source, "no_such_method"));
	fake_end(&p);
}

/* It goes and comes: what it said is forgotten meanwhile. */
static void test_program_that_goes_and_comes(void)
{
	struct source_state state;
	struct fake_program p;
	char gone[160];

	fake_begin(&p, "{\"n\":1}");
	fake_hang_up(&p);
	CU_ASSERT_TRUE(fake_until(&p, &p.lost, 1));
	CU_ASSERT_STRING_EQUAL(p.why, "it closed the connection");
	source_state_read(p.source, &state);
	CU_ASSERT_FALSE(state.up);
	CU_ASSERT_STRING_EQUAL(state.why, "it closed the connection");
	CU_ASSERT_PTR_NULL(source_get(p.source, "status"));
	CU_ASSERT_PTR_NULL(source_get(p.source, "tunnel_list"));
	CU_ASSERT_TRUE(fake_until(&p, &p.lost, 2));
	snprintf(gone, sizeof(gone), "%s: No such file or directory", p.path);
	CU_ASSERT_STRING_EQUAL(p.why, gone);
	/* Connected again is no answer yet: why there is none has not changed. */
	p.silent = true;
	fake_serve(&p);
	CU_ASSERT_TRUE(fake_until(&p, &p.connected, 2));
	source_state_read(p.source, &state);
	CU_ASSERT_FALSE(state.up);
	CU_ASSERT_STRING_EQUAL(state.why, gone);
	p.silent = false;
	fake_hang_up(&p);
	CU_ASSERT_TRUE(fake_until(&p, &p.lost, 3));
	fake_serve(&p);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, p.polled + 1));
	CU_ASSERT_EQUAL(member(p.source, "n"), 1);
	CU_ASSERT_EQUAL(p.connected, 3);
	fake_end(&p);
}

static void test_refusals_are_counted(void)
{
	struct source_state state;
	struct fake_program p;

	fake_open(&p);
	p.refuses = true;
	fake_serve(&p);
	fake_ask(&p, 20);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, 1));
	source_state_read(p.source, &state);
	CU_ASSERT_FALSE(state.up);
	CU_ASSERT_EQUAL(state.poll_fails, 1);
	CU_ASSERT_STRING_EQUAL(state.why, "status: not now");
	p.refuses = false;
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, p.polled + 2));
	source_state_read(p.source, &state);
	CU_ASSERT_TRUE(state.up);
	fake_end(&p);
}

static void set_tunnels(struct fake_program *p, unsigned int from, unsigned int n, int value)
{
	json_array_clear(p->tunnels);
	for (unsigned int i = from; i < from + n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%u", i);
		json_array_append_new(p->tunnels,
		                      json_pack("{s:s, s:i}", "name", name, "v", value));
	}
}

static size_t with_value(const struct source *s, int value)
{
	const json_t *list = source_get(s, "tunnel_list");
	const char *name;
	json_t *t;
	size_t n = 0;

	json_object_foreach ((json_t *)list, name, t)
		n += json_integer_value(json_object_get(t, "v")) == value;
	return n;
}

/* A long list comes in pages, one a turn; entries that go, or come in front, leave no others. */
static void test_pages(void)
{
	struct fake_program p;

	fake_open(&p);
	set_tunnels(&p, 0, 150, 1);
	fake_serve(&p);
	fake_ask(&p, 10);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, 1));
	CU_ASSERT_EQUAL(with_value(p.source, 1), SOURCE_PAGE);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, 3));
	CU_ASSERT_EQUAL(with_value(p.source, 1), 150);
	/* Ten are gone, ten have come. */
	set_tunnels(&p, 10, 150, 2);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, p.polled + 7));
	CU_ASSERT_EQUAL(json_object_size(source_get(p.source, "tunnel_list")), 150);
	CU_ASSERT_EQUAL(with_value(p.source, 2), 150);
	set_tunnels(&p, 0, 0, 3);
	CU_ASSERT_TRUE(fake_until(&p, &p.polled, p.polled + 4));
	CU_ASSERT_EQUAL(json_object_size(source_get(p.source, "tunnel_list")), 0);
	fake_end(&p);
}

static void test_events(void)
{
	struct fake_program p;

	fake_begin(&p, "{}");
	CU_ASSERT_TRUE(server_push(p.server, p.client,
	                           "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":"
	                           "{\"topic\":\"rekey\",\"data\":{}}}"));
	CU_ASSERT_TRUE(fake_until(&p, &p.events, 1));
	CU_ASSERT_STRING_EQUAL(p.topic, "rekey");
	/* A notification of another kind, and an answer to nothing, are no harm. */
	server_push(p.server, p.client, "{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{}}");
	server_push(p.server, p.client, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}");
	server_push(p.server, p.client,
	            "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"x\"}}");
	CU_ASSERT_TRUE(fake_until(&p, &p.events, 2));
	CU_ASSERT_EQUAL(p.lost, 0);
	/* What is no JSON is no program of ours. */
	server_push(p.server, p.client, "220 mail.example ESMTP");
	CU_ASSERT_TRUE(fake_until(&p, &p.lost, 1));
	CU_ASSERT_STRING_EQUAL(p.why, "what it says is no JSON-RPC");
	fake_end(&p);
}

static unsigned int answered;
static char said[64];

static void on_answer(void *ctx, const json_t *result, const char *why)
{
	answered++;
	snprintf(said, sizeof(said), "%s", result != NULL ? "a result" : why);
}

static void test_calls(void)
{
	struct fake_program p;

	answered = 0;
	fake_begin(&p, "{}");
	CU_ASSERT_EQUAL(source_call(p.source, "subscribe", NULL, on_answer, NULL), 0);
	CU_ASSERT_TRUE(fake_until(&p, &answered, 1));
	CU_ASSERT_STRING_EQUAL(said, "a result");
	CU_ASSERT_EQUAL(p.subscribed, 1);
	/* Many at once are refused, not lost. */
	for (int i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(source_call(p.source, "subscribe", json_object(), on_answer, NULL),
		                0);
	CU_ASSERT_EQUAL(source_call(p.source, "subscribe", json_object(), on_answer, NULL), -EBUSY);
	CU_ASSERT_TRUE(fake_until(&p, &answered, 17));
	/* Under way when the connection ends: answered with the reason. */
	p.silent = true;
	p.requests = 0;
	CU_ASSERT_EQUAL(source_call(p.source, "subscribe", NULL, on_answer, NULL), 0);
	CU_ASSERT_TRUE(fake_until(&p, &p.requests, 1));
	fake_hang_up(&p);
	CU_ASSERT_TRUE(fake_until(&p, &answered, 18));
	CU_ASSERT_STRING_EQUAL(said, "it closed the connection");
	CU_ASSERT_EQUAL(source_call(p.source, "subscribe", json_object(), on_answer, NULL),
	                -ENOTCONN);
	fake_end(&p);
}

UNIT_MAIN(UNIT(test_asked_again_and_again), UNIT(test_program_that_goes_and_comes),
          UNIT(test_refusals_are_counted), UNIT(test_pages), UNIT(test_events), UNIT(test_calls))
