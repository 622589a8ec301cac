/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A load of ETSI GS QKD 014 requests over mutual TLS, from one thread over many connections: what
 * bench_kms.py measures lumengate-kms with. Closed loop, each connection asking again at once, or
 * open loop with a rate: requests fall due at even times, and latency counts from there, whether a
 * connection was free or not (else a server that stalls would slow the load that is to show it).
 * Prints one JSON object. Exit status 1 when a connection failed or an answer was none of HTTP.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/clock.h"
#include "tests/bench/kms_answer.h"
#include "tests/bench/kms_figures.h"
#include "tests/bench/kms_load_options.h"

#define REQUEST_MAX (64 << 10)
#define ANSWER_MAX  (128 << 10)
#define HEAD_MAX    4096

enum stage { IDLE, TO_CONNECT, HANDSHAKE, WRITE, READ };

struct connection {
	int fd;
	SSL *ssl;
	enum stage stage;
	uint32_t events; /* that epoll watches */
	uint64_t due_ns; /* of the request under way */
	char *request;
	size_t request_len;
	char *answer; /* of ANSWER_MAX */
	size_t answer_len;
};

static struct kms_load_options opt;

static struct load {
	SSL_CTX *ctx;
	int epoll;
	struct connection *c;
	uint64_t begin_ns, end_ns;
	uint64_t given;
	struct kms_figures figures;
	bool list_ended;
	struct connection **idle; /* stack */
	unsigned int idle_count, established;
} load;

static void die(const char *what)
{
	fprintf(stderr, "kms_load: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static bool over(uint64_t now)
{
	return load.list_ended || (opt.requests > 0 && load.given >= opt.requests) ||
	       (opt.seconds > 0 && load.begin_ns > 0 && now >= load.end_ns);
}

/* The next request into C; false when there is none. */
static bool next_request(struct connection *c)
{
	static char line[REQUEST_MAX];
	const char *method = "GET", *target = opt.get, *body = NULL;

	if (opt.list != NULL) {
		char *save = NULL;

		if (fgets(line, sizeof(line), opt.list) == NULL) {
			load.list_ended = true;
			return false;
		}
		line[strcspn(line, "\n")] = '\0';
		method = strtok_r(line, " ", &save);
		target = strtok_r(NULL, " ", &save);
		body = save != NULL && *save != '\0' ? save : NULL;
		if (method == NULL || target == NULL)
			die("a line of the list is not METHOD TARGET [BODY]");
	}
	if (body != NULL)
		c->request_len =
		        (size_t)snprintf(c->request, REQUEST_MAX + HEAD_MAX,
		                         "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		                         "application/json\r\nContent-Length: %zu\r\n\r\n%s",
		                         method, target, strlen(body), body);
	else
		c->request_len = (size_t)snprintf(c->request, REQUEST_MAX + HEAD_MAX,
		                                  "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		                                  method, target);
	load.given++;
	return true;
}

static void watch(struct connection *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (c->events == events)
		return;
	if (epoll_ctl(load.epoll, c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &e) != 0)
		die("epoll");
	c->events = events;
}

static void close_connection(struct connection *c)
{
	if (c->ssl != NULL) {
		if (SSL_is_init_finished(c->ssl))
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		close(c->fd);
	}
	c->ssl = NULL;
	c->events = 0;
}

static void open_connection(struct connection *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)opt.port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("no socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
		die("no connection");
	c->ssl = SSL_new(load.ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		die("no TLS");
	SSL_set_connect_state(c->ssl);
	c->stage = HANDSHAKE;
	c->events = 0;
	watch(c, EPOLLIN | EPOLLOUT);
}

static void give_request(struct connection *c, uint64_t due_ns)
{
	if (!next_request(c))
		return;
	c->due_ns = due_ns;
	c->answer_len = 0;
	if (c->ssl == NULL)
		open_connection(c);
	else
		c->stage = WRITE;
}

static void go_idle(struct connection *c)
{
	c->stage = IDLE;
	load.idle[load.idle_count++] = c;
	if (c->ssl != NULL)
		watch(c, EPOLLIN);
}

/* A request came to its end, or its connection did. */
static void finish(struct connection *c, uint64_t now)
{
	if (opt.new_each)
		close_connection(c);
	if (opt.rate > 0 || over(now))
		go_idle(c);
	else
		give_request(c, now);
	if (c->stage == READ)
		go_idle(c); /* the list has ended */
}

static void fail(struct connection *c, uint64_t now)
{
	load.figures.errors++;
	if (load.begin_ns == 0)
		die("no connection");
	if (load.figures.errors > 1000)
		die("a thousand failures");
	close_connection(c);
	c->stage = READ;
	finish(c, now);
}

static void take_answer(struct connection *c, uint64_t now)
{
	int status = 0;
	size_t n = kms_answer_length(c->answer, c->answer_len, &status);

	if (n == 0 || c->answer_len < n)
		return;
	load.figures.answered++;
	load.figures.status[status > 0 && status < 600 ? status : 0]++;
	kms_figures_latency(&load.figures, now - c->due_ns);
	if (status == 200)
		load.figures.keys += kms_answer_keys(c->answer, n, opt.keys, opt.ids);
	finish(c, now);
}

/* As far as the socket goes; false when it has to be waited for. */
static bool step(struct connection *c, uint64_t now)
{
	int n;

	switch (c->stage) {
	case HANDSHAKE:
		n = SSL_do_handshake(c->ssl);
		if (n == 1) {
			load.figures.handshakes++;
			if (c->request_len == 0) { /* before the clock runs */
				load.established++;
				go_idle(c);
				return false;
			}
			c->stage = WRITE;
			return true;
		}
		break;
	case WRITE:
		n = SSL_write(c->ssl, c->request, (int)c->request_len);
		if (n > 0) {
			c->stage = READ;
			return true;
		}
		break;
	case READ:
		if (c->answer_len == ANSWER_MAX - 1) {
			fail(c, now);
			return false;
		}
		n = SSL_read(c->ssl, c->answer + c->answer_len,
		             (int)(ANSWER_MAX - 1 - c->answer_len));
		if (n > 0) {
			c->answer_len += (size_t)n;
			c->answer[c->answer_len] = '\0';
			take_answer(c, clock_mono_ns());
			return c->stage != IDLE;
		}
		break;
	default: { /* a session ticket, or the end */
		char byte;

		n = SSL_read(c->ssl, &byte, 1);
		if (n > 0)
			die("an answer that nobody asked for");
		break;
	}
	}
	n = SSL_get_error(c->ssl, n);
	if (n == SSL_ERROR_WANT_READ)
		watch(c, EPOLLIN);
	else if (n == SSL_ERROR_WANT_WRITE)
		watch(c, EPOLLIN | EPOLLOUT);
	else if (c->stage == IDLE)
		close_connection(c); /* it is opened again for the next request */
	else
		fail(c, now);
	ERR_clear_error();
	return false;
}

static void turn(int64_t wait_ns)
{
	struct epoll_event e[256];
	struct timespec t = {wait_ns / 1000000000, wait_ns % 1000000000};
	int n = epoll_pwait2(load.epoll, e, 256, wait_ns < 0 ? NULL : &t, NULL);

	for (int i = 0; i < n; i++) {
		struct connection *c = e[i].data.ptr;

		while (c->ssl != NULL && step(c, clock_mono_ns()))
			;
	}
}

static void run(void)
{
	uint64_t now, scheduled = 0;

	if (!opt.new_each) {
		for (unsigned int i = 0; i < opt.connections; i++)
			open_connection(&load.c[i]);
		while (load.established < opt.connections)
			turn(-1);
	} else {
		for (unsigned int i = 0; i < opt.connections; i++)
			go_idle(&load.c[i]);
	}
	load.begin_ns = clock_mono_ns();
	load.end_ns = load.begin_ns + (uint64_t)(opt.seconds * 1e9);
	for (;;) {
		int64_t wait = 100 * 1000 * 1000;

		now = clock_mono_ns();
		while (load.idle_count > 0 && !over(now)) {
			uint64_t due = now;

			if (opt.rate > 0) {
				due = load.begin_ns +
				      (uint64_t)((double)scheduled * 1e9 / opt.rate);
				if (due > now) {
					wait = (int64_t)(due - now);
					break;
				}
				scheduled++;
			}
			struct connection *c = load.idle[--load.idle_count];

			give_request(c, due);
			if (c->stage == IDLE) { /* the list has ended */
				load.idle[load.idle_count++] = c;
				break;
			}
			while (c->ssl != NULL && step(c, clock_mono_ns()))
				;
		}
		if (over(now) && load.idle_count == opt.connections)
			break;
		turn(wait);
	}
	load.end_ns = clock_mono_ns();
}

int main(int argc, char **argv)
{
	kms_load_options(argc, argv, &opt);
	signal(SIGPIPE, SIG_IGN);
	load.ctx = SSL_CTX_new(TLS_client_method());
	if (load.ctx == NULL || SSL_CTX_load_verify_locations(load.ctx, opt.ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(load.ctx, opt.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(load.ctx, opt.key, SSL_FILETYPE_PEM) != 1)
		die("certificates");
	SSL_CTX_set_verify(load.ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_min_proto_version(load.ctx, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(load.ctx, opt.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(load.ctx, SSL_SESS_CACHE_OFF);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.c = calloc(opt.connections, sizeof(*load.c));
	load.idle = calloc(opt.connections, sizeof(struct connection *));
	if (load.epoll < 0 || load.c == NULL || load.idle == NULL)
		die("no memory");
	for (unsigned int i = 0; i < opt.connections; i++) {
		load.c[i].request = malloc(REQUEST_MAX + HEAD_MAX);
		load.c[i].answer = malloc(ANSWER_MAX);
		if (load.c[i].request == NULL || load.c[i].answer == NULL)
			die("no memory");
	}
	run();
	kms_figures_print(&load.figures, (double)(load.end_ns - load.begin_ns) / 1e9);
	if ((opt.keys != NULL && fclose(opt.keys) != 0) ||
	    (opt.ids != NULL && fclose(opt.ids) != 0))
		die("the keys could not be written");
	return load.figures.errors > 0;
}
