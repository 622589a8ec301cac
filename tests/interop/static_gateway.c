/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The product's data plane with keys from its standard input in place of the rekeying, so that
 * a peer that knows nothing of our protocol can be used: the Linux kernel, or tshark. Built
 * with -Dinterop=true alone and never installed: the product takes no key from outside.
 *
 *     static_gateway CONFIG YANG-DIR
 *
 * A line of the input is a command, a line of the output its answer, a JSON object: with the
 * member "error" when nothing was changed. The first line says {"ready": true}. GENERATION is
 * a number, SPI is hexadecimal, KEY is the key and the salt in hexadecimal as in RFC 4106
 * section 8.1 (72 digits), one SPI and KEY for each SA of the direction.
 *
 *     install TUNNEL GENERATION SPI KEY [SPI KEY]...   open what comes with these
 *     switch  TUNNEL GENERATION SPI KEY [SPI KEY]...   seal with these from now on
 *     retire  TUNNEL GENERATION                        open no more with these
 *     stop    TUNNEL                                   seal no more
 *     read                                             counters, ports, SAs (no keys)
 *     quit                                             also the end of the input
 */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/counter.h"
#include "common/err.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "static_command.h"

#define SECRET_BYTES (4u << 20)
#define TURN_MS      20 /* between two calls of dataplane_poll() */
#define LINE_MAX_    (TUNNEL_SUBS_MAX * 96 + 128)
#define SAS_MAX      (TUNNEL_SUBS_MAX * (TUNNEL_RX_GENERATIONS + 1))

static struct config config;
static struct dataplane *dataplane;

static void answer(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	puts(text);
	fflush(stdout);
	free(text);
	json_decref(object);
}

static json_t *read_counters(void)
{
	json_t *o = json_object();

	for (const struct counter *c = counter_first(); c != NULL; c = c->next)
		json_object_set_new(o, c->name, json_integer((json_int_t)counter_sum(c)));
	return o;
}

static json_t *read_ports(void)
{
	json_t *o = json_object();

	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		struct dataplane_port p;
		char mac[RTE_ETHER_ADDR_FMT_SIZE];

		dataplane_port_read(dataplane, (enum port_role)role, &p);
		rte_ether_format_addr(mac, sizeof(mac), &p.mac);
		json_object_set_new(o, p.name,
		                    json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "mac", mac,
		                              "link_up", p.stats.link_up, "rx_packets",
		                              (json_int_t)p.stats.rx_packets, "tx_packets",
		                              (json_int_t)p.stats.tx_packets, "rx_missed",
		                              (json_int_t)p.stats.rx_missed, "rx_no_mbuf",
		                              (json_int_t)p.stats.rx_no_mbuf, "tx_errors",
		                              (json_int_t)p.stats.tx_errors));
	}
	return o;
}

static json_t *read_tunnel(struct tunnel *t)
{
	static struct sa_info info[SAS_MAX];
	struct tunnel_totals totals;
	json_t *list = json_array();
	unsigned int n = tunnel_sa_list(t, info, SAS_MAX);

	for (unsigned int i = 0; i < n && i < SAS_MAX; i++) {
		const struct sa_info *s = &info[i];

		json_array_append_new(
		        list,
		        json_pack("{s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I}", "spi",
		                  (json_int_t)s->spi, "generation", (json_int_t)s->generation,
		                  "transmit", s->transmit, "packets", (json_int_t)s->packets,
		                  "bytes", (json_int_t)s->bytes, "sequence",
		                  (json_int_t)s->sequence, "replayed", (json_int_t)s->replayed,
		                  "auth_failed", (json_int_t)s->auth_failed));
	}
	tunnel_totals_read(t, &totals);
	return json_pack("{s:I, s:I, s:o}", "sealed", (json_int_t)totals.packets_sealed, "opened",
	                 (json_int_t)totals.packets_opened, "sas", list);
}

static json_t *read_all(void)
{
	json_t *tunnels = json_object();

	for (unsigned int i = 0; i < config.tunnel_count; i++)
		json_object_set_new(tunnels, config.tunnels[i].name,
		                    read_tunnel(dataplane_tunnel(dataplane, i)));
	return json_pack("{s:o, s:o, s:o}", "counters", read_counters(), "ports", read_ports(),
	                 "tunnels", tunnels);
}

static int find_tunnel(const char *name, struct tunnel **out, struct err *err)
{
	for (unsigned int i = 0; i < config.tunnel_count; i++)
		if (strcmp(config.tunnels[i].name, name) == 0) {
			*out = dataplane_tunnel(dataplane, i);
			return 0;
		}
	return err_set(err, ENOENT, "there is no tunnel %s", name);
}

/* KEYS: in secret memory, room for as many as a tunnel has SAs in one direction. */
static json_t *execute(char *line, struct sa_key *keys, struct err *err)
{
	struct static_command c = {.keys = keys, .keys_max = TUNNEL_SUBS_MAX};
	struct tunnel *t = NULL;
	int rc = static_command_parse(line, &c, err);

	if (rc == 0 && c.verb == STATIC_READ)
		return read_all();
	if (rc == 0)
		rc = find_tunnel(c.tunnel, &t, err);
	if (rc == 0 && c.verb == STATIC_INSTALL)
		rc = tunnel_rx_install(t, c.generation, keys, c.key_count, err);
	else if (rc == 0 && c.verb == STATIC_SWITCH)
		rc = tunnel_tx_switch(t, c.generation, keys, c.key_count, err);
	else if (rc == 0 && c.verb == STATIC_RETIRE)
		tunnel_rx_retire(t, c.generation);
	else if (rc == 0)
		tunnel_tx_stop(t);
	return rc == 0 ? json_pack("{s:b}", "ok", 1) : json_pack("{s:s}", "error", err->text);
}

/* Until "quit" or the end of the input. */
static void serve(char *line, struct sa_key *keys)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t length = 0;

	for (;;) {
		struct err err = {0};
		char *end;
		ssize_t n;

		dataplane_poll(dataplane);
		if (poll(&in, 1, TURN_MS) <= 0)
			continue;
		n = read(STDIN_FILENO, line + length, LINE_MAX_ - 1 - length);
		if (n <= 0)
			return; /* the end, or a line that is too long */
		length += (size_t)n;
		line[length] = '\0';
		while ((end = strchr(line, '\n')) != NULL) {
			*end = '\0';
			if (strcmp(line, "quit") == 0)
				return;
			answer(execute(line, keys, &err));
			length -= (size_t)(end + 1 - line);
			memmove(line, end + 1, length + 1);
		}
	}
}

static int start(const char *file, const char *yang_dir, struct err *err)
{
	int rc = config_init(yang_dir, err);

	if (rc == 0)
		rc = config_load(file, &config, err);
	if (rc == 0)
		rc = secret_init(SECRET_BYTES, err);
	if (rc == 0)
		rc = gcm_provider_init(config.ipsec_mb[0] != '\0' ? config.ipsec_mb : NULL, err);
	if (rc == 0 && (dataplane = dataplane_create(&config, err)) == NULL)
		rc = -err->code;
	return rc == 0 ? dataplane_run(dataplane, err) : rc;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct sa_key *keys = NULL;
	char *line = NULL;
	int status = EXIT_FAILURE;

	if (argc != 3) {
		fprintf(stderr, "usage: static_gateway CONFIG YANG-DIR\n");
		return 2;
	}
	if (start(argv[1], argv[2], &err) < 0)
		goto out;
	keys = secret_alloc(TUNNEL_SUBS_MAX * sizeof(*keys));
	line = secret_alloc(LINE_MAX_);
	if (keys == NULL || line == NULL) {
		err_set(&err, ENOMEM, "secret memory is full");
		goto out;
	}
	answer(json_pack("{s:b, s:s}", "ready", 1, "provider", gcm_provider()->name));
	serve(line, keys);
	status = EXIT_SUCCESS;
out:
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "static_gateway: %s\n", err.text);
	secret_free(line);
	secret_free(keys);
	dataplane_destroy(dataplane);
	secret_fini();
	config_fini();
	return status;
}
