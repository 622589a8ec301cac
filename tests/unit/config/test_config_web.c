/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_web.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#define ROOT "/lumengate:web"

static void setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
}

static void test_example_and_defaults(void)
{
	char text[CONFIG_ADDR_TEXT];
	struct config_web c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_web_load(EXAMPLE_WEB, &c, &err), 0);
	CU_ASSERT_EQUAL_FATAL(c.listen_count, 1);
	CU_ASSERT_STRING_EQUAL(config_addr_format(&c.listen[0].address, text), "127.0.0.1");
	CU_ASSERT_EQUAL(c.listen[0].port, 9464);
	CU_ASSERT_FALSE(c.listen[0].tls);
	CU_ASSERT_STRING_EQUAL(c.certificate, "");
	CU_ASSERT_STRING_EQUAL(c.gateway_socket, "/run/lumengate/control.sock");
	CU_ASSERT_STRING_EQUAL(c.kms_socket, "/run/lumengate-kms/control.sock");
	CU_ASSERT_EQUAL(c.poll_s, 1);
	CU_ASSERT_TRUE(c.history.enabled);
	CU_ASSERT_STRING_EQUAL(c.history.path, "/var/lib/lumengate-web/history.db");
	CU_ASSERT_EQUAL(c.history.keep_days, 90);
	CU_ASSERT_EQUAL(c.http.connections, 256);
	CU_ASSERT_EQUAL(c.http.connections_per_address, 64);
	CU_ASSERT_EQUAL(c.http.header_s, 10);
	CU_ASSERT_EQUAL(c.http.answer_s, 10);
	CU_ASSERT_EQUAL(c.http.idle_s, 300);
	CU_ASSERT_STRING_EQUAL(c.control.socket, "/run/lumengate-web/control.sock");
	CU_ASSERT_STRING_EQUAL(c.control.group, "lumengate");
	CU_ASSERT_STRING_EQUAL(c.control.read_only_group, "");
}

static void test_tls(void)
{
	static const char text[] =
	        "{\"lumengate:web\":{\"listen\":[{\"address\":\"::\",\"port\":443}],"
	        "\"certificate\":\"/c.pem\",\"private-key\":\"/k.pem\",\"client-ca\":\"/ca.pem\","
	        "\"client-crl\":\"/crl.pem\"}}";
	struct config_web c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_web_parse(text, &c, &err), 0);
	CU_ASSERT_TRUE(c.listen[0].tls);
	CU_ASSERT_TRUE(c.listen[0].address.ipv6);
	CU_ASSERT_STRING_EQUAL(c.certificate, "/c.pem");
	CU_ASSERT_STRING_EQUAL(c.private_key, "/k.pem");
	CU_ASSERT_STRING_EQUAL(c.client_ca, "/ca.pem");
	CU_ASSERT_STRING_EQUAL(c.client_crl, "/crl.pem");
	CU_ASSERT_STRING_EQUAL(c.kms_socket, "");
	CU_ASSERT_EQUAL(config_web_check_system(&c, &err), -ENOENT);
	CU_ASSERT_NSTRING_EQUAL(
	        err.text, ROOT "/certificate: /c.pem: ", strlen(ROOT "/certificate: /c.pem: "));
}

static void check(const char *path, const char *value, const char *where, const char *why)
{
	char *text = variant(EXAMPLE_WEB, path, value);
	struct config_web c, untouched;
	struct err err = {0};
	int rc;

	memset(&c, 0x5a, sizeof(c));
	untouched = c;
	rc = config_web_parse(text, &c, &err);
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
	check("listen", NULL, ROOT "/listen", "Too few");
	check("listen/0/tls", "true", ROOT "/listen", "TLS takes certificate and private-key");
	check("listen/0/tls", NULL, ROOT "/listen", "TLS takes certificate and private-key");
	check("listen/0/port", "0", ROOT "/listen", "port");
	check("listen/0/address", "\"localhost\"", ROOT "/listen", "address");
	check("client-ca", "\"/ca\"", ROOT "/client-ca", "to a server that has one");
	check("client-crl", "\"/crl\"", ROOT "/client-crl", "client-ca is missing");
	check("poll-interval-s", "0", ROOT "/poll-interval-s", "out of range");
	check("poll-interval-s", "61", ROOT "/poll-interval-s", "out of range");
	check("history", "{\"keep-days\":0}", ROOT "/history/keep-days", "out of range");
	check("history", "{\"path\":\"history.db\"}", ROOT "/history/path", "not an absolute path");
	check("http", "{\"connections\":10}", ROOT "/http/connections-per-address",
	      "above connections");
	check("control/socket", "\"/run/lumengate/control.sock\"", ROOT "/control/socket",
	      "gateway-socket");
	check("kms-socket", "\"/run/lumengate/control.sock\"", ROOT "/kms-socket",
	      "gateway-socket");
	check("control/socket", "\"/run/lumengate-kms/control.sock\"", ROOT "/control/socket",
	      "kms-socket");
	check("metrics", "{}", ROOT, "metrics");
}

#define LISTEN "\"listen\":[{\"address\":\"127.0.0.1\",\"port\":1,\"tls\":false}]"

static void test_sinks(void)
{
	static const char text[] =
	        "{\"lumengate:web\":{" LISTEN ",\"syslog\":[{\"name\":\"noc\","
	        "\"address\":\"logs.example\"},{\"name\":\"here\",\"transport\":\"unix\","
	        "\"facility\":\"local4\",\"severity\":\"major\"}],\"journal\":{},"
	        "\"webhook\":[{\"name\":\"pager\",\"url\":\"https://pager.example:8443/a?b=c\","
	        "\"secret-file\":\"/s\",\"ca\":\"/ca\"}]}}";
	struct config_web c;
	struct err err = {0};

	setup();
	CU_ASSERT_EQUAL_FATAL(config_web_parse(text, &c, &err), 0);
	CU_ASSERT_EQUAL_FATAL(c.syslog_count, 2);
	CU_ASSERT_STRING_EQUAL(c.syslog[0].name, "noc");
	CU_ASSERT_EQUAL(c.syslog[0].transport, CONFIG_WEB_UDP);
	CU_ASSERT_STRING_EQUAL(c.syslog[0].address, "logs.example");
	CU_ASSERT_EQUAL(c.syslog[0].port, 514);
	CU_ASSERT_STRING_EQUAL(c.syslog[0].facility, "daemon");
	CU_ASSERT_STRING_EQUAL(c.syslog[0].severity, "warning");
	CU_ASSERT_EQUAL(c.syslog[0].enterprise, 32473);
	CU_ASSERT_EQUAL(c.syslog[0].messages, 1000);
	CU_ASSERT_EQUAL(c.syslog[1].transport, CONFIG_WEB_UNIX);
	CU_ASSERT_STRING_EQUAL(c.syslog[1].path, "/dev/log");
	CU_ASSERT_STRING_EQUAL(c.syslog[1].severity, "major");
	CU_ASSERT_TRUE(c.journal.enabled);
	CU_ASSERT_STRING_EQUAL(c.journal.socket, "/run/systemd/journal/socket");
	CU_ASSERT_EQUAL_FATAL(c.webhook_count, 1);
	CU_ASSERT_STRING_EQUAL(c.webhook[0].url, "https://pager.example:8443/a?b=c");
	CU_ASSERT_EQUAL(c.webhook[0].timeout_s, 10);
	CU_ASSERT_STRING_EQUAL(c.webhook[0].secret_file, "/s");
	CU_ASSERT_EQUAL(config_web_check_system(&c, &err), -ENOENT);
	CU_ASSERT_NSTRING_EQUAL(err.text, ROOT "/webhook[name='pager']/ca: /ca: ",
	                        strlen(ROOT "/webhook[name='pager']/ca: /ca: "));
	CU_ASSERT_EQUAL_FATAL(config_web_load(EXAMPLE_WEB, &c, &err), 0);
	CU_ASSERT_EQUAL(c.syslog_count + c.webhook_count, 0);
}

static void check_url(const char *url, const char *why)
{
	char list[256];

	snprintf(list, sizeof(list), "[{\"name\":\"w\",\"url\":\"%s\"}]", url);
	if (why != NULL) {
		check("webhook", list, ROOT "/webhook[name='w']/url", why);
	} else {
		char *text = variant(EXAMPLE_WEB, "webhook", list);
		struct config_web c;
		struct err err = {0};

		CU_ASSERT_EQUAL(config_web_parse(text, &c, &err), 0);
		free(text);
	}
}

static void test_sinks_refused(void)
{
	setup();
	check("syslog", "[{\"name\":\"x\"}]", ROOT "/syslog[name='x']", "has no address");
	check("syslog", "[{\"name\":\"x\",\"transport\":\"tcp\"}]", ROOT "/syslog[name='x']",
	      "has no address");
	check("syslog", "[{\"name\":\"x\",\"address\":\"a\",\"facility\":\"local8\"}]",
	      ROOT "/syslog", "local8");
	check("journal", "{\"severity\":\"cleared\"}", ROOT "/journal/severity", "cleared");
	check("webhook", "[{\"name\":\"w\"}]", ROOT "/webhook", "url");
	check_url("ftp://pager.example/", "is not https://");
	check_url("https:///path", "has no host");
	check_url("https://a:b@pager.example/", "a user or a password");
	check_url("https://pager.example/a b", "has blanks");
	check_url("http://pager.example/", "is not https://: anybody");
	check_url("http://127.0.0.1.example/", "is not https://: anybody");
	check_url("http://localhost@pager.example/", "a user or a password");
	check_url("http://127.0.0.1:8080/x", NULL);
	check_url("http://[::1]/", NULL);
	check_url("https://pager.example", NULL);
}

static void test_other_containers_may_be_there(void)
{
	json_t *both = json_load_file(EXAMPLE_A, 0, NULL);
	json_t *web = json_load_file(EXAMPLE_WEB, 0, NULL);
	static struct config gateway;
	struct config_web c;
	struct err err = {0};
	char *text;

	setup();
	CU_ASSERT_NOT_EQUAL(config_web_load(EXAMPLE_A, &c, &err), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/lumengate:web: missing"));
	json_object_update(both, web);
	text = json_dumps(both, 0);
	CU_ASSERT_EQUAL(config_web_parse(text, &c, &err), 0);
	CU_ASSERT_EQUAL(config_parse(text, &gateway, &err), 0);
	free(text);
	json_decref(web);
	json_decref(both);
}

UNIT_MAIN(UNIT(test_example_and_defaults), UNIT(test_tls), UNIT(test_refusals), UNIT(test_sinks),
          UNIT(test_sinks_refused), UNIT(test_other_containers_may_be_there))
