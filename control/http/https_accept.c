/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "common/clock.h"

#define BACKLOG        1024
#define ACCEPTS_A_TURN 64
#define SOCKET_BYTES   (64 << 10) /* either way: what a client may leave in the kernel */

static void address_text(const struct sockaddr_storage *a, char *out, size_t size)
{
	const void *bytes = a->ss_family == AF_INET
	                            ? (const void *)&((const struct sockaddr_in *)a)->sin_addr
	                            : (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr;

	if (inet_ntop(a->ss_family, bytes, out, (socklen_t)size) == NULL)
		snprintf(out, size, "?");
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
	                                     : ((const struct sockaddr_in6 *)a)->sin6_port);
}

static int fail(const struct sockaddr_storage *a, struct err *err)
{
	int code = errno;
	char text[INET6_ADDRSTRLEN];

	address_text(a, text, sizeof(text));
	return err_set(err, code, "listen %s port %u: %s", text, port_of(a), strerror(code));
}

/* Connections inherit these from the socket that they come to. */
static void set_options(int fd, bool ipv6)
{
	const int on = 1, bytes = SOCKET_BYTES;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

int https_listen(struct https *h, unsigned int i, struct err *err)
{
	const struct sockaddr_storage *a = &h->config.listen[i];
	bool ipv6 = a->ss_family == AF_INET6;
	socklen_t len = ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &h->listen[i]};
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound);

	h->listen[i] = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listen[i] < 0)
		return fail(a, err);
	set_options(h->listen[i], ipv6);
	if (bind(h->listen[i], (const struct sockaddr *)a, len) != 0 ||
	    listen(h->listen[i], BACKLOG) != 0 ||
	    getsockname(h->listen[i], (struct sockaddr *)&bound, &bound_len) != 0 ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->listen[i], &event) != 0)
		return fail(a, err);
	h->port[i] = port_of(&bound);
	return 0;
}

/*
 * Who gives way to a new connection: the oldest of those that showed no good certificate, else of
 * those that have shown none yet, else the one that idles longest. Silent ones, however many, so
 * turn out each other.
 */
static struct connection *oldest(struct https *h)
{
	static const enum phase order[] = {CONNECTION_STRANGER, CONNECTION_HANDSHAKE,
	                                   CONNECTION_IDLE};
	struct connection *c = NULL;

	for (size_t i = 0; c == NULL && i < sizeof(order) / sizeof(order[0]); i++)
		c = TAILQ_FIRST(&h->phase[order[i]]);
	return c;
}

static bool make_place(struct https *h)
{
	struct connection *c;

	if (atomic_load_explicit(&h->connections, memory_order_relaxed) < h->config.connections)
		return true;
	c = oldest(h);
	https_count(h, c != NULL ? HTTPS_EVICTED : HTTPS_FULL);
	if (c != NULL)
		https_close(c);
	return c != NULL;
}

static void on_record(int written, int version, int type, const void *data, size_t n, SSL *ssl,
                      void *connection)
{
	struct connection *c = connection;

	if (written)
		return;
	c->records += type == SSL3_RT_HEADER;
	c->updates += type == SSL3_RT_HANDSHAKE && n > 0 &&
	              *(const unsigned char *)data == SSL3_MT_KEY_UPDATE;
}

static const struct tls_psk *keys_of(void *https)
{
	return ((struct https *)https)->tls->psk;
}

/* False: no memory. */
static bool set_up_tls(struct connection *c)
{
	const struct tls_context *tls = c->h->tls;

	if (c->clients == HTTPS_PLAIN)
		return true;
	c->psk = (struct tls_psk_peer){.keys = keys_of, .ctx = c->h};
	c->ssl = SSL_new(c->clients == HTTPS_PSK ? tls->psk_ssl : tls->ssl);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		return false;
	if (c->clients == HTTPS_ANYBODY)
		SSL_set_verify(c->ssl, SSL_VERIFY_NONE, NULL);
	SSL_set_accept_state(c->ssl);
	SSL_set_app_data(c->ssl, &c->psk);
	SSL_set_msg_callback(c->ssl, on_record);
	SSL_set_msg_callback_arg(c->ssl, c);
	return true;
}

static struct connection *connection_new(struct https *h, int fd, enum https_clients clients,
                                         const struct sockaddr_storage *from)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->h = h;
	c->fd = fd;
	c->clients = clients;
	event.data.ptr = c;
	if (!set_up_tls(c) || epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		ERR_clear_error();
		SSL_free(c->ssl);
		free(c);
		return NULL;
	}
	https_address_of(from, &c->address);
	address_text(from, c->text, sizeof(c->text));
	return c;
}

static void admit(struct https *h, int fd, enum https_clients clients,
                  const struct sockaddr_storage *from)
{
	struct https_address address;
	struct connection *c;

	https_address_of(from, &address);
	if (!https_address_take(h->addresses, &address, h->config.connections_per_address)) {
		https_count(h, HTTPS_ADDRESS);
		close(fd);
		return;
	}
	c = make_place(h) ? connection_new(h, fd, clients, from) : NULL;
	if (c == NULL) {
		https_address_release(h->addresses, &address);
		close(fd);
		return;
	}
	https_count(h, HTTPS_ACCEPTED);
	atomic_fetch_add_explicit(&h->connections, 1, memory_order_relaxed);
	TAILQ_INSERT_TAIL(&h->phase[CONNECTION_DEAD], c, link);
	c->phase = CONNECTION_DEAD;
	https_enter(c, clients == HTTPS_PLAIN ? CONNECTION_IDLE : CONNECTION_HANDSHAKE);
}

/* The socket stays readable: without a file to spare this would be called for ever. */
static void out_of_files(struct https *h)
{
	struct connection *c = oldest(h);

	https_count(h, c != NULL ? HTTPS_EVICTED : HTTPS_FULL);
	if (c != NULL)
		https_close(c);
	else
		nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
}

void https_accept(struct https *h, unsigned int which)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		int fd = accept4(h->listen[which], (struct sockaddr *)&from, &len,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(h, fd, h->config.clients[which], &from);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			if (errno != EAGAIN)
				out_of_files(h);
			return;
		}
	}
}
