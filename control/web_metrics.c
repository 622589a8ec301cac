/* SPDX-License-Identifier: BSD-3-Clause */

/* /metrics for Prometheus: what the programs said when they were asked last. */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/module.h"
#include "control/web/feed.h"
#include "control/web/figure.h"
#include "control/web/route.h"
#include "control/web_history.h"
#include "control/web_http.h"
#include "control/web_sinks.h"

/* The text of each format, made once between two polls, however many ask. */
static struct page {
	char *text;
	size_t len;
} pages[2];

static void forget(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		free(pages[i].text);
		pages[i] = (struct page){0};
	}
}

static const struct metric_family
        version = {"lumengate_web", METRIC_INFO, "", "The program that serves these figures"},
        up = {"lumengate_up", METRIC_GAUGE, "", "1 when a program answers on its control socket"},
        age = {"lumengate_poll_age_seconds", METRIC_GAUGE, "seconds",
               "How old a program's figures are"},
        duration = {"lumengate_poll_duration_seconds", METRIC_GAUGE, "seconds",
                    "What it took to ask a program for its figures"},
        polls = {"lumengate_polls", METRIC_COUNTER, "", "Questions for figures, by result"},
        losses = {"lumengate_control_losses", METRIC_COUNTER, "",
                  "Connections to a control socket that ended, or could not be made"},
        active = {"lumengate_alarm_active", METRIC_GAUGE, "", "1 for each alarm that is raised"},
        connections = {"lumengate_web_connections", METRIC_GAUGE, "", "HTTP connections"},
        requests = {"lumengate_web_requests", METRIC_COUNTER, "", "HTTP requests served"},
        sink_messages = {"lumengate_web_sink_messages", METRIC_COUNTER, "",
                         "Alarms by where they are told and what came of it"},
        sink_waiting = {"lumengate_web_sink_waiting", METRIC_GAUGE, "",
                        "Alarms that wait for a sink to take them"},
        sink_up = {"lumengate_web_sink_up", METRIC_GAUGE, "",
                   "1 unless the last attempt of a sink failed"},
        refusals = {"lumengate_web_refusals", METRIC_COUNTER, "",
                    "HTTP connections and requests refused, by reason"};

static const struct metric_family history_series = {"lumengate_history_series", METRIC_GAUGE, "",
                                                    "Series whose past is kept"},
                                  history_samples = {"lumengate_history_samples", METRIC_COUNTER,
                                                     "", "Values written to the history"},
                                  history_refused =
                                          {"lumengate_history_refused_samples", METRIC_COUNTER, "",
                                           "Values of series for which there is no place"},
                                  history_failures = {"lumengate_history_failures", METRIC_COUNTER,
                                                      "", "Writes of the history that failed"},
                                  history_size = {"lumengate_history_file_bytes", METRIC_GAUGE,
                                                  "bytes", "Size of the history's file"};

typedef void (*write_fn)(struct exposition *x, const struct metric_label *program,
                         const struct source_state *state);

static void write_up(struct exposition *x, const struct metric_label *program,
                     const struct source_state *s)
{
	exposition_uint(x, s->up, program, 1);
}

static void write_age(struct exposition *x, const struct metric_label *program,
                      const struct source_state *s)
{
	if (s->up)
		exposition_real(x, (double)(clock_mono_ns() - s->polled_ns) / NS_PER_S, program, 1);
}

static void write_duration(struct exposition *x, const struct metric_label *program,
                           const struct source_state *s)
{
	if (s->up)
		exposition_real(x, s->poll_s, program, 1);
}

static void write_polls(struct exposition *x, const struct metric_label *program,
                        const struct source_state *s)
{
	exposition_uint(x, s->polls,
	                (const struct metric_label[]){*program, {"result", "answered"}}, 2);
	exposition_uint(x, s->poll_fails,
	                (const struct metric_label[]){*program, {"result", "failed"}}, 2);
}

static void write_losses(struct exposition *x, const struct metric_label *program,
                         const struct source_state *s)
{
	exposition_uint(x, s->losses, program, 1);
}

static void write_states(struct exposition *x)
{
	static const struct {
		const struct metric_family *family;
		write_fn write;
	} of[] = {{&up, write_up},
	          {&age, write_age},
	          {&duration, write_duration},
	          {&polls, write_polls},
	          {&losses, write_losses}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		exposition_family(x, of[i].family);
		for (unsigned int p = 0; p < WEB_PROGRAMS; p++) {
			struct metric_label label = {"program", web_program_name(p)};
			struct source_state state;

			if (web_source(p) == NULL)
				continue;
			source_state_read(web_source(p), &state);
			of[i].write(x, &label, &state);
		}
	}
}

static void write_alarm(void *exposition, const struct web_alarm *a)
{
	exposition_uint(exposition, 1,
	                (const struct metric_label[]){{"program", a->source},
	                                              {"kind", a->kind},
	                                              {"resource", a->resource},
	                                              {"severity", a->severity}},
	                4);
}

static void write_alarms(struct exposition *x)
{
	const struct alarm *a;

	exposition_family(x, &active);
	for (unsigned int p = 0; p < WEB_PROGRAMS; p++)
		if (web_source(p) != NULL)
			web_alarms_each(p, write_alarm, x);
	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (a->active)
			write_alarm(x, &(struct web_alarm){
			                       .source = "web",
			                       .kind = a->kind,
			                       .resource = a->resource,
			                       .severity = alarm_severity_name(a->severity)});
}

static bool is_refusal(int i)
{
	return i != HTTPS_ACCEPTED && i != HTTPS_HANDSHAKES && i != HTTPS_REQUESTS &&
	       i != HTTPS_IDLE && https_count_name((enum https_count)i) != NULL;
}

static void write_own(struct exposition *x)
{
	struct https_stats s;

	web_http_stats(&s);
	exposition_family(x, &version);
	exposition_uint(x, 1, &(struct metric_label){"version", LUMENGATE_VERSION}, 1);
	exposition_family(x, &connections);
	exposition_uint(x, s.connections, NULL, 0);
	exposition_family(x, &requests);
	exposition_uint(x, s.count[HTTPS_REQUESTS], NULL, 0);
	exposition_family(x, &refusals);
	for (int i = 0; i < HTTPS_COUNTS; i++)
		if (is_refusal(i))
			exposition_uint(x, s.count[i],
			                &(struct metric_label){
			                        "reason", https_count_name((enum https_count)i)},
			                1);
}

static void write_messages(struct exposition *x, const struct sink_state *s)
{
	const struct {
		const char *result;
		uint64_t n;
	} of[] = {{"sent", s->outbox.sent},
	          {"refused", s->outbox.refused},
	          {"lost", s->outbox.lost},
	          {"left_out", s->left_out}};

	for (unsigned int i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		exposition_uint(x, of[i].n,
		                (const struct metric_label[]){{"type", s->type},
		                                              {"sink", s->name},
		                                              {"result", of[i].result}},
		                3);
}

static void write_sinks(struct exposition *x)
{
	const struct metric_family *const families[] = {&sink_messages, &sink_waiting, &sink_up};

	for (unsigned int f = 0; f < 3; f++) {
		exposition_family(x, families[f]);
		for (unsigned int i = 0; i < web_sinks_count(); i++) {
			struct metric_label labels[2];
			struct sink_state s;

			web_sinks_read(i, &s);
			labels[0] = (struct metric_label){"type", s.type};
			labels[1] = (struct metric_label){"sink", s.name};
			if (f == 0)
				write_messages(x, &s);
			else
				exposition_uint(x, f == 1 ? s.outbox.waiting : !s.outbox.failing,
				                labels, 2);
		}
	}
}

static void write_one(struct exposition *x, const struct metric_family *family, uint64_t value)
{
	exposition_family(x, family);
	exposition_uint(x, value, NULL, 0);
}

static void write_history(struct exposition *x)
{
	struct history_stats s;

	if (!web_history_stats(&s))
		return;
	write_one(x, &history_series, s.series);
	write_one(x, &history_samples, s.samples);
	write_one(x, &history_refused, s.refused_series);
	write_one(x, &history_failures, s.failures);
	write_one(x, &history_size, s.file_bytes);
}

static void make(struct page *page, enum exposition_format format)
{
	struct exposition x;

	exposition_begin(&x, format);
	write_own(&x);
	write_history(&x);
	write_sinks(&x);
	write_states(&x);
	write_alarms(&x);
	figures_write(&figures_gateway, web_source(WEB_GATEWAY), &x);
	figures_write(&figures_kms, web_source(WEB_KMS), &x);
	page->text = exposition_end(&x, &page->len);
}

static void metrics(const struct web_request *r, struct web_reply *out)
{
	enum exposition_format format = exposition_choose(r->accept);
	struct page *page = &pages[format];

	if (page->text == NULL)
		make(page, format);
	if (page->text == NULL)
		return;
	out->body = malloc(page->len);
	if (out->body == NULL)
		return;
	memcpy(out->body, page->text, page->len);
	out->len = page->len;
	out->content_type = exposition_content_type(format);
}

static void on_polled(enum web_program program)
{
	forget();
}

static void on_lost(enum web_program program, const char *why)
{
	forget();
}

static void on_alarm(const struct web_alarm *a)
{
	forget();
}

static int init(struct app *app, struct err *err)
{
	static const struct web_listener listener = {
	        .polled = on_polled, .lost = on_lost, .alarm = on_alarm};

	web_listen(&listener);
	return 0;
}

static void fini(struct app *app)
{
	forget();
}

WEB_ROUTE_DEFINE(metrics, .path = "/metrics", .get = metrics)

MODULE_DEFINE(web_metrics, .init = init, .fini = fini)
