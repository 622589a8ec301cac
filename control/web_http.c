/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The HTTP front as a module. Its thread has the clients; what they ask for is served in the thread
 * of the loop, where all that is known is: requests go there by a list and a bell, and are answered
 * from there.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/http/https.h"
#include "control/method.h"
#include "control/module.h"
#include "control/notify.h"
#include "control/web/route.h"
#include "control/web_http.h"

LOG_COMPONENT_DEFINE(web_http)

#define STOP_NS     NS_PER_S   /* for answers under way */
#define BODY_BYTES  (64 << 10) /* of a request */
#define BODY_MEMORY (1 << 20)  /* of all of them */
#define WATCH_S     60
#define RENEW_S     (14 * 86400) /* the certificate ends so soon */
#define CERTIFICATE "web-certificate"

/* A request on its way to the loop; texts follow it. */
struct errand {
	STAILQ_ENTRY(errand) next;
	struct https_exchange *x;
	const char *method, *target, *accept, *identity, *address, *body;
	size_t body_len;
};

static struct https *front;
static bool with_tls;
static struct event *bell_event, *hangup, *watch;
static int bell = -1;

/* under the lock: what the front's thread put there */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static STAILQ_HEAD(, errand) errands = STAILQ_HEAD_INITIALIZER(errands);

static char *append(char **at, const char *text, size_t n)
{
	char *begin = *at;

	memcpy(begin, text, n);
	begin[n] = '\0';
	*at += n + 1;
	return begin;
}

static struct errand *errand_new(const struct https_request *r)
{
	const char *accept = r->accept != NULL ? r->accept : "";
	size_t bytes = strlen(r->method) + strlen(r->target) + strlen(accept) +
	               strlen(r->peer->identity) + strlen(r->peer->address) + r->body_len + 6;
	struct errand *e = malloc(sizeof(*e) + bytes);
	char *at = (char *)(e + 1);

	if (e == NULL)
		return NULL;
	e->x = r->x;
	e->method = append(&at, r->method, strlen(r->method));
	e->target = append(&at, r->target, strlen(r->target));
	e->accept = append(&at, accept, strlen(accept));
	e->identity = append(&at, r->peer->identity, strlen(r->peer->identity));
	e->address = append(&at, r->peer->address, strlen(r->peer->address));
	e->body = append(&at, r->body, r->body_len);
	e->body_len = r->body_len;
	return e;
}

/* In the front's thread. */
static void handle(void *ctx, const struct https_request *r)
{
	struct errand *e = errand_new(r);

	if (e == NULL) {
		https_answer(r->x, &(struct https_answer){.status = 503});
		return;
	}
	pthread_mutex_lock(&lock);
	STAILQ_INSERT_TAIL(&errands, e, next);
	pthread_mutex_unlock(&lock);
	eventfd_write(bell, 1);
}

static void serve(const struct errand *e)
{
	size_t path_len = strcspn(e->target, "?");
	char path[256];
	struct web_request request = {
	        .method = e->method,
	        .path = path,
	        .query = e->target[path_len] == '?' ? e->target + path_len + 1 : "",
	        .accept = e->accept[0] != '\0' ? e->accept : NULL,
	        .body = e->body,
	        .body_len = e->body_len,
	        .identity = e->identity,
	        .address = e->address,
	};
	struct https_answer answer;
	struct web_reply reply;
	const char *allow;

	snprintf(path, sizeof(path), "%.*s", (int)path_len, e->target);
	web_route_serve(&request, &reply, &allow);
	answer = (struct https_answer){
	        .status = reply.status,
	        .allow = allow,
	        .content_type = reply.content_type,
	        .body = reply.body,
	        .len = reply.len,
	};
	https_answer(e->x, &answer);
}

static struct errand *take(void)
{
	struct errand *e;

	pthread_mutex_lock(&lock);
	e = STAILQ_FIRST(&errands);
	if (e != NULL)
		STAILQ_REMOVE_HEAD(&errands, next);
	pthread_mutex_unlock(&lock);
	return e;
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct errand *e;
	eventfd_t rings;

	eventfd_read(bell, &rings);
	while ((e = take()) != NULL) {
		serve(e);
		free(e);
	}
}

static void watch_certificate(void)
{
	int64_t left = https_certificate_end(front) - (int64_t)(clock_wall_ns() / NS_PER_S);
	char text[96];

	if (left > RENEW_S) {
		alarm_clear(CERTIFICATE, "web", "the certificate is good for a while");
		return;
	}
	snprintf(text, sizeof(text),
	         left > 0 ? "the certificate ends in %lld hours"
	                  : "the certificate has ended %lld hours ago",
	         (long long)(left < 0 ? -left : left) / 3600);
	alarm_raise(CERTIFICATE, "web", left > 0 ? ALARM_MINOR : ALARM_MAJOR, text);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	watch_certificate();
}

static int reload(struct err *err)
{
	int rc;

	notify_reloading();
	rc = https_reload(front, err);
	if (rc != 0) {
		notify_ready("serves with what was loaded before");
		log_err("reload: %s; what was loaded before stays", err->text);
		alarm_raise("web-reload", "web", ALARM_MAJOR, err->text);
		return rc;
	}
	notify_ready("serves");
	log_info("certificate, authorities and revocation lists are loaded anew");
	alarm_clear("web-reload", "web", "loaded");
	watch_certificate();
	return 0;
}

static void on_hangup(evutil_socket_t signal_number, short what, void *arg)
{
	struct err err = {0};

	reload(&err);
}

static int web_reload(const void *params, json_t **result, struct err *err)
{
	if (front == NULL || !with_tls)
		return err_set(err, ENOTSUP, "there is nothing to reload: no listen has tls");
	return reload(err);
}

static struct https_config config_of(const struct config_web *c)
{
	struct https_config out = {
	        .listen_count = c->listen_count,
	        .connections = c->http.connections,
	        .connections_per_address = c->http.connections_per_address,
	        .body_bytes = BODY_BYTES,
	        .body_memory = BODY_MEMORY,
	        .handshake_ns = c->http.header_s * NS_PER_S,
	        .header_ns = c->http.header_s * NS_PER_S,
	        .body_ns = c->http.header_s * NS_PER_S,
	        .answer_ns = c->http.answer_s * NS_PER_S,
	        .idle_ns = c->http.idle_s * NS_PER_S,
	};

	for (unsigned int i = 0; i < c->listen_count; i++) {
		config_addr_sockaddr(&c->listen[i].address, c->listen[i].port, &out.listen[i]);
		out.clients[i] = !c->listen[i].tls         ? HTTPS_PLAIN
		                 : c->client_ca[0] == '\0' ? HTTPS_ANYBODY
		                                           : HTTPS_CERTIFIED;
		with_tls |= c->listen[i].tls;
	}
	if (with_tls)
		out.files = (struct tls_files){.certificate = c->certificate,
		                               .key = c->private_key,
		                               .ca = c->client_ca,
		                               .crl = c->client_crl};
	return out;
}

void web_http_stats(struct https_stats *out)
{
	*out = (struct https_stats){0};
	if (front != NULL)
		https_stats_read(front, out);
}

static int start(struct app *app, struct err *err)
{
	const struct https_config config = config_of(app->web);
	const struct timeval often = {WATCH_S, 0};
	int rc;

	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0)
		return err_set(err, errno, "eventfd: %s", strerror(errno));
	rc = https_create(&config, handle, NULL, &front, err);
	if (rc != 0) {
		close(bell);
		return rc;
	}
	bell_event = event_new(app->base, bell, EV_READ | EV_PERSIST, on_bell, NULL);
	hangup = evsignal_new(app->base, SIGHUP, on_hangup, NULL);
	watch = event_new(app->base, -1, EV_PERSIST, on_watch, NULL);
	event_add(bell_event, NULL);
	evsignal_add(hangup, NULL);
	evtimer_add(watch, &often);
	watch_certificate();
	return 0;
}

static void stop(struct app *app)
{
	struct errand *e;

	https_stop(front, STOP_NS);
	on_bell(-1, 0, NULL);
	https_destroy(front);
	front = NULL;
	/* Those that came in between: their clients are gone. */
	while ((e = take()) != NULL) {
		https_answer(e->x, &(struct https_answer){.status = 503});
		free(e);
	}
	event_free(watch);
	event_free(hangup);
	event_free(bell_event);
	close(bell);
}

METHOD_DEFINE(web_reload, .summary = "Read certificate and revocation lists again",
              .fn = web_reload, .right = METHOD_WRITE)

MODULE_DEFINE(web_http, .depends_on = {"web_feed", "web_control"}, .start = start, .stop = stop)
