/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/delivery_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/server_peer.h"

LOG_COMPONENT_DEFINE(delivery_socket)

#define PACKETS_A_TURN 32 /* in each direction */
#define ACCEPT_NS      (20 * NS_PER_MS)
#define HELLO_NS       (5 * NS_PER_S)
/* A key delivery that is alive stores a segment within milliseconds, with a bad disk in seconds. */
#define ANSWER_NS (30 * NS_PER_S)
/* What a client may say: the control stream of the link carries more than its messages. */
#define BYTES_A_S   (512u << 10)
#define BYTES_BURST (256u << 10)

struct delivery_socket {
	struct delivery *delivery;
	char path[108];
	gid_t group;
	int listen_fd, lock_fd, fd; /* fd -1: no client */
	uint8_t *out, *in;          /* secret memory: HANDOVER_PACKET_MAX each */
	uint64_t next_accept_ns, joined_ns, answered_ns;
	uint64_t acked; /* when it was looked at last */
	uint64_t budget, budget_ns;
	struct delivery_socket_stats stats;
};

struct delivery_socket *delivery_socket_create(const char *path, const char *group,
                                               struct delivery *delivery, struct err *err)
{
	struct delivery_socket *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL) {
		err_set(err, ENOMEM, "delivery: out of memory");
		return NULL;
	}
	s->delivery = delivery;
	s->listen_fd = s->fd = -1;
	strncpy(s->path, path, sizeof(s->path) - 1);
	s->out = secret_alloc(HANDOVER_PACKET_MAX);
	s->in = secret_alloc(HANDOVER_PACKET_MAX);
	rc = s->out == NULL || s->in == NULL ? err_set(err, ENOMEM, "secret memory is full") : 0;
	if (rc == 0)
		rc = server_group(group, &s->group, err);
	if (rc == 0)
		rc = server_bind(path, SOCK_SEQPACKET, s->group, &s->listen_fd, &s->lock_fd, err);
	if (rc < 0) {
		err_prefix(err, "delivery/socket");
		s->listen_fd = -1;
		delivery_socket_destroy(s);
		return NULL;
	}
	return s;
}

static void leave(struct delivery_socket *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	s->stats.pid = 0;
	delivery_left(s->delivery);
}

/* The client did what it must not. */
static void drop(struct delivery_socket *s, const char *why)
{
	log_warn("the key delivery, process %d, is dropped: %s", (int)s->stats.pid, why);
	s->stats.dropped++;
	s->stats.why = why;
	leave(s);
}

void delivery_socket_destroy(struct delivery_socket *s)
{
	if (s == NULL)
		return;
	leave(s);
	if (s->listen_fd >= 0)
		server_unbind(s->path, s->listen_fd, s->lock_fd);
	secret_free(s->out);
	secret_free(s->in);
	free(s);
}

static void join(struct delivery_socket *s, uint64_t now)
{
	struct server_peer peer = {0};
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!server_peer_permitted(fd, s->group, NO_GROUP, NO_GROUP, &peer) || s->fd >= 0) {
		log_warn("process %d of user %d is refused as a key delivery: %s", (int)peer.pid,
		         (int)peer.uid, s->fd >= 0 ? "there is one" : "it is not permitted");
		s->stats.refused++;
		close(fd);
		return;
	}
	s->fd = fd;
	s->stats.pid = peer.pid;
	s->stats.accepted++;
	s->joined_ns = s->answered_ns = s->budget_ns = now;
	s->budget = BYTES_BURST;
	delivery_joined(s->delivery);
	log_info("the key delivery, process %d, is there", (int)peer.pid);
}

static void refill(struct delivery_socket *s, uint64_t now)
{
	uint64_t ms = (now - s->budget_ns) / NS_PER_MS;

	if (ms == 0)
		return;
	s->budget_ns += ms * NS_PER_MS;
	s->budget += ms > 1000 ? BYTES_A_S : ms * (BYTES_A_S / 1000);
	if (s->budget > BYTES_BURST)
		s->budget = BYTES_BURST;
}

static void receive(struct delivery_socket *s, uint64_t now)
{
	refill(s, now);
	for (int i = 0; i < PACKETS_A_TURN && s->fd >= 0 && s->budget >= HANDOVER_PACKET_MAX; i++) {
		struct iovec iov = {s->in, HANDOVER_PACKET_MAX};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(s->fd, &msg, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			log_warn("the key delivery, process %d, has gone", (int)s->stats.pid);
			leave(s);
			return;
		}
		s->budget -= (size_t)n + 64 < s->budget ? (size_t)n + 64 : s->budget;
		if ((msg.msg_flags & MSG_TRUNC) != 0 ||
		    delivery_receive(s->delivery, s->in, (size_t)n) < 0)
			drop(s, "it sent what is no message, or is of another version");
	}
}

static void say(struct delivery_socket *s)
{
	size_t len;
	bool some = false;

	for (int i = 0; i < PACKETS_A_TURN && s->fd >= 0; i++) {
		ssize_t n;

		len = delivery_next(s->delivery, s->out);
		if (len == 0)
			break;
		some = true;
		n = send(s->fd, s->out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			break;
		if (n != (ssize_t)len) {
			leave(s);
			break;
		}
		delivery_sent(s->delivery);
	}
	if (some)
		secret_wipe(s->out, HANDOVER_PACKET_MAX);
}

static void watch(struct delivery_socket *s, uint64_t now)
{
	struct delivery_stats d;

	if (s->fd < 0)
		return;
	delivery_stats_read(s->delivery, &d);
	/* Progress is what counts: the queue may be long. */
	if (d.unacked_since == 0 || d.acked + d.refused != s->acked) {
		s->answered_ns = now;
		s->acked = d.acked + d.refused;
	}
	if (delivery_outdated(s->delivery)) {
		log_info("the key delivery, process %d, is to come again: there is another card",
		         (int)s->stats.pid);
		leave(s);
	} else if (!d.connected && now - s->joined_ns > HELLO_NS)
		drop(s, "it does not say HELLO");
	else if (now - s->answered_ns > ANSWER_NS)
		drop(s, "it does not acknowledge what it got");
}

void delivery_socket_poll(struct delivery_socket *s, uint64_t now)
{
	if (now >= s->next_accept_ns) {
		s->next_accept_ns = now + ACCEPT_NS;
		join(s, now);
		watch(s, now);
	}
	if (s->fd >= 0)
		receive(s, now);
	if (s->fd >= 0)
		say(s);
}

void delivery_socket_stats_read(const struct delivery_socket *s, struct delivery_socket_stats *out)
{
	*out = s->stats;
}
