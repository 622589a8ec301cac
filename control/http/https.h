/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The HTTPS front: from the network to a request of a known peer, and back. HTTP/1.1 and 1.0 over
 * TLS 1.2 and 1.3, in a thread of its own on epoll. Each address that it listens at has a rule of
 * who may ask there. It knows no path: whatever such a client asks goes to the handler.
 *
 *     static void handle(void *ctx, const struct https_request *r)
 *     {
 *             https_answer(r->x, &(struct https_answer){.status = 200, .body = text, .len = n});
 *     }
 *
 * What fails before that is answered here, by an Error object (ETSI GS QKD 014 section 6.5) with
 * the status that says why, or where HTTP is not reached by a TLS alert: a certificate that does
 * not verify (401), a request that is malformed, too large or too slow, too many connections. Each
 * has a counter.
 */

#ifndef CONTROL_HTTP_HTTPS_H
#define CONTROL_HTTP_HTTPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"
#include "control/http/tls_context.h"

#define HTTPS_LISTEN_MAX 12

/* Who is a client at an address. */
enum https_clients {
	HTTPS_CERTIFIED, /* mutual TLS: who has a certificate of our authorities */
	HTTPS_PSK,       /* TLS: who has a pre-shared key */
	HTTPS_ANYBODY,   /* TLS: whoever connects; its identity is "" */
	HTTPS_PLAIN,     /* without TLS: likewise */
};

struct https_config {
	struct sockaddr_storage listen[HTTPS_LISTEN_MAX]; /* IPv4 or IPv6, with a port; 0: any */
	enum https_clients clients[HTTPS_LISTEN_MAX];
	unsigned int listen_count;
	struct tls_files files;           /* their names are the caller's while it runs; with
	                                     HTTPS_PLAIN alone, none */
	uint32_t connections;             /* the most at once */
	uint32_t connections_per_address; /* of one IPv4 address, or IPv6 /64 */
	size_t body_bytes;                /* the longest body: KMS_BODY_BYTES */
	size_t body_memory;               /* of all bodies that are not yet whole, together */
	uint64_t handshake_ns, header_ns, body_ns, answer_ns, idle_ns;
};

struct https;
struct https_exchange;

struct https_peer {
	const char
	        *identity; /* of its certificate, verified, or of its pre-shared key; "": neither */
	const char *address; /* for logs */
	bool psk;
};

/* Valid during the handler's call. */
struct https_request {
	struct https_exchange *x;
	const struct https_peer *peer;
	const char *method, *target; /* raw, undecoded */
	const char *content_type;    /* or NULL */
	const char *accept;          /* or NULL; of several fields the first */
	const char *body;            /* wiped afterwards */
	size_t body_len;
};

/* In the https thread. Answers now, or has somebody answer later. */
typedef void (*https_handler)(void *ctx, const struct https_request *request);

struct https_answer {
	int status;
	unsigned int retry_after_s; /* 0: none */
	const char *allow;          /* static; NULL: none */
	const char *content_type;   /* static; NULL: application/json */
	char *body;                 /* whoever answers gives it away, and it is wiped */
	size_t len;
	bool secret; /* BODY is of secret_alloc(), else of malloc() */
};

/* Any thread, exactly once an exchange; also when the client has gone. */
void https_answer(struct https_exchange *x, const struct https_answer *answer);

/*
 * Binds, raises the limit of open files to what CONNECTIONS takes, starts the thread. Errors name
 * the file, or the address and port. secret_init() comes before.
 */
int https_create(const struct https_config *config, https_handler handler, void *ctx,
                 struct https **out, struct err *err);

/*
 * The files anew: for handshakes from now on, and every connection is verified again at its next
 * request. With an error nothing changes.
 */
int https_reload(struct https *h, struct err *err);

/*
 * Stops listening and ends idle connections; those that wait for an answer, or read one, have up to
 * WAIT_NS for it.
 */
void https_stop(struct https *h, uint64_t wait_ns);

/*
 * Waits until that is over (without a stop before, ends at once), and frees. Exchanges may still be
 * answered afterwards: it does nothing then.
 */
void https_destroy(struct https *h);

/* The port of the I-th address: where 0 was asked for. */
uint16_t https_port(const struct https *h, unsigned int i);

/* When our own certificate ends, seconds since 1970; INT64_MAX without one. */
int64_t https_certificate_end(struct https *h);

enum https_count {
	HTTPS_ACCEPTED,
	HTTPS_FULL,    /* closed: all connections taken, and all busy with a request */
	HTTPS_ADDRESS, /* closed: too many of this address */
	HTTPS_EVICTED, /* those without a request that gave way */
	HTTPS_HANDSHAKES,
	HTTPS_HANDSHAKE_FAILED,  /* but for what follows */
	HTTPS_HANDSHAKE_VERSION, /* TLS 1.1 and before */
	HTTPS_HANDSHAKE_ALPN,    /* neither http/1.1 nor http/1.0 */
	HTTPS_HANDSHAKE_PLAIN,   /* HTTP without TLS */
	HTTPS_HANDSHAKE_SLOW,
	HTTPS_REQUESTS, /* that came to the handler */
	HTTPS_HEADER_SLOW,
	HTTPS_BODY_SLOW,
	HTTPS_ANSWER_SLOW, /* answers that were not read */
	HTTPS_IDLE,        /* closed for it */
	HTTPS_MALFORMED,   /* 400, 417, 501, 505 */
	HTTPS_HEADER_LARGE,
	HTTPS_BODY_LARGE,
	HTTPS_BODY_MEMORY, /* 503 for want of it */
	HTTPS_MEDIA_TYPE,
	HTTPS_KEY_UPDATES, /* closed: TLS key updates without requests */
	HTTPS_LOST,        /* clients that went away within a request or before its answer */
	HTTPS_PEER,        /* 401; more than one by enum tls_refusal */
	HTTPS_COUNTS = HTTPS_PEER + TLS_PEER_REFUSALS
};

struct https_stats {
	uint32_t connections;
	uint32_t waiting; /* for an answer */
	uint64_t body_memory;
	uint64_t count[HTTPS_COUNTS];
};

/* Any thread. */
void https_stats_read(struct https *h, struct https_stats *out);
/* "accepted", "peer_expired" ...; NULL for one that is not used. */
const char *https_count_name(enum https_count count);

#endif
