/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/route.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void get_a(const struct web_request *r, struct web_reply *out)
{
	web_reply_json(out, 200, json_pack("{s:s, s:s}", "path", r->path, "query", r->query));
}

static void post_b(const struct web_request *r, struct web_reply *out)
{
	web_reply_error(out, 400, "body: %s", r->body);
}

static void no_memory(const struct web_request *r, struct web_reply *out)
{
}

WEB_ROUTE_DEFINE(a, .path = "/a", .get = get_a)
WEB_ROUTE_DEFINE(b, .path = "/b", .post = post_b)
WEB_ROUTE_DEFINE(c, .path = "/c", .get = get_a, .post = no_memory)

static void check(const char *method, const char *path, int status, const char *allow,
                  const char *body)
{
	const struct web_request r = {.method = method, .path = path, .query = "x=1", .body = "B"};
	struct web_reply reply;
	const char *allowed;

	web_route_serve(&r, &reply, &allowed);
	CU_ASSERT_EQUAL(reply.status, status);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply.body);
	CU_ASSERT_EQUAL(reply.len, strlen(reply.body));
	CU_ASSERT_STRING_EQUAL(reply.body, body);
	CU_ASSERT_STRING_EQUAL(allowed != NULL ? allowed : "", allow != NULL ? allow : "");
	free(reply.body);
}

static void test_routes(void)
{
	check("GET", "/a", 200, NULL, "{\"path\":\"/a\",\"query\":\"x=1\"}");
	check("HEAD", "/a", 200, NULL, "{\"path\":\"/a\",\"query\":\"x=1\"}");
	check("POST", "/b", 400, NULL, "{\"message\":\"body: B\"}");
	check("GET", "/", 404, NULL,
	      "{\"message\":\"there is no such path; there are: /a, /b, /c\"}");
	check("GET", "/a/", 404, NULL,
	      "{\"message\":\"there is no such path; there are: /a, /b, /c\"}");
	check("POST", "/a", 405, "GET, HEAD", "{\"message\":\"the method is none of: GET, HEAD\"}");
	check("GET", "/b", 405, "POST", "{\"message\":\"the method is none of: POST\"}");
	check("DELETE", "/c", 405, "GET, HEAD, POST",
	      "{\"message\":\"the method is none of: GET, HEAD, POST\"}");
	check("POST", "/c", 500, NULL, "{\"message\":\"out of memory\"}");
}

static void query(const char *text, const char *name, const char *value)
{
	char out[8] = "?";
	bool there = web_query_get(text, name, out, sizeof(out));

	CU_ASSERT_EQUAL(there, value != NULL);
	CU_ASSERT_STRING_EQUAL(there ? out : "", value != NULL ? value : "");
}

static void test_queries(void)
{
	query("a=1&b=2", "a", "1");
	query("a=1&b=2", "b", "2");
	query("a=1&b=2", "c", NULL);
	query("", "a", NULL);
	query("&&a=1", "a", "1");
	query("aa=1", "a", NULL);
	query("a=", "a", "");
	query("a", "a", NULL);
	query("a=%41%2fb+c", "a", "A/b c");
	query("a=%4", "a", NULL);
	query("a=%", "a", NULL);
	query("a=%zz", "a", NULL);
	query("a=x%00y", "a", NULL);
	query("a=%C3%A9", "a", "\xc3\xa9");
	query("a=%C0%AE", "a", NULL);
	query("a=\xff", "a", NULL);
	/* There, though of no value that can be used. */
	CU_ASSERT_TRUE(web_query_has("b=1&a=%zz", "a"));
	CU_ASSERT_TRUE(web_query_has("a", "a"));
	CU_ASSERT_FALSE(web_query_has("aa=1&b=a", "a"));
	query("a=1234567", "a", "1234567");
	query("a=12345678", "a", NULL);
	query("a=%41&b=%4", "a", "A");
}

UNIT_MAIN(UNIT(test_routes), UNIT(test_queries))
