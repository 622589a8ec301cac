/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_kms.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ROOT "/lumengate:kms"

static void setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
}

static void test_examples_load(void)
{
	struct config_kms a, b;
	struct err err = {0};
	char text[CONFIG_ADDR_TEXT];

	setup();
	CU_ASSERT_EQUAL_FATAL(config_kms_load(EXAMPLE_KMS_A, &a, NULL, &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_kms_load(EXAMPLE_KMS_B, &b, NULL, &err), 0);
	CU_ASSERT_STRING_EQUAL(a.name, "kme-a");
	CU_ASSERT_STRING_EQUAL(a.peer_name, b.name);
	CU_ASSERT_EQUAL(a.site, CONFIG_SITE_A);
	CU_ASSERT_EQUAL(b.site, CONFIG_SITE_B);
	CU_ASSERT_STRING_EQUAL(b.peer_name, a.name);
	CU_ASSERT_EQUAL_FATAL(a.listen_count, 1);
	CU_ASSERT_STRING_EQUAL(config_addr_format(&a.listen[0].address, text), "0.0.0.0");
	CU_ASSERT_EQUAL(a.listen[0].port, 8443);
	CU_ASSERT_STRING_EQUAL(a.certificate, "/etc/lumengate/kms/server.pem");
	CU_ASSERT_STRING_EQUAL(a.private_key, "/etc/lumengate/kms/server.key");
	CU_ASSERT_STRING_EQUAL(a.ca, "/etc/lumengate/kms/ca.pem");
	CU_ASSERT_STRING_EQUAL(a.crl, "/etc/lumengate/kms/crl.pem");
	CU_ASSERT_EQUAL(a.identity, CONFIG_KMS_SUBJECT_CN);
	CU_ASSERT_STRING_EQUAL(a.gateway_socket, "/run/lumengate/delivery.sock");
	CU_ASSERT_FALSE(a.optional_strict);
	CU_ASSERT_STRING_EQUAL(a.store.path, "/var/lib/lumengate-kms/kms.db");
	CU_ASSERT_STRING_EQUAL(a.store.storage_key, "credential:storage-key");
	CU_ASSERT_EQUAL(a.store.ttl_s, 86400);
	CU_ASSERT_STRING_EQUAL(a.control.socket, "/run/lumengate-kms/control.sock");
}

static void test_defaults(void)
{
	char *text = variant(EXAMPLE_KMS_A, "store/ttl-s", NULL), *normal = NULL;
	struct config_kms c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_kms_parse(text, &c, &normal, &err), 0);
	CU_ASSERT_EQUAL(c.store.max_bytes, 16 << 20);
	CU_ASSERT_EQUAL(c.store.low_bytes, 64 << 10);
	CU_ASSERT_EQUAL(c.store.high_bytes, 0);
	CU_ASSERT_EQUAL(c.store.ttl_s, 86400);
	CU_ASSERT_EQUAL(c.limits.key_size, 256);
	CU_ASSERT_EQUAL(c.limits.min_key_size, 64);
	CU_ASSERT_EQUAL(c.limits.max_key_size, 1024);
	CU_ASSERT_EQUAL(c.limits.max_keys_per_request, 128);
	CU_ASSERT_EQUAL(c.limits.max_sae_count, 0);
	CU_ASSERT_EQUAL(c.http.connections, 12000);
	CU_ASSERT_EQUAL(c.http.connections_per_address, 1000);
	CU_ASSERT_EQUAL(c.http.body_memory_mb, 32);
	CU_ASSERT_EQUAL(c.http.handshake_s, 10);
	CU_ASSERT_EQUAL(c.http.header_s, 10);
	CU_ASSERT_EQUAL(c.http.body_s, 20);
	CU_ASSERT_EQUAL(c.http.answer_s, 10);
	CU_ASSERT_EQUAL(c.http.idle_s, 300);
	CU_ASSERT_EQUAL(c.secret_memory_mb, 16);
	CU_ASSERT_FALSE(c.skip);
	CU_ASSERT_STRING_EQUAL(c.control.group, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(normal);
	CU_ASSERT_PTR_NOT_NULL(strstr(normal, "\"max-keys-per-request\": 128"));
	free(normal);
	free(text);
}

static void check(const char *path, const char *value, const char *where, const char *why)
{
	char *text = variant(EXAMPLE_KMS_A, path, value);
	struct config_kms c, untouched;
	struct err err = {0};
	int rc;

	memset(&c, 0x5a, sizeof(c));
	untouched = c;
	rc = config_kms_parse(text, &c, NULL, &err);
	CU_ASSERT_NOT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(memcmp(&c, &untouched, sizeof(c)), 0);
	if (strncmp(err.text, where, strlen(where)) != 0 || strstr(err.text, why) == NULL) {
		printf("%s = %s: %s\n", path, value == NULL ? "-" : value, err.text);
		CU_FAIL("another error was expected");
	}
	free(text);
}

static void test_refusals(void)
{
	setup();
	check("name", NULL, ROOT "/name", "Mandatory");
	check("name", "\"\"", ROOT "/name", "must have 1 to 255 characters");
	check("name", "\"a\\nb\"", ROOT "/name", "has control characters");
	check("peer-name", "\"kme-a\"", ROOT "/peer-name", "own name");
	check("listen", "[]", ROOT "/listen", "Too few");
	check("listen/0/port", "0", ROOT "/listen", "port");
	check("listen/0/port", "65536", ROOT "/listen", "port");
	check("listen/0/address", "\"localhost\"", ROOT "/listen", "address");
	check("listen/+", "{\"address\":\"0.0.0.0\",\"port\":8443}", ROOT "/listen", "Duplicate");
	check("certificate", NULL, ROOT "/certificate", "Mandatory");
	check("certificate", "\"server.pem\"", ROOT "/certificate", "not an absolute path");
	check("private-key", NULL, ROOT "/private-key", "Mandatory");
	check("ca", NULL, ROOT "/ca", "Mandatory");
	check("identity", "\"subject\"", ROOT "/identity", "enum");
	check("store/path", NULL, ROOT "/store/path", "Mandatory");
	check("store/storage-key", NULL, ROOT "/store/storage-key", "Mandatory");
	check("store/max-size-kib", "1", ROOT "/store/max-size-kib", "out of range");
	check("store/max-size-kib", "64", ROOT "/store/low-water-kib", "not below high-water-kib");
	check("store/high-water-kib", "16385", ROOT "/store/high-water-kib", "above max-size-kib");
	check("store/high-water-kib", "64", ROOT "/store/low-water-kib",
	      "not below high-water-kib");
	check("site", NULL, ROOT "/site", "Mandatory");
	check("site", "\"c\"", ROOT "/site", "enum");
	check("skip", "{\"remote-system-id\":[\"\"]}", ROOT "/skip", "1 to 255");
	check("limits", "{\"key-size\":255}", ROOT "/limits/key-size", "multiple of 8");
	check("limits", "{\"max-key-size\":1022}", ROOT "/limits/max-key-size", "multiple of 8");
	check("limits", "{\"max-key-size\":128}", ROOT "/limits/key-size", "not from min-key-size");
	check("limits", "{\"min-key-size\":264}", ROOT "/limits/key-size", "not from min-key-size");
	check("limits", "{\"max-keys-per-request\":0}", ROOT "/limits/max-keys-per-request",
	      "out of range");
	check("http", "{\"connections\":10}", ROOT "/http/connections-per-address",
	      "above connections");
	check("http", "{\"header-timeout-s\":0}", ROOT "/http/header-timeout-s", "out of range");
	check("secret-memory-mib", "1", ROOT "/secret-memory-mib", "out of range");
	check("control/socket", "\"/run/lumengate/delivery.sock\"", ROOT "/control/socket",
	      "gateway-socket");
	check("skip", "{\"enabled\":true,\"listen\":[{\"address\":\"::\",\"port\":8444}]}",
	      ROOT "/skip/psk-file", "missing for listen");
	check("skip", "{\"enabled\":true,\"psk-file\":\"/x\"}", ROOT "/skip/listen",
	      "missing for psk-file");
	check("skip", "{\"psk-file\":\"/x\",\"listen\":[{\"address\":\"::\",\"port\":8444}]}",
	      ROOT "/skip/listen", "not enabled");
	check("skip",
	      "{\"enabled\":true,\"psk-file\":\"/x\","
	      "\"listen\":[{\"address\":\"0.0.0.0\",\"port\":8443}]}",
	      ROOT "/skip/listen", "one of listen");
	check("tls", "{}", ROOT, "tls");
}

static void test_skip(void)
{
	char *text = variant(EXAMPLE_KMS_B, "skip",
	                     "{\"enabled\":true,\"remote-system-id\":[\"router-*\",\"x\"],"
	                     "\"psk-file\":\"/etc/psk\","
	                     "\"listen\":[{\"address\":\"::1\",\"port\":8444}]}");
	struct config_kms c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_kms_parse(text, &c, NULL, &err), 0);
	CU_ASSERT_TRUE(c.skip);
	CU_ASSERT_EQUAL_FATAL(c.skip_remote_count, 2);
	CU_ASSERT_STRING_EQUAL(c.skip_remote[0], "router-*");
	CU_ASSERT_STRING_EQUAL(c.skip_remote[1], "x");
	CU_ASSERT_EQUAL_FATAL(c.skip_listen_count, 1);
	CU_ASSERT_TRUE(c.skip_listen[0].address.ipv6);
	CU_ASSERT_EQUAL(c.skip_listen[0].port, 8444);
	CU_ASSERT_STRING_EQUAL(c.psk_file, "/etc/psk");
	free(text);
}

/* Each program wants its own container, and lets the other be there. */
static void test_containers(void)
{
	json_t *both = json_load_file(EXAMPLE_A, 0, NULL);
	json_t *kms = json_load_file(EXAMPLE_KMS_A, 0, NULL);
	static struct config gateway;
	struct config_kms c;
	struct err err = {0};
	char *text;

	setup();
	CU_ASSERT_NOT_EQUAL(config_kms_load(EXAMPLE_A, &c, NULL, &err), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/lumengate:kms: missing"));
	CU_ASSERT_NOT_EQUAL(config_load(EXAMPLE_KMS_A, &gateway, &err), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/lumengate:gateway: missing"));
	json_object_update(both, kms);
	text = json_dumps(both, 0);
	CU_ASSERT_EQUAL(config_kms_parse(text, &c, NULL, &err), 0);
	CU_ASSERT_EQUAL(config_parse(text, &gateway, &err), 0);
	free(text);
	json_decref(kms);
	json_decref(both);
}

/* A file that is named and not there is told with its place. */
static void test_system(void)
{
	struct config_kms c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_kms_load(EXAMPLE_KMS_A, &c, NULL, &err), 0);
	strcpy(c.certificate, EXAMPLE_KMS_A);
	strcpy(c.private_key, EXAMPLE_KMS_A);
	strcpy(c.ca, "/nonexistent/ca.pem");
	CU_ASSERT_EQUAL(config_kms_check_system(&c, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ROOT "/ca: /nonexistent/ca.pem: No such file"));
	strcpy(c.ca, EXAMPLE_KMS_A);
	strcpy(c.crl, "");
	strcpy(c.store.storage_key, EXAMPLE_KMS_A);
	CU_ASSERT_EQUAL(config_kms_check_system(&c, &err), 0);
	strcpy(c.control.group, "no-such-group");
	CU_ASSERT_EQUAL(config_kms_check_system(&c, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ROOT "/control/group: there is no group"));
}

UNIT_MAIN(UNIT(test_examples_load), UNIT(test_defaults), UNIT(test_refusals), UNIT(test_skip),
          UNIT(test_containers), UNIT(test_system))
