/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_web.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "config/config_json.h"
#include "config/config_parts.h"

static void read_listen(const json_t *list, struct config_web *out)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		config_addr_parse(text_of(o, "address"), &out->listen[i].address);
		out->listen[i].port = (uint16_t)uint_of(o, "port");
		out->listen[i].tls = json_is_true(json_object_get(o, "tls"));
	}
	out->listen_count = (unsigned int)json_array_size(list);
}

static void read_history(const json_t *o, struct config_web *out)
{
	out->history.enabled = json_is_true(json_object_get(o, "enabled"));
	copy_text(o, "path", out->history.path, sizeof(out->history.path));
	out->history.keep_days = uint_of(o, "keep-days");
}

static void read_http(const json_t *o, struct config_web *out)
{
	out->http.connections = uint_of(o, "connections");
	out->http.connections_per_address = uint_of(o, "connections-per-address");
	out->http.header_s = uint_of(o, "header-timeout-s");
	out->http.answer_s = uint_of(o, "answer-timeout-s");
	out->http.idle_s = uint_of(o, "idle-timeout-s");
}

static void read_tree(const json_t *w, struct config_web *out)
{
	const json_t *control = json_object_get(w, "control");

	read_listen(json_object_get(w, "listen"), out);
	copy_text(w, "certificate", out->certificate, sizeof(out->certificate));
	copy_text(w, "private-key", out->private_key, sizeof(out->private_key));
	copy_text(w, "client-ca", out->client_ca, sizeof(out->client_ca));
	copy_text(w, "client-crl", out->client_crl, sizeof(out->client_crl));
	copy_text(w, "gateway-socket", out->gateway_socket, sizeof(out->gateway_socket));
	copy_text(w, "kms-socket", out->kms_socket, sizeof(out->kms_socket));
	out->poll_s = uint_of(w, "poll-interval-s");
	read_history(json_object_get(w, "history"), out);
	read_http(json_object_get(w, "http"), out);
	config_web_sinks_read(w, out);
	copy_text(control, "socket", out->control.socket, sizeof(out->control.socket));
	copy_text(control, "group", out->control.group, sizeof(out->control.group));
	copy_text(control, "read-only-group", out->control.read_only_group,
	          sizeof(out->control.read_only_group));
}

static int check(const struct config_web *c, struct err *err)
{
	if (c->http.connections_per_address > c->http.connections)
		return err_set(err, EINVAL,
		               CONFIG_WEB_ROOT "/http/connections-per-address: above connections");
	if (strcmp(c->control.socket, c->gateway_socket) == 0)
		return err_set(err, EINVAL,
		               CONFIG_WEB_ROOT "/control/socket: is gateway-socket, too");
	if (strcmp(c->control.socket, c->kms_socket) == 0)
		return err_set(err, EINVAL, CONFIG_WEB_ROOT "/control/socket: is kms-socket, too");
	if (strcmp(c->gateway_socket, c->kms_socket) == 0)
		return err_set(err, EINVAL, CONFIG_WEB_ROOT "/kms-socket: is gateway-socket, too");
	return config_web_sinks_check(c, err);
}

int config_web_parse(const char *json, struct config_web *out, struct err *err)
{
	struct config_web c = {0};
	json_t *tree = NULL;
	int rc;

	rc = config_yang_check(json, &CONFIG_WEB_ROOT[1], &tree, err);
	if (rc != 0)
		return rc;
	read_tree(json_object_get(tree, &CONFIG_WEB_ROOT[1]), &c);
	json_decref(tree);
	rc = check(&c, err);
	if (rc == 0)
		*out = c;
	return rc;
}

int config_web_load(const char *path, struct config_web *out, struct err *err)
{
	char *text = NULL;
	int rc = config_file_text(path, &text, err);

	if (rc != 0)
		return rc;
	rc = config_web_parse(text, out, err);
	free(text);
	return rc == 0 ? 0 : err_prefix(err, "%s", path);
}

static int check_file(const char *path, const char *field, struct err *err)
{
	if (path[0] == '\0' || access(path, R_OK) == 0)
		return 0;
	return err_set(err, ENOENT, CONFIG_WEB_ROOT "/%s: %s: %s", field, path, strerror(errno));
}

static int check_group(const char *group, const char *field, struct err *err)
{
	if (group[0] == '\0' || getgrnam(group) != NULL)
		return 0;
	return err_set(err, ENOENT, CONFIG_WEB_ROOT "/control/%s: there is no group %s", field,
	               group);
}

static int check_webhooks(const struct config_web *c, struct err *err)
{
	char field[96];
	int rc = 0;

	for (unsigned int i = 0; i < c->webhook_count && rc == 0; i++) {
		snprintf(field, sizeof(field), "webhook[name='%s']/ca", c->webhook[i].name);
		rc = check_file(c->webhook[i].ca, field, err);
		snprintf(field, sizeof(field), "webhook[name='%s']/secret-file",
		         c->webhook[i].name);
		if (rc == 0)
			rc = check_file(c->webhook[i].secret_file, field, err);
	}
	return rc;
}

int config_web_check_system(const struct config_web *c, struct err *err)
{
	int rc = check_file(c->certificate, "certificate", err);

	if (rc == 0)
		rc = check_file(c->private_key, "private-key", err);
	if (rc == 0)
		rc = check_file(c->client_ca, "client-ca", err);
	if (rc == 0)
		rc = check_file(c->client_crl, "client-crl", err);
	if (rc == 0)
		rc = check_webhooks(c, err);
	if (rc == 0)
		rc = check_group(c->control.group, "group", err);
	if (rc == 0)
		rc = check_group(c->control.read_only_group, "read-only-group", err);
	return rc;
}
