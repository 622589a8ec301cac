/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The socket to the gateway as a module, and what lives by it: segments for the store, grants and
 * audit, whose messages go by way of the gateways. The gateway may come and go: it is asked for
 * again and again.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/kms/handover.h"
#include "control/kms/peer_message.h"
#include "control/kms/store_audit.h"
#include "control/kms_handover.h"
#include "control/kms_link.h"
#include "control/kms_program.h"
#include "control/kms_segment.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(kms_handover)

#define TICK_MS        100
#define PACKETS_A_TURN 64
#define AWAY_NS        (10 * NS_PER_S)
#define AGAIN_NS       (1 * NS_PER_S)

static struct {
	const struct config_kms *config;
	struct event_base *base;
	struct kms_handover *handover;
	int fd, bell; /* the socket, -1: none; rung when there is something to send */
	struct event *readable, *writable, *rung, *tick;
	uint8_t *packet;              /* secret memory */
	uint64_t joined_ns, again_ns; /* last so, or since the start; not asked again before */
	bool joined;                  /* to a gateway of the right site, once in this connection */
	bool unwanted;                /* the last connection ended without: that is said once */
	bool told;                    /* there is an alarm that says why */
	int last_error;               /* of connect(), so that it is said once */
	uint8_t link;
	uint64_t peer_unknown; /* messages of the other KME, of no kind that there is */
} io = {.fd = -1, .bell = -1};

static int on_segment(void *ctx, const struct handover_message *m, uint64_t ticket)
{
	return kms_segment_post(io.handover, io.link, m, ticket);
}

static int on_hello(void *ctx, const struct handover_message *m)
{
	char site = io.config->site == CONFIG_SITE_A ? 'A' : 'B';
	struct err err = {0};
	int rc;

	if (m->hello.site != site) {
		alarm_raise("kms-gateway", "kms", ALARM_MAJOR,
		            "the gateway is of the other site: gateway-socket, or site, is wrong");
		io.told = true;
		return -EPERM;
	}
	rc = kms_link_take(m, &err);
	if (rc < 0) {
		alarm_raise("kms-gateway", "kms", ALARM_MAJOR, err.text);
		io.told = true;
		return -EPERM;
	}
	io.link = m->hello.link;
	io.joined = true;
	io.told = false;
	log_info("the gateway of link %s is there", m->hello.name);
	alarm_clear("kms-gateway", "kms", "the gateway is there");
	return 0;
}

static void on_peer(void *ctx, const uint8_t *msg, size_t len)
{
	struct kms_program *p = kms_program();

	if (KMS_PEER_IS_GRANT(msg[0]))
		kms_grants_receive(p->grants, msg, len);
	else if (KMS_PEER_IS_AUDIT(msg[0]))
		kms_audit_receive(p->audit, msg, len);
	else
		io.peer_unknown++;
}

static void on_link(void *ctx, bool up, bool making, const char *state)
{
	struct kms_program *p = kms_program();

	kms_service_link_state(p->service, up, making, state);
	kms_grants_session(p->grants, up);
	kms_audit_session(p->audit, up, clock_mono_ns());
}

static void on_room(void *ctx, enum key_uuid_class class, uint64_t *bytes, uint64_t *next)
{
	struct kms_store_stats s;

	kms_store_stats_read(kms_program()->store, &s);
	*bytes = kms_store_room(kms_program()->store, class);
	*next = class == KEY_UUID_FROM_A ? s.from_a.next : s.from_b.next;
}

/* Any thread. */
static void on_wake(void *ctx)
{
	eventfd_write(io.bell, 1);
}

static bool send_peer(void *ctx, const uint8_t *msg, size_t len)
{
	return kms_handover_peer(io.handover, msg, len);
}

static void leave(const char *why)
{
	if (io.fd < 0)
		return;
	if (io.joined || !io.unwanted)
		log_warn("the connection to the gateway ends: %s", why);
	if (io.joined)
		io.joined_ns = clock_mono_ns();
	else
		io.again_ns = clock_mono_ns() + AGAIN_NS;
	io.unwanted = !io.joined;
	event_free(io.readable);
	event_free(io.writable);
	close(io.fd);
	io.fd = -1;
	io.joined = false;
	kms_handover_closed(io.handover);
}

static void flush(void)
{
	size_t len;

	for (int i = 0; i < PACKETS_A_TURN && io.fd >= 0; i++) {
		ssize_t n;

		len = kms_handover_next(io.handover, io.packet);
		if (len == 0)
			return;
		n = send(io.fd, io.packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
			event_add(io.writable, NULL);
			return;
		}
		if (n != (ssize_t)len) {
			leave(strerror(errno));
			return;
		}
		kms_handover_sent(io.handover);
	}
	if (io.fd >= 0)
		event_add(io.writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	flush();
}

/* on_hello() has said by itself why a gateway is unwanted (-EPERM). */
static void take(size_t len)
{
	int rc = kms_handover_receive(io.handover, io.packet, len);

	secret_wipe(io.packet, len);
	if (rc >= 0)
		return;
	if (!io.joined && rc != -EPERM) {
		alarm_raise("kms-gateway", "kms", ALARM_MAJOR,
		            "the gateway is not understood: it may be of another version");
		io.told = true;
	}
	leave(rc == -EPERM ? "it is not ours" : "it says what is not understood");
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	for (int i = 0; i < PACKETS_A_TURN && io.fd >= 0; i++) {
		ssize_t n;

		/* The gateway keeps them; on_rung() reads on. */
		if (kms_handover_busy(io.handover)) {
			event_del(io.readable);
			return;
		}
		n = recv(io.fd, io.packet, HANDOVER_PACKET_MAX, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			leave(n == 0 ? "it has closed it" : strerror(errno));
			return;
		}
		take((size_t)n);
	}
}

static void on_rung(evutil_socket_t fd, short what, void *ctx)
{
	eventfd_t n;

	eventfd_read(io.bell, &n);
	if (io.fd < 0)
		return;
	if (!event_pending(io.readable, EV_READ, NULL) && !kms_handover_busy(io.handover))
		event_add(io.readable, NULL);
	flush();
}

static void join(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", io.config->gateway_socket);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		if (errno != io.last_error)
			log_warn("%s: %s", addr.sun_path, strerror(errno));
		io.last_error = errno;
		io.unwanted = io.told = false;
		close(fd);
		return;
	}
	io.last_error = 0;
	io.fd = fd;
	io.readable = event_new(io.base, fd, EV_READ | EV_PERSIST, on_readable, NULL);
	io.writable = event_new(io.base, fd, EV_WRITE, on_writable, NULL);
	event_add(io.readable, NULL);
	kms_handover_opened(io.handover);
	flush();
}

#define DIVERGED_NS (60 * NS_PER_S)

/* What the store thread saw, for the operator. */
static void watch(uint64_t now)
{
	static uint64_t seen, seen_ns;
	struct kms_audit_stats a;

	if (!io.joined && !io.told && now - io.joined_ns > AWAY_NS)
		alarm_raise(
		        "kms-gateway", "kms", ALARM_MAJOR,
		        "the gateway is not there: no key comes, and no word of the other site");
	kms_audit_stats_read(kms_program()->audit, &a);
	if (a.differences != seen) {
		seen = a.differences;
		seen_ns = now;
		alarm_raise("kms-divergence", "kms", ALARM_MAJOR, a.last_difference);
	} else if (seen_ns != 0 && now - seen_ns > DIVERGED_NS) {
		alarm_clear("kms-divergence", "kms", "both sites hold the same again");
	}
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	uint64_t now = clock_mono_ns();

	if (io.fd < 0 && now >= io.again_ns)
		join();
	kms_handover_tick(io.handover, now);
	watch(now);
}

struct kms_handover *kms_handover(void)
{
	return io.handover;
}

uint64_t kms_handover_unknown(void)
{
	return io.peer_unknown;
}

static int make(struct err *err)
{
	static const struct kms_handover_ops ops = {.hello = on_hello,
	                                            .segment = on_segment,
	                                            .peer = on_peer,
	                                            .link = on_link,
	                                            .room = on_room,
	                                            .wake = on_wake};
	struct kms_program *p = kms_program();
	const struct kms_grants_config grants = {
	        .records = &p->records, .send = send_peer, .wake = kms_program_bell};
	struct kms_audit_config audit = {
	        .own = kms_store_own(p->store), .send = send_peer, .wake = kms_program_bell};
	int rc;

	io.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	io.packet = secret_alloc(HANDOVER_PACKET_MAX);
	if (io.bell < 0 || io.packet == NULL)
		return err_set(err, ENOMEM, "no memory for the hand-over");
	rc = kms_handover_new(&ops, &io.handover, err);
	if (rc == 0)
		rc = kms_grants_new(&grants, clock_wall_ns(), &p->grants, err);
	kms_store_audit(p->store, &audit.store);
	if (rc == 0)
		rc = kms_audit_new(&audit, &p->audit, err);
	return rc;
}

static void fini(struct app *app)
{
	struct kms_program *p = kms_program();

	kms_audit_free(p->audit);
	p->audit = NULL;
	kms_grants_free(p->grants);
	p->grants = NULL;
	kms_handover_free(io.handover);
	io.handover = NULL;
	secret_free(io.packet);
	io.packet = NULL;
	if (io.bell >= 0)
		close(io.bell);
	io.bell = -1;
}

static int init(struct app *app, struct err *err)
{
	int rc;

	io.config = app->kms;
	io.base = app->base;
	rc = make(err);
	if (rc < 0)
		fini(app);
	return rc;
}

static int start(struct app *app, struct err *err)
{
	const struct timeval often = {0, TICK_MS * 1000};

	io.joined_ns = clock_mono_ns();
	io.rung = event_new(io.base, io.bell, EV_READ | EV_PERSIST, on_rung, NULL);
	io.tick = event_new(io.base, -1, EV_PERSIST, on_tick, NULL);
	event_add(io.rung, NULL);
	evtimer_add(io.tick, &often);
	kms_link_restore(&io.link);
	join();
	return 0;
}

/* The store thread has stopped; who waits for a grant hears that there is none. */
static void stop(struct app *app)
{
	leave("the process ends");
	kms_grants_session(kms_program()->grants, false);
	event_free(io.rung);
	event_free(io.tick);
}

MODULE_DEFINE(kms_handover, .depends_on = {"kms_store"}, .init = init, .start = start, .stop = stop,
              .fini = fini)
