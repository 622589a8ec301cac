/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the HTTPS front share: https*.c alone include this. */

#ifndef CONTROL_HTTP_HTTPS_PARTS_H
#define CONTROL_HTTP_HTTPS_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "control/http/http_chunks.h"
#include "control/http/http_head.h"
#include "control/http/https.h"
#include "control/http/https_address.h"

#define HTTPS_RECORD   16384 /* bytes of plaintext in a TLS record */
#define HTTPS_IN_BYTES (HTTP_HEAD_BYTES + 4096)

/* What a connection waits for; each but CONNECTION_SERVICE for a time of its own at most. */
enum phase {
	CONNECTION_HANDSHAKE,
	CONNECTION_STRANGER, /* a request, to be refused: its certificate is none or bad */
	CONNECTION_IDLE,     /* a request */
	CONNECTION_HEADER,   /* the rest of its head */
	CONNECTION_BODY,
	CONNECTION_SERVICE, /* the handler's answer */
	CONNECTION_WRITE,   /* the client to read it */
	CONNECTION_LINGER,  /* the client to read the last one: what it sends is thrown away */
	CONNECTION_DEAD,    /* the end of this turn */
	CONNECTION_PHASES
};

TAILQ_HEAD(connections, connection);

struct connection {
	TAILQ_ENTRY(connection) link; /* in its phase's list, by deadline */
	TAILQ_ENTRY(connection) more; /* in TURN */
	struct https *h;
	enum phase phase;
	struct connections *turn; /* h->again or h->greeting, when it is to go on there */
	bool readable;            /* as far as is known */
	bool hello;               /* of the client was taken */
	int fd;
	SSL *ssl;             /* NULL: plain */
	unsigned int records; /* of TLS that came */
	unsigned int updates; /* of its keys, since the last request */
	uint64_t deadline_ns;
	struct https_address address;
	char text[46]; /* address for logs */
	enum https_clients clients;
	struct tls_psk_peer psk;
	struct {
		uint64_t generation; /* of the trust it was verified by, 0: not yet */
		time_t until;
		char *identity;
	} peer;
	/*
	 * The request: IN_LEN bytes that were read, of HTTPS_IN_BYTES. The head is at the begin of
	 * them until the request is whole, and takes scan.at.
	 */
	char *in;
	size_t in_len;
	struct http_scan scan;
	struct http_head head;
	struct http_chunks chunks;
	char *body;
	size_t body_len, body_room;
	/* The answer: its head, and its body, of which OUT_AT bytes are written. */
	char out_head[512];
	size_t out_head_len, out_at;
	struct https_answer out;
	bool keep;  /* the connection, after the answer to this request */
	bool close; /* after what is being written */
	struct https_exchange *x;
};

struct https_exchange {
	struct https *h;
	struct connection *c; /* NULL: the client is gone */
	struct https_answer answer;
	bool answered;
	struct https_exchange *next;
};

struct https {
	/* fixed from the start */
	struct https_config config;
	https_handler handler;
	void *ctx;
	uint64_t patience_ns[CONNECTION_PHASES];
	int epoll, bell;
	int listen[HTTPS_LISTEN_MAX];
	uint16_t port[HTTPS_LISTEN_MAX];
	pthread_t thread;

	/* under the lock */
	pthread_mutex_t lock;
	struct tls_context *fresh; /* the last that was loaded */
	struct https_exchange *answered, **answered_end;
	bool stop, gone;
	uint64_t stop_ns;        /* when it is over at the latest */
	unsigned int references; /* exchanges, and https_destroy()'s own */

	/* written under the lock, read by any: how often was loaded */
	atomic_uint_fast64_t generation;

	/* the https thread's */
	struct tls_context *tls;
	uint64_t tls_generation;
	uint64_t now_ns;
	bool stopping;
	struct connections phase[CONNECTION_PHASES];
	struct connections again;    /* can go on without the network */
	struct connections greeting; /* can go on with their handshake */
	struct https_addresses *addresses;
	char *stage; /* a record's plaintext, secret memory */
	uint64_t date_s;
	char date[40];

	/* written by the https thread, read by any */
	atomic_uint_fast64_t count[HTTPS_COUNTS], body_memory;
	atomic_uint connections, waiting;
};

static inline void https_count(struct https *h, enum https_count what)
{
	atomic_fetch_add_explicit(&h->count[what], 1, memory_order_relaxed);
}

/* https_loop.c: the thread, lists and deadlines. */
/* h->tls is what was loaded last: also within a turn, which may be long. */
void https_trust_refresh(struct https *h);
void *https_run(void *https);
void https_enter(struct connection *c, enum phase phase);
/* Of all that C holds nothing is left but its memory, which goes at the end of the turn. */
void https_close(struct connection *c);
void https_again(struct connection *c);

/* https_accept.c: listening sockets and new connections. */
int https_listen(struct https *h, unsigned int i, struct err *err);
void https_accept(struct https *h, unsigned int i);

/* https_wire.c: bytes from and to the client, with TLS or without. */
enum https_wire {
	HTTPS_WIRE_DONE, /* some, *N */
	HTTPS_WIRE_WAIT,
	HTTPS_WIRE_GONE,
};
enum https_wire https_wire_read(struct connection *c, void *out, size_t size, size_t *n);
/* After HTTPS_WIRE_WAIT the same bytes again: TLS wants that. */
enum https_wire https_wire_write(struct connection *c, const void *data, size_t size, size_t *n);
/* Tell the client that no more comes. */
void https_wire_end(struct connection *c);

/* https_connection.c: what a connection does next, as far as it can. */
void https_drive(struct connection *c);
/* A request that is late, or the end of one that is idle. */
void https_expire(struct connection *c);

/* https_request.c: requests out of what was read. */
/* Is the client one of ours? Verified once, and again when what that rests on changed or ended. */
bool https_peer_check(struct connection *c, struct tls_verdict *v);
enum https_step {
	HTTPS_NEED, /* more from the client */
	HTTPS_STEP, /* the phase is another */
};
enum https_step https_request_step(struct connection *c);
/* The request with this BODY is for the handler; it took USED bytes of what was read. */
void https_request_whole(struct connection *c, const char *body, size_t len, size_t used);
void https_consume(struct connection *c, size_t n);

/* https_body.c */
enum https_step https_body_step(struct connection *c);
void https_body_release(struct connection *c);

/* https_write.c: answers. */
void https_write_begin(struct connection *c, const struct https_answer *answer, bool keep);
/* An Error object of our own; the connection ends with it. */
void https_refuse(struct connection *c, const struct http_fault *f, enum https_count what);
/* 1: all is written; 0: the client must read first; -1: it is gone. */
int https_write_more(struct connection *c);
void https_out_release(struct https_answer *out);
void https_exchange_drop(struct https_exchange *x);
void https_release(struct https *h);

#endif
