/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What only those that run can tell: is the peer there, are there keys, is something raised? Where
 * nobody answers, nothing is said about it: the doctor is there before a gateway is.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lgctl.h"
#include "control/lgctl_doctor.h"
#include "control/lgctl_top.h"

#define SOON_S 3600 /* a store that is empty by then wants somebody now */

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "-";
}

static long long number_of(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

/* The answer, or NULL with a finding; a refusal is one, too. */
static json_t *ask(struct doctor *d, const char *check, const char *what, const char *socket,
                   const char *method)
{
	struct lgctl_request r = {.method = method};
	json_t *answer = NULL;
	struct err err = {0};
	int rc = lgctl_call(socket, &r, &answer, &err);

	if (rc == -ENOTCONN)
		doctor_add(d, check, DOCTOR_OK, "no %s answers, nothing more is known: %s", what,
		           err.text);
	else if (rc != 0)
		doctor_advise(doctor_add(d, check, DOCTOR_WARN, "%s refuses %s: %s", what, method,
		                         err.text),
		              "ask again as root");
	return rc == 0 ? answer : NULL;
}

static void channel(struct doctor *d, const json_t *link)
{
	const json_t *c = json_object_get(link, "channel");
	char peer[CONFIG_ADDR_TEXT] = "the peer";
	struct doctor_check *check;

	if (d->config != NULL)
		config_addr_format(&d->config->channel.remote, peer);
	if (strcmp(text_of(c, "state"), "up") == 0) {
		doctor_add(d, "peer", DOCTOR_OK, "%s answers, round trip %.1f ms", peer,
		           (double)number_of(c, "rtt_ns") / 1e6);
	} else if (json_is_true(json_object_get(c, "authentication_failing"))) {
		check = doctor_add(d, "peer", DOCTOR_FAIL,
		                   "%s answers with wrong tags: the pre-shared secrets differ",
		                   peer);
		doctor_advise(check, "the same channel/psk-file at both sites");
	} else {
		check = doctor_add(d, "peer", DOCTOR_FAIL, "%s does not answer: channel %s", peer,
		                   text_of(c, "state"));
		doctor_advise(check,
		              "is the other gateway up? does UDP port %u pass between the sites? "
		              "lgctl port list says whether the WAN port is up",
		              d->config != NULL ? d->config->channel.port : 4790);
	}
}

static void tunnels(struct doctor *d, const char *socket)
{
	struct lgctl_request r = {.method = "tunnel_list", .list = "tunnels"};
	json_t *answer = NULL, *t, *bad = NULL;
	struct err err = {0};
	size_t up = 0, n, i;

	if (lgctl_call_all(socket, &r, &answer, &err) != 0)
		return;
	n = json_array_size(json_object_get(answer, "tunnels"));
	json_array_foreach (json_object_get(answer, "tunnels"), i, t)
		if (strcmp(text_of(t, "state"), "up") == 0 &&
		    !json_is_true(json_object_get(t, "stopped")))
			up++;
		else
			bad = t;
	if (bad == NULL)
		doctor_add(d, "tunnels", DOCTOR_OK, "%zu of %zu are up", up, n);
	else
		doctor_advise(doctor_add(d, "tunnels", DOCTOR_WARN, "%zu of %zu are up; %s is %s",
		                         up, n, text_of(bad, "name"),
		                         json_is_true(json_object_get(bad, "stopped"))
		                                 ? "stopped"
		                                 : text_of(bad, "state")),
		              "lgctl why traffic %s", text_of(bad, "name"));
	json_decref(answer);
}

/* STORE is what keystore_show, or a stream of kms_store, has; UNIT of LEFT. */
static void level(struct doctor *d, const char *check, const json_t *store, long long left,
                  const char *unit, const char *why)
{
	const json_t *lasts = json_object_get(store, "lasts_s");
	const json_t *empty = json_object_get(store, "empty_in_s");
	char time[32], text[64] = "";

	if (json_is_number(lasts))
		snprintf(text, sizeof(text), ", they last %s without new ones",
		         lgctl_top_duration(json_number_value(lasts), time));
	if (left == 0)
		doctor_advise(doctor_add(d, check, DOCTOR_WARN, "there is no key"), "%s", why);
	else if (json_is_number(empty) && json_number_value(empty) < SOON_S)
		doctor_advise(doctor_add(d, check, DOCTOR_WARN,
		                         "%lld %s: less comes than goes, empty in %s", left, unit,
		                         lgctl_top_duration(json_number_value(empty), time)),
		              "%s", why);
	else
		doctor_add(d, check, DOCTOR_OK, "%lld %s%s", left, unit, text);
}

/* Active alarms that somebody has to do with now. */
static void alarms(struct doctor *d, const char *check, const char *socket, const char *command)
{
	struct lgctl_request r = {.method = "alarm_list",
	                          .list = "alarms",
	                          .params = json_pack("{s:b}", "active", 1)};
	json_t *answer = NULL, *a, *worst = NULL;
	struct err err = {0};
	size_t n = 0, i;

	if (lgctl_call_all(socket, &r, &answer, &err) == 0) {
		json_array_foreach (json_object_get(answer, "alarms"), i, a) {
			bool critical = strcmp(text_of(a, "severity"), "critical") == 0;

			if (!critical && strcmp(text_of(a, "severity"), "major") != 0)
				continue;
			n++;
			worst = worst == NULL || critical ? a : worst;
		}
		if (worst == NULL)
			doctor_add(d, check, DOCTOR_OK, "none is critical or major");
		else
			doctor_advise(doctor_add(d, check, DOCTOR_WARN,
			                         "%zu critical or major; %s at %s: %.120s", n,
			                         text_of(worst, "kind"), text_of(worst, "resource"),
			                         text_of(worst, "text")),
			              "%s", command);
		json_decref(answer);
	}
	json_decref(r.params);
}

static void gateway(struct doctor *d, const char *socket)
{
	json_t *status = ask(d, "gateway", "gateway", socket, "status");
	const json_t *g = json_object_get(status, "gateway"), *keys;
	char up[32];

	if (status == NULL)
		return;
	doctor_add(d, "gateway", DOCTOR_OK, "%s %s since %s, lumengate %s", text_of(g, "name"),
	           strcmp(text_of(g, "state"), "running") == 0 ? "runs" : "starts",
	           lgctl_top_duration((double)number_of(g, "uptime_s"), up), text_of(g, "version"));
	if (json_object_get(status, "link") != NULL)
		channel(d, json_object_get(status, "link"));
	tunnels(d, socket);
	keys = json_object_get(status, "keystore");
	if (keys != NULL)
		level(d, "keys", keys, number_of(json_object_get(keys, "available"), "rekey"),
		      "keys for rekeying", "lgctl why key");
	alarms(d, "alarms", socket, "lgctl alarm list; lgctl alarm explain KIND");
	json_decref(status);
}

static void kms(struct doctor *d, const char *socket)
{
	json_t *status = ask(d, "kms-program", "key delivery", socket, "kms_status"), *store;
	const json_t *given;
	struct doctor_check *c;

	if (status == NULL)
		return;
	doctor_add(d, "kms-program", DOCTOR_OK, "%.60s runs", text_of(status, "kme"));
	if (json_is_true(json_object_get(json_object_get(status, "link"), "up"))) {
		doctor_add(d, "kms-link", DOCTOR_OK, "the gateway hands over key: %s",
		           text_of(json_object_get(status, "link"), "state"));
	} else {
		c = doctor_add(d, "kms-link", DOCTOR_WARN, "the gateway hands over no key: %s",
		               text_of(json_object_get(status, "link"), "state"));
		doctor_advise(c, "delivery/enabled at the gateway, and the same gateway-socket");
	}
	store = ask(d, "kms-keys", "key delivery", socket, "kms_store");
	given = json_object_get(store, "given_here");
	if (given != NULL)
		level(d, "kms-keys", given, number_of(given, "available"), "bytes to give",
		      "lgctl kms why");
	alarms(d, "kms-alarms", socket, "lgctl kms alarms");
	json_decref(store);
	json_decref(status);
}

void lgctl_doctor_live(struct doctor *d, const char *socket, const char *kms_socket)
{
	char path[DOCTOR_PATH];
	json_t *status;

	if (socket == NULL)
		socket = doctor_path(
		        d, d->config != NULL ? d->config->control.socket : LGCTL_SOCKET_DEFAULT,
		        path);
	gateway(d, socket);
	if (kms_socket == NULL && d->kms_socket[0] != '\0')
		kms_socket = doctor_path(d, d->kms_socket, path);
	if (kms_socket != NULL)
		kms(d, kms_socket);
	if (d->web_socket[0] == '\0')
		return;
	status = ask(d, "web-program", "service of figures", doctor_path(d, d->web_socket, path),
	             "web_status");
	if (status != NULL)
		doctor_add(d, "web-program", DOCTOR_OK, "runs");
	json_decref(status);
}
