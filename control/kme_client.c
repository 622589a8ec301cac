/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lumengate-kme-client: fetches keys from a foreign KME for the gateway of its site. What comes
 * over the network, HTTP, TLS and JSON, is parsed here, not in the gateway: it reaches that by
 * kme_wire.h alone.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "config/config.h"
#include "control/kme_fetch.h"
#include "control/kme_memory.h"
#include "control/notify.h"

LOG_COMPONENT_DEFINE(kme_client)

#define EXIT_BAD_INPUT 2
#define STATUS_MS      30000 /* while all is well */
#define AGAIN_MS       3000  /* after a failure */
#define CONNECT_MS     1000

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = 1;
}

static void usage(FILE *out)
{
	fprintf(out, "usage: lumengate-kme-client --config FILE [--check] [--yang-dir DIR]\n"
	             "       lumengate-kme-client --version | --help\n"
	             "FILE is the gateway's; foreign-kme of it says which KME.\n");
}

/* The shorter of two waits, ms; negative: none. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Stop on SIGTERM also while nothing goes on. */
static void pause_ms(int ms)
{
	if (!stop)
		poll(NULL, 0, sooner(ms, notify_sleep_ms()));
}

/* A socket to the gateway, or -1. */
static int attach(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct session {
	int fd;
	struct kme_fetch *fetch;
	uint8_t *packet; /* secret memory: KME_PACKET_MAX and one */
	char site;       /* of the gateway; 0: it said nothing so far */
	uint64_t status_ns;
	bool failing;
};

static bool send_message(struct session *s, const struct kme_message *m)
{
	size_t n = kme_encode(m, s->packet);
	bool sent = send(s->fd, s->packet, n, MSG_NOSIGNAL) == (ssize_t)n;

	secret_wipe(s->packet, n);
	if (m->type != KME_FAILED)
		s->failing = false;
	else if (!s->failing)
		log_warn("%s: %s", kme_fault_name(m->fault), m->text);
	s->failing = m->type == KME_FAILED;
	return sent;
}

static bool send_status(struct session *s)
{
	struct kme_message m;

	kme_fetch_status(s->fetch, &m);
	s->status_ns = clock_mono_ns() + (m.type == KME_STATUS ? STATUS_MS : AGAIN_MS) * NS_PER_MS;
	return stop || send_message(s, &m);
}

static bool take_hello(struct session *s, const struct kme_message *m)
{
	struct kme_message hello = {.type = KME_CLIENT_HELLO, .version = KME_VERSION};

	if (m->version != KME_VERSION) {
		log_err("the gateway speaks version %u, this client %d: update it", m->version,
		        KME_VERSION);
		return false;
	}
	s->site = m->site;
	log_info("site %c's gateway is there", s->site);
	return send_message(s, &hello) && send_status(s);
}

static bool take_request(struct session *s, struct kme_message *m)
{
	bool sent;

	kme_fetch_keys(s->fetch, m);
	if (m->type == KME_FAILED && m->fault == KME_UNREACHABLE)
		s->status_ns = clock_mono_ns() + AGAIN_MS * NS_PER_MS;
	sent = !stop && send_message(s, m);
	kme_fetch_wipe(s->fetch);
	return sent;
}

/* A packet of the gateway; false: this is the end of the session. */
static bool turn(struct session *s)
{
	ssize_t n = recv(s->fd, s->packet, KME_PACKET_MAX + 1, 0);
	uint8_t request[KME_PACKET_MAX];
	struct kme_message m;

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	/* Answers are written where it lies. */
	if ((size_t)n <= sizeof(request))
		memcpy(request, s->packet, (size_t)n);
	if ((size_t)n > sizeof(request) || kme_decode(request, (size_t)n, &m) < 0) {
		log_err("the gateway sent what the protocol does not have");
		return false;
	}
	if (m.type == KME_HELLO && s->site == 0)
		return take_hello(s, &m);
	if (s->site != 0 && m.type == (s->site == 'A' ? KME_ENC : KME_DEC))
		return take_request(s, &m);
	log_err("the gateway sent a message of type %d out of turn", m.type);
	return false;
}

static void serve(int fd, struct kme_fetch *fetch, uint8_t *packet)
{
	struct session s = {.fd = fd, .fetch = fetch, .packet = packet};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool going = true;

	while (going && !stop) {
		uint64_t now = clock_mono_ns();
		int wait = s.site == 0          ? -1
		           : now >= s.status_ns ? 0
		                                : (int)((s.status_ns - now) / NS_PER_MS) + 1;
		int n = poll(&p, 1, sooner(wait, notify_sleep_ms()));

		notify_alive();
		if (n > 0)
			going = turn(&s);
		else if (n == 0 && s.site != 0 && clock_mono_ns() >= s.status_ns)
			going = send_status(&s);
	}
	if (!stop)
		log_info("the gateway is gone");
}

static int run(const struct config_foreign_kme *config, struct err *err)
{
	struct kme_fetch *fetch = kme_fetch_create(config, &stop, err);
	uint8_t *packet = secret_alloc(KME_PACKET_MAX + 1);
	bool said = false;

	if (fetch == NULL || packet == NULL) {
		kme_fetch_destroy(fetch);
		secret_free(packet);
		return err_set(err, ENOMEM, "secret memory is full");
	}
	log_info("keys of %s for SAE %s", config->url, config->peer_sae);
	notify_ready("waits for the gateway");
	while (!stop) {
		int fd = attach(config->socket);

		notify_alive();
		if (fd >= 0) {
			notify_ready("fetches keys for the gateway");
			serve(fd, fetch, packet);
			close(fd);
			notify_ready("waits for the gateway");
			said = false;
		} else if (!said) {
			log_info("%s: %s: waiting for the gateway", config->socket,
			         strerror(errno));
			said = true;
		}
		pause_ms(CONNECT_MS);
	}
	notify_stopping();
	secret_free(packet);
	kme_fetch_destroy(fetch);
	return 0;
}

static int check_files(const struct config_foreign_kme *c, struct err *err)
{
	const char *const files[] = {c->ca, c->certificate, c->private_key};
	static const char *const names[] = {"ca", "certificate", "private-key"};

	for (int i = 0; i < 3; i++)
		if (access(files[i], R_OK) < 0)
			return err_set(err, errno, "/lumengate:gateway/foreign-kme/%s: %s: %s",
			               names[i], files[i], strerror(errno));
	return 0;
}

static int load(const char *path, const char *yang_dir, struct config_foreign_kme *out,
                struct err *err)
{
	static struct config config;
	int rc = config_init(yang_dir, err);

	if (rc < 0)
		return rc;
	rc = config_load(path, &config, err);
	config_fini();
	if (rc < 0)
		return rc;
	*out = config.foreign_kme;
	if (!out->enabled)
		return err_set(err, EINVAL, "%s: /lumengate:gateway/foreign-kme: missing", path);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
	        {"config", required_argument, NULL, 'c'},   {"check", no_argument, NULL, 'k'},
	        {"yang-dir", required_argument, NULL, 'y'}, {"version", no_argument, NULL, 'v'},
	        {"help", no_argument, NULL, 'h'},           {0}};
	const char *path = NULL, *yang_dir = NULL;
	static struct config_foreign_kme config;
	struct sigaction act = {.sa_handler = on_signal};
	struct err err = {0};
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'y':
			yang_dir = optarg;
			break;
		case 'v':
			printf("lumengate-kme-client %s\n", LUMENGATE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_BAD_INPUT;
		}
	}
	if (path == NULL || optind != argc) {
		usage(stderr);
		return EXIT_BAD_INPUT;
	}
	if (load(path, yang_dir, &config, &err) < 0 || (!check && check_files(&config, &err) < 0)) {
		fprintf(stderr, "lumengate-kme-client: %s\n", err.text);
		return EXIT_BAD_INPUT;
	}
	if (check) {
		puts("ok");
		return EXIT_SUCCESS;
	}
	/* Before OpenSSL allocates anything. */
	if (kme_memory_init(&err) < 0) {
		fprintf(stderr, "lumengate-kme-client: %s\n", err.text);
		return EXIT_FAILURE;
	}
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (run(&config, &err) < 0) {
		fprintf(stderr, "lumengate-kme-client: %s\n", err.text);
		return EXIT_FAILURE;
	}
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
