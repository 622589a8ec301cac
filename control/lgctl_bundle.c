/* SPDX-License-Identifier: BSD-3-Clause */

/* `lgctl support-bundle`: what somebody elsewhere needs to find a fault, and no secret. */

#include "control/lgctl_bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/lgctl.h"
#include "control/lgctl_doctor.h"
#include "control/redact.h"

static const char about[] =
        "Made by `lgctl support-bundle`.\n\n"
        "gateway/, kms/, web/  answers of the programs, a file a method; alarms, counters, audit "
        "log\n"
        "config/         configuration files: of secrets where they are, not what they are\n"
        "system/         the machine, its packages, our units and the newest of their journal\n"
        "doctor.json     what lgctl doctor finds\n"
        "manifest.json   when it was made, and what is missing\n\n"
        "No key, pre-shared secret, storage key, private key or password is in it. Addresses,\n"
        "names of hosts and applications, and identities of certificates are.\n";

/* What takes long, or says nothing about the state. */
static const char *const left_out[] = {"get_methods",     "subscribe",   "unsubscribe",
                                       "alarm_catalogue", "otdr_export", "qrng_recorded",
                                       "config_validate"};

static json_t *options;

void bundle_miss(struct bundle *b, const char *what, const char *reason)
{
	json_array_append_new(b->missing, json_pack("{s:s, s:s}", "what", what, "reason", reason));
}

void bundle_add_json(struct bundle *b, const char *name, const json_t *v)
{
	json_t *shown = redact(v);
	char *text = json_dumps(shown, JSON_INDENT(2) | JSON_ENCODE_ANY);

	if (text != NULL)
		bundle_tar_add(b->tar, name, text, strlen(text));
	else
		bundle_miss(b, name, "out of memory");
	free(text);
	json_decref(shown);
}

static bool wanted(const json_t *method)
{
	const char *name = json_string_value(json_object_get(method, "name"));
	const char *right = json_string_value(json_object_get(method, "right"));

	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (name == NULL || strcmp(name, left_out[i]) == 0)
			return false;
	return right != NULL && strcmp(right, "read") == 0 &&
	       json_array_size(json_object_get(json_object_get(method, "params"), "required")) == 0;
}

/* The list of an answer that has pages; NULL: it has none. */
static const char *list_of(const json_t *answer)
{
	const char *name;
	json_t *v;

	if (json_object_get(answer, "total") != NULL)
		json_object_foreach ((json_t *)answer, name, v)
			if (json_is_array(v))
				return name;
	return NULL;
}

static void add_method(struct bundle *b, const char *folder, const char *socket, const char *method)
{
	struct lgctl_request r = {.method = method};
	json_t *answer = NULL;
	struct err err = {0};
	char name[80];
	int rc;

	snprintf(name, sizeof(name), "%.16s/%.48s.json", folder, method);
	rc = lgctl_call(socket, &r, &answer, &err);
	if (rc == 0 && list_of(answer) != NULL) {
		json_t *first = answer;

		r.list = list_of(first);
		rc = lgctl_call_all(socket, &r, &answer, &err);
		json_decref(first);
	}
	if (rc == 0) {
		bundle_add_json(b, name, answer);
		json_decref(answer);
	} else {
		bundle_miss(b, name, err.text);
	}
}

/* All that a program tells without being told more. */
static void add_program_state(struct bundle *b, const char *folder, const char *socket)
{
	struct lgctl_request r = {.method = "get_methods"};
	json_t *methods = NULL, *m;
	struct err err = {0};
	size_t i;

	if (lgctl_call(socket, &r, &methods, &err) != 0) {
		bundle_miss(b, folder, err.text);
		return;
	}
	json_array_foreach (methods, i, m)
		if (wanted(m))
			add_method(b, folder, socket,
			           json_string_value(json_object_get(m, "name")));
	json_decref(methods);
}

/* A file that is no JSON is not put in: nobody knows what of it is secret. */
static json_t *add_config(struct bundle *b, const char *name, const char *path)
{
	json_error_t where;
	json_t *config = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	char reason[JSON_ERROR_TEXT_LENGTH + 256];

	if (config == NULL) {
		snprintf(reason, sizeof(reason), "%s: %s", path, where.text);
		bundle_miss(b, name, reason);
		return NULL;
	}
	bundle_add_json(b, name, config);
	return config;
}

/* Where the program that CONFIG is of listens. */
static const char *socket_of(const json_t *config, const char *program, const char *otherwise)
{
	const json_t *control = json_object_get(json_object_get(config, program), "control");
	const char *path = json_string_value(json_object_get(control, "socket"));

	return path != NULL ? path : otherwise;
}

static const char *option(const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(options, name));

	return text != NULL ? text : otherwise;
}

static void add_doctor(struct bundle *b, const char *config, const char *socket)
{
	struct lgctl_doctor_options what = {
	        .files = {.config = config,
	                  .kms_config = option("kms_config", "/etc/lumengate/kms.json"),
	                  .web_config = option("web_config", "/etc/lumengate/web.json"),
	                  .yang_dir = option("yang_dir", NULL)},
	        .root = "",
	        .socket = socket,
	        .kms_socket = option("kms_socket", NULL)};
	json_t *o = lgctl_doctor(&what);

	bundle_add_json(b, "doctor.json", o);
	json_decref(o);
}

static void collect(struct bundle *b, const char *socket)
{
	const char *gateway = option("config", "/etc/lumengate/gateway.json");
	json_t *own = add_config(b, "config/gateway.json", gateway);
	json_t *kms =
	        add_config(b, "config/kms.json", option("kms_config", "/etc/lumengate/kms.json"));
	json_t *web =
	        add_config(b, "config/web.json", option("web_config", "/etc/lumengate/web.json"));

	add_program_state(b, "gateway",
	                  socket != NULL
	                          ? socket
	                          : socket_of(own, "lumengate:gateway", LGCTL_SOCKET_DEFAULT));
	add_program_state(
	        b, "kms",
	        option("kms_socket", socket_of(kms, "lumengate:kms", LGCTL_KMS_SOCKET_DEFAULT)));
	add_program_state(b, "web", socket_of(web, "lumengate:web", LGCTL_WEB_SOCKET_DEFAULT));
	add_doctor(b, gateway, socket);
	bundle_add_system(b);
	json_decref(own);
	json_decref(kms);
	json_decref(web);
}

int lgctl_bundle_run(struct lgctl_request *r, const char *socket, json_t **result, struct err *err)
{
	struct bundle b = {.missing = json_array()};
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	char host[33] = "", folder[64], path[80], when[32];
	unsigned int files;
	uint64_t bytes;
	struct tm tm;
	json_t *o;
	int rc;

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, "./")] = '\0';
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(folder, sizeof(folder), "lumengate-%s-%s", host, when);
	snprintf(path, sizeof(path), "%s.tar.gz", folder);
	rc = bundle_tar_create(option("file", path), folder, (uint64_t)now, &b.tar, err);
	if (rc != 0) {
		json_decref(b.missing);
		return rc;
	}
	bundle_tar_add(b.tar, "README", about, strlen(about));
	collect(&b, socket);
	o = json_pack("{s:s, s:s, s:O}", "made", when, "host", host, "missing", b.missing);
	bundle_add_json(&b, "manifest.json", o);
	json_decref(o);
	files = bundle_tar_files(b.tar);
	bytes = bundle_tar_bytes(b.tar);
	rc = bundle_tar_close(b.tar, err);
	if (rc == 0)
		*result = json_pack("{s:s, s:i, s:I, s:O}", "file", option("file", path), "files",
		                    (int)files, "bytes", (json_int_t)bytes, "missing", b.missing);
	json_decref(b.missing);
	return rc;
}

int lgctl_build_bundle(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const names[] = {"config", "kms_config", "web_config", "kms_socket",
	                                    "yang_dir"};
	bool file = n > 0 && strncmp(args[0], "--", 2) != 0;

	if (lgctl_options_build("support-bundle", names, 5, args + file, n - file, &r->params,
	                        err) < 0)
		return -EINVAL;
	if (file)
		json_object_set_new(r->params, "file", json_string(args[0]));
	options = r->params;
	r->run = lgctl_bundle_run;
	return 0;
}

void lgctl_print_bundle(FILE *out, const json_t *result)
{
	const json_t *m;
	size_t i;

	json_array_foreach (json_object_get(result, "missing"), i, m)
		fprintf(out, "without %s: %s\n", json_string_value(json_object_get(m, "what")),
		        json_string_value(json_object_get(m, "reason")));
	fprintf(out, "%s: %lld files, %lld bytes\n",
	        json_string_value(json_object_get(result, "file")),
	        (long long)json_integer_value(json_object_get(result, "files")),
	        (long long)json_integer_value(json_object_get(result, "bytes")));
}
