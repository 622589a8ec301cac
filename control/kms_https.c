/* SPDX-License-Identifier: BSD-3-Clause */

/* The HTTPS front as a module: from the configuration, its requests to the service, its reload. */

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/kms/body.h"
#include "control/kms_handover.h"
#include "control/kms_methods.h"
#include "control/kms_program.h"
#include "control/method.h"
#include "control/module.h"
#include "control/notify.h"

LOG_COMPONENT_DEFINE(kms_https)

#define STOP_NS          (3 * NS_PER_S) /* for requests under way */
#define WATCH_S          60
#define TRIM_CONNECTIONS 256
#define RENEW_S          (14 * 86400) /* our own certificate ends so soon */
#define CERTIFICATE      "kms-certificate"

static struct event *hangup, *watch;

static void reply(void *ctx, const struct kms_reply *r)
{
	const struct https_answer a = {
	        .status = r->status,
	        .retry_after_s = r->retry_after_s,
	        .allow = r->allow,
	        .body = r->body,
	        .len = r->len,
	        .secret = r->secret,
	};

	https_answer(ctx, &a);
}

static void serve(const struct https_request *r)
{
	const struct kms_request request = {
	        .identity = r->peer->identity,
	        .method = r->method,
	        .target = r->target,
	        .content_type = r->content_type,
	        .body = r->body,
	        .body_len = r->body_len,
	};

	kms_service_request(kms_program()->service, &request, clock_mono_ns(), reply, r->x);
}

/* What SKIP has: a path that is more than its begin is refused by the service. */
static bool is_skip(const char *target)
{
	static const char *const paths[] = {"/capabilities", "/key", "/entropy"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strncmp(target, paths[i], strlen(paths[i])) == 0)
			return true;
	return false;
}

/* Who has a pre-shared key is an encryptor, and has no business with the other calls. */
static void refuse_other(struct https_exchange *x)
{
	struct https_answer a = {.status = 404};
	struct http_fault f;

	http_fault_set(&f, 404, "only SKIP is served with a pre-shared key");
	a.body = http_fault_body(&f);
	a.len = a.body != NULL ? strlen(a.body) : 0;
	https_answer(x, &a);
}

static void handle(void *ctx, const struct https_request *r)
{
	if (r->peer->psk && !is_skip(r->target)) {
		refuse_other(r->x);
		return;
	}
	serve(r);
}

/* What thousands of connections took is given back when most of them have gone. */
static void give_back(void)
{
	static uint32_t most;
	struct https_stats s;

	https_stats_read(kms_program()->https, &s);
	if (s.connections > most)
		most = s.connections;
	if (most < TRIM_CONNECTIONS || s.connections > most / 2)
		return;
	malloc_trim(0);
	most = s.connections;
}

/* When our certificate ends SAEs turn away: told before. */
static void watch_certificate(void)
{
	int64_t left =
	        https_certificate_end(kms_program()->https) - (int64_t)(clock_wall_ns() / NS_PER_S);
	char text[96];

	if (left > RENEW_S) {
		alarm_clear(CERTIFICATE, "kms", "the KME's certificate is good for a while");
		return;
	}
	snprintf(text, sizeof(text),
	         left > 0 ? "the KME's certificate ends in %lld hours"
	                  : "the KME's certificate has ended %lld hours ago",
	         (long long)(left < 0 ? -left : left) / 3600);
	alarm_raise(CERTIFICATE, "kms", left > 0 ? ALARM_MINOR : ALARM_CRITICAL, text);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	watch_certificate();
	give_back();
}

static int reload(void *ctx, struct err *err)
{
	char status[192];
	int rc;

	notify_reloading();
	rc = https_reload(kms_program()->https, err);
	if (rc != 0) {
		snprintf(status, sizeof(status), "serves with what was loaded before: %s",
		         err->text);
		notify_ready(status);
		log_err("reload: %s; what was loaded before stays", err->text);
		alarm_raise("kms-reload", "kms", ALARM_MAJOR, err->text);
		return rc;
	}
	notify_ready("serves");
	log_info("certificate, authorities and revocation lists are loaded anew");
	alarm_clear("kms-reload", "kms", "loaded");
	watch_certificate();
	return 0;
}

static void on_hangup(evutil_socket_t signal_number, short what, void *arg)
{
	struct err err = {0};

	reload(NULL, &err);
}

static struct https_config config_of(const struct config_kms *c)
{
	static const enum tls_identity identities[] = {
	        [CONFIG_KMS_SUBJECT_CN] = TLS_SUBJECT_CN,
	        [CONFIG_KMS_SAN_URI] = TLS_SAN_URI,
	        [CONFIG_KMS_SERIAL] = TLS_SERIAL,
	};
	struct https_config out = {
	        .listen_count = c->listen_count,
	        .files = {.certificate = c->certificate,
	                  .key = c->private_key,
	                  .ca = c->ca,
	                  .crl = c->crl,
	                  .identity = identities[c->identity],
	                  .psk = c->psk_file},
	        .connections = c->http.connections,
	        .connections_per_address = c->http.connections_per_address,
	        .body_bytes = KMS_BODY_BYTES,
	        .body_memory = (size_t)c->http.body_memory_mb << 20,
	        .handshake_ns = c->http.handshake_s * NS_PER_S,
	        .header_ns = c->http.header_s * NS_PER_S,
	        .body_ns = c->http.body_s * NS_PER_S,
	        .answer_ns = c->http.answer_s * NS_PER_S,
	        .idle_ns = c->http.idle_s * NS_PER_S,
	};

	for (unsigned int i = 0; i < c->listen_count; i++)
		config_addr_sockaddr(&c->listen[i].address, c->listen[i].port, &out.listen[i]);
	for (unsigned int i = 0; i < c->skip_listen_count; i++) {
		out.clients[out.listen_count] = HTTPS_PSK;
		config_addr_sockaddr(&c->skip_listen[i].address, c->skip_listen[i].port,
		                     &out.listen[out.listen_count++]);
	}
	return out;
}

static json_t *counters(void)
{
	struct https_stats s;
	json_t *out;
	char end[32];

	https_stats_read(kms_program()->https, &s);
	clock_format((uint64_t)https_certificate_end(kms_program()->https) * NS_PER_S, end);
	out = json_pack("{s:i, s:i, s:I, s:s}", "connections", (int)s.connections, "waiting",
	                (int)s.waiting, "body_memory", (json_int_t)s.body_memory, "certificate_end",
	                end);
	for (int i = 0; i < HTTPS_COUNTS; i++)
		if (https_count_name(i) != NULL)
			json_object_set_new(out, https_count_name(i),
			                    json_integer((json_int_t)s.count[i]));
	return out;
}

static int kms_https(const void *params, json_t **result, struct err *err)
{
	*result = counters();
	return 0;
}

static void status(void *ctx, json_t *out)
{
	json_object_set_new(out, "https", counters());
	json_object_set_new(out, "gateway", kms_handover_json());
}

static void attach(const struct config_kms *c, const struct kms_program *p)
{
	kms_methods_attach(&(struct kms_methods){
	        .name = c->name,
	        .peer = c->peer_name,
	        .service = p->service,
	        .registry = p->registry,
	        .store = p->store,
	        .reload = reload,
	        .status = status,
	});
}

static int start(struct app *app, struct err *err)
{
	const struct https_config config = config_of(app->kms);
	const struct timeval often = {WATCH_S, 0};
	int rc = https_create(&config, handle, NULL, &kms_program()->https, err);

	if (rc != 0)
		return rc;
	hangup = evsignal_new(app->base, SIGHUP, on_hangup, NULL);
	watch = event_new(app->base, -1, EV_PERSIST, on_watch, NULL);
	evsignal_add(hangup, NULL);
	evtimer_add(watch, &often);
	watch_certificate();
	attach(app->kms, kms_program());
	return 0;
}

static void stop(struct app *app)
{
	struct kms_program *p = kms_program();
	uint64_t end = clock_mono_ns() + STOP_NS;
	struct https_stats s;

	kms_methods_attach(NULL);
	event_free(watch);
	event_free(hangup);
	https_stop(p->https, STOP_NS);
	/* The service's deadlines are this thread's: who waits for key must hear that none came. */
	do {
		kms_service_tick(p->service, clock_mono_ns());
		usleep(10000);
		https_stats_read(p->https, &s);
	} while (s.waiting > 0 && clock_mono_ns() < end);
	https_destroy(p->https);
	p->https = NULL;
}

METHOD_DEFINE(kms_https, .summary = "Connections of SAEs, and what was refused", .fn = kms_https)

MODULE_DEFINE(kms_https, .depends_on = {"kms_committer"}, .start = start, .stop = stop)
