/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_kms.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "common/storage_key.h"
#include "config/config_json.h"
#include "config/config_parts.h"

static unsigned int read_listen(const json_t *list, struct config_kms_listen *out)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		config_addr_parse(text_of(o, "address"), &out[i].address);
		out[i].port = (uint16_t)uint_of(o, "port");
	}
	return (unsigned int)json_array_size(list);
}

static void read_store(const json_t *o, struct config_kms *out)
{
	copy_text(o, "path", out->store.path, sizeof(out->store.path));
	copy_text(o, "storage-key", out->store.storage_key, sizeof(out->store.storage_key));
	out->store.max_bytes = (uint64_t)uint_of(o, "max-size-kib") << 10;
	out->store.low_bytes = (uint64_t)uint_of(o, "low-water-kib") << 10;
	out->store.high_bytes = (uint64_t)uint_of(o, "high-water-kib") << 10;
	out->store.ttl_s = uint_of(o, "ttl-s");
}

static void read_limits(const json_t *o, struct config_kms *out)
{
	out->limits.key_size = uint_of(o, "key-size");
	out->limits.min_key_size = uint_of(o, "min-key-size");
	out->limits.max_key_size = uint_of(o, "max-key-size");
	out->limits.max_keys_per_request = uint_of(o, "max-keys-per-request");
	out->limits.max_sae_count = uint_of(o, "max-sae-count");
}

static void read_http(const json_t *o, struct config_kms *out)
{
	out->http.connections = uint_of(o, "connections");
	out->http.connections_per_address = uint_of(o, "connections-per-address");
	out->http.body_memory_mb = uint_of(o, "body-memory-mib");
	out->http.handshake_s = uint_of(o, "handshake-timeout-s");
	out->http.header_s = uint_of(o, "header-timeout-s");
	out->http.body_s = uint_of(o, "body-timeout-s");
	out->http.answer_s = uint_of(o, "answer-timeout-s");
	out->http.idle_s = uint_of(o, "idle-timeout-s");
}

static void read_skip(const json_t *o, struct config_kms *out)
{
	json_t *id;
	size_t i;

	out->skip = json_is_true(json_object_get(o, "enabled"));
	out->skip_listen_count = read_listen(json_object_get(o, "listen"), out->skip_listen);
	copy_text(o, "psk-file", out->psk_file, sizeof(out->psk_file));
	json_array_foreach (json_object_get(o, "remote-system-id"), i, id)
		snprintf(out->skip_remote[out->skip_remote_count++], CONFIG_KMS_NAME, "%s",
		         json_string_value(id));
}

static void read_tree(const json_t *k, struct config_kms *out)
{
	const json_t *control = json_object_get(k, "control");
	const char *identity = text_of(k, "identity");

	copy_text(k, "name", out->name, sizeof(out->name));
	copy_text(k, "peer-name", out->peer_name, sizeof(out->peer_name));
	out->site = strcmp(text_of(k, "site"), "a") == 0 ? CONFIG_SITE_A : CONFIG_SITE_B;
	out->listen_count = read_listen(json_object_get(k, "listen"), out->listen);
	copy_text(k, "certificate", out->certificate, sizeof(out->certificate));
	copy_text(k, "private-key", out->private_key, sizeof(out->private_key));
	copy_text(k, "ca", out->ca, sizeof(out->ca));
	copy_text(k, "crl", out->crl, sizeof(out->crl));
	out->identity = strcmp(identity, "serial") == 0    ? CONFIG_KMS_SERIAL
	                : strcmp(identity, "san-uri") == 0 ? CONFIG_KMS_SAN_URI
	                                                   : CONFIG_KMS_SUBJECT_CN;
	copy_text(k, "gateway-socket", out->gateway_socket, sizeof(out->gateway_socket));
	out->secret_memory_mb = uint_of(k, "secret-memory-mib");
	out->optional_strict = json_is_true(json_object_get(k, "optional-strict"));
	read_store(json_object_get(k, "store"), out);
	read_limits(json_object_get(k, "limits"), out);
	read_http(json_object_get(k, "http"), out);
	read_skip(json_object_get(k, "skip"), out);
	copy_text(control, "socket", out->control.socket, sizeof(out->control.socket));
	copy_text(control, "group", out->control.group, sizeof(out->control.group));
	copy_text(control, "read-only-group", out->control.read_only_group,
	          sizeof(out->control.read_only_group));
}

static int check_limits(const struct config_kms *c, struct err *err)
{
	const struct {
		const char *name;
		uint32_t bits;
	} sizes[] = {{"key-size", c->limits.key_size},
	             {"min-key-size", c->limits.min_key_size},
	             {"max-key-size", c->limits.max_key_size}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].bits % 8 != 0)
			return err_set(err, EINVAL,
			               CONFIG_KMS_ROOT "/limits/%s: %u is no multiple of 8",
			               sizes[i].name, sizes[i].bits);
	if (c->limits.key_size < c->limits.min_key_size ||
	    c->limits.key_size > c->limits.max_key_size)
		return err_set(err, EINVAL,
		               CONFIG_KMS_ROOT "/limits/key-size: %u is not from min-key-size %u "
		                               "to max-key-size %u",
		               c->limits.key_size, c->limits.min_key_size, c->limits.max_key_size);
	return 0;
}

static int check_skip(const struct config_kms *c, struct err *err)
{
	if (c->skip_listen_count > 0 && !c->skip)
		return err_set(err, EINVAL, CONFIG_KMS_ROOT "/skip/listen: SKIP is not enabled");
	if (c->skip_listen_count > 0 && c->psk_file[0] == '\0')
		return err_set(err, EINVAL, CONFIG_KMS_ROOT "/skip/psk-file: missing for listen");
	if (c->skip_listen_count == 0 && c->psk_file[0] != '\0')
		return err_set(err, EINVAL, CONFIG_KMS_ROOT "/skip/listen: missing for psk-file");
	for (unsigned int i = 0; i < c->skip_listen_count; i++)
		for (unsigned int k = 0; k < c->listen_count; k++)
			if (c->skip_listen[i].port == c->listen[k].port &&
			    config_addr_equal(&c->skip_listen[i].address, &c->listen[k].address))
				return err_set(err, EINVAL,
				               CONFIG_KMS_ROOT
				               "/skip/listen: port %u is one of listen, too",
				               c->listen[k].port);
	return 0;
}

static int check(const struct config_kms *c, struct err *err)
{
	if (strcmp(c->name, c->peer_name) == 0)
		return err_set(err, EINVAL, CONFIG_KMS_ROOT "/peer-name: is this KME's own name");
	if (c->store.high_bytes > c->store.max_bytes)
		return err_set(err, EINVAL,
		               CONFIG_KMS_ROOT "/store/high-water-kib: above max-size-kib");
	if (c->store.low_bytes >=
	    (c->store.high_bytes > 0 ? c->store.high_bytes : c->store.max_bytes / 8 * 7))
		return err_set(err, EINVAL,
		               CONFIG_KMS_ROOT "/store/low-water-kib: not below high-water-kib");
	if (c->http.connections_per_address > c->http.connections)
		return err_set(err, EINVAL,
		               CONFIG_KMS_ROOT "/http/connections-per-address: above connections");
	if (strcmp(c->control.socket, c->gateway_socket) == 0)
		return err_set(err, EINVAL,
		               CONFIG_KMS_ROOT "/control/socket: is gateway-socket, too");
	if (check_skip(c, err) != 0)
		return -EINVAL;
	return check_limits(c, err);
}

int config_kms_parse(const char *json, struct config_kms *out, char **normal, struct err *err)
{
	struct config_kms c = {0};
	json_t *tree = NULL;
	int rc;

	rc = config_yang_check(json, &CONFIG_KMS_ROOT[1], &tree, err);
	if (rc != 0)
		return rc;
	read_tree(json_object_get(tree, &CONFIG_KMS_ROOT[1]), &c);
	rc = check(&c, err);
	if (rc == 0 && normal != NULL) {
		*normal = json_dumps(tree, JSON_INDENT(2));
		if (*normal == NULL)
			rc = err_set(err, ENOMEM, "/: out of memory");
	}
	json_decref(tree);
	if (rc == 0)
		*out = c;
	return rc;
}

int config_kms_load(const char *path, struct config_kms *out, char **normal, struct err *err)
{
	char *text = NULL;
	int rc = config_file_text(path, &text, err);

	if (rc != 0)
		return rc;
	rc = config_kms_parse(text, out, normal, err);
	free(text);
	return rc == 0 ? 0 : err_prefix(err, "%s", path);
}

static int check_file(const char *path, const char *field, struct err *err)
{
	if (path[0] == '\0' || access(path, R_OK) == 0)
		return 0;
	return err_set(err, ENOENT, CONFIG_KMS_ROOT "/%s: %s: %s", field, path, strerror(errno));
}

static int check_group(const char *group, const char *field, struct err *err)
{
	if (group[0] == '\0' || getgrnam(group) != NULL)
		return 0;
	return err_set(err, ENOENT, CONFIG_KMS_ROOT "/control/%s: there is no group %s", field,
	               group);
}

int config_kms_check_system(const struct config_kms *c, struct err *err)
{
	int rc = check_file(c->certificate, "certificate", err);

	if (rc == 0)
		rc = check_file(c->private_key, "private-key", err);
	if (rc == 0)
		rc = check_file(c->ca, "ca", err);
	if (rc == 0)
		rc = check_file(c->crl, "crl", err);
	if (rc == 0)
		rc = check_file(c->psk_file, "skip/psk-file", err);
	if (rc == 0)
		rc = storage_key_check(c->store.storage_key, CONFIG_KMS_ROOT "/store/storage-key",
		                       err);
	if (rc == 0)
		rc = check_group(c->control.group, "group", err);
	if (rc == 0)
		rc = check_group(c->control.read_only_group, "read-only-group", err);
	return rc;
}
