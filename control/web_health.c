/* SPDX-License-Identifier: BSD-3-Clause */

/* /healthz and the method web_status: does what is asked answer? */

#include "common/clock.h"
#include "control/method.h"
#include "control/web/feed.h"
#include "control/web/route.h"
#include "control/web_http.h"

static json_t *program_json(enum web_program program)
{
	struct source_state s;
	json_t *o;

	source_state_read(web_source(program), &s);
	o = json_pack("{s:b, s:s}", "answers", s.up, "why", s.why);
	if (s.up)
		json_object_set_new(o, "age_s",
		                    json_real((double)(clock_mono_ns() - s.polled_ns) / NS_PER_S));
	return o;
}

/* *GOOD: all that is asked answers. */
static json_t *programs_json(bool *good)
{
	json_t *o = json_object();

	*good = true;
	for (unsigned int p = 0; p < WEB_PROGRAMS; p++) {
		struct source_state s;

		if (web_source(p) == NULL)
			continue;
		source_state_read(web_source(p), &s);
		*good &= s.up;
		json_object_set_new(o, web_program_name(p), program_json(p));
	}
	return o;
}

static void healthz(const struct web_request *r, struct web_reply *out)
{
	bool good;
	json_t *programs = programs_json(&good);

	web_reply_json(
	        out, good ? 200 : 503,
	        json_pack("{s:s, s:o}", "status", good ? "ok" : "degraded", "programs", programs));
}

static json_t *http_json(void)
{
	json_t *o;
	struct https_stats s;

	web_http_stats(&s);
	o = json_pack("{s:i, s:i}", "connections", (int)s.connections, "waiting", (int)s.waiting);
	for (int i = 0; i < HTTPS_COUNTS; i++)
		if (https_count_name((enum https_count)i) != NULL)
			json_object_set_new(o, https_count_name((enum https_count)i),
			                    json_integer((json_int_t)s.count[i]));
	return o;
}

static int web_status(const void *params, json_t **result, struct err *err)
{
	bool good;
	json_t *programs = programs_json(&good);

	*result = json_pack("{s:s, s:s, s:o, s:o}", "version", LUMENGATE_VERSION, "status",
	                    good ? "ok" : "degraded", "programs", programs, "http", http_json());
	return 0;
}

WEB_ROUTE_DEFINE(healthz, .path = "/healthz", .get = healthz)

METHOD_DEFINE(web_status,
              .summary = "The service of figures: does what it asks answer, who asks it",
              .fn = web_status)
