/* SPDX-License-Identifier: BSD-3-Clause */

/* Certificates, databases, the MTU and the services' files, one thing wrong at a time. */

#include <sqlite3.h>

#include "control/doctor.h"
#include "qkd-engine/storage_schema.h"
#include "tests/unit/control/http/certificates.h"
#include "tests/unit/remove_tree.h"

static struct doctor d;
static struct pair root, other, server;

static void begin(void)
{
	d = (struct doctor){.root = files_folder};
}

/* That there is such a finding, with a word of what to do; "" where there is nothing to do. */
static void tells(const char *check, enum doctor_level level, const char *word, const char *advice)
{
	for (unsigned int i = 0; i < d.count; i++) {
		const struct doctor_check *c = &d.check[i];

		if (strcmp(c->name, check) != 0 || c->level != level ||
		    strstr(c->text, word) == NULL)
			continue;
		CU_ASSERT(advice[0] == '\0' ? c->advice[0] == '\0'
		                            : strstr(c->advice, advice) != NULL);
		return;
	}
	CU_FAIL("no such finding");
	printf("\n  nothing about \"%s\" of %s:\n", word, check);
	for (unsigned int i = 0; i < d.count; i++)
		printf("  %d %s %s\n", d.check[i].level, d.check[i].name, d.check[i].text);
}

static void look(void)
{
	begin();
	doctor_certificate(&d, "certificate", "key", "/server.pem", "/server.key");
}

static void put_server(const struct says *s)
{
	free_pair(&server);
	server = make_pair(s);
	write_cert("server.pem", server.cert, "w");
	write_key("server.key", server.key);
}

static void test_start(void)
{
	files_begin();
	root = make_authority("Root", NULL);
	other = make_authority("Other", NULL);
	server = make_pair(&(struct says){0});
}

static void test_a_good_pair(void)
{
	struct says s = {.cn = {"gw-a.example"}, .issuer = &root, .from_days = -1, .to_days = 90};

	put_server(&s);
	look();
	CU_ASSERT_EQUAL(d.count, 2);
	tells("certificate", DOCTOR_OK, "/server.pem: gw-a.example, for ", "");
	tells("key", DOCTOR_OK, "/server.key: that of the certificate, mode 600", "");
	/* With its authority behind it. */
	write_cert("server.pem", root.cert, "a");
	look();
	CU_ASSERT_EQUAL(doctor_count(&d, DOCTOR_OK), 2);
	write_cert("server.pem", server.cert, "w");
	write_cert("server.pem", other.cert, "a");
	look();
	tells("certificate", DOCTOR_FAIL, "gw-a.example is not issued by the certificate behind it",
	      "in order");
	/* The same name, and another key. */
	free_pair(&other);
	other = make_authority("Root", NULL);
	write_cert("server.pem", server.cert, "w");
	write_cert("server.pem", other.cert, "a");
	look();
	tells("certificate", DOCTOR_FAIL, "is not issued by the certificate behind it", "in order");
}

static void test_times(void)
{
	struct says s = {.cn = {"gw-a"}, .issuer = &root, .from_days = -10, .to_days = 20};

	put_server(&s);
	look();
	tells("certificate", DOCTOR_WARN, "gw-a expires in ", "lgctl kms reload");
	s.to_days = -3;
	put_server(&s);
	look();
	tells("certificate", DOCTOR_FAIL, "gw-a expired ", "put a new one there");
	s.from_days = 5;
	s.to_days = 90;
	put_server(&s);
	look();
	tells("certificate", DOCTOR_FAIL, "gw-a is valid in ", "clock");
	CU_ASSERT_EQUAL(d.count, 2);
}

static void test_keys(void)
{
	struct says s = {.cn = {"gw-a"}, .from_days = -1, .to_days = 90};

	put_server(&s);
	write_key("server.key", root.key);
	look();
	tells("key", DOCTOR_FAIL, "is not the key of the certificate", "requested");
	write_text("server.key", "nothing of the kind");
	look();
	tells("key", DOCTOR_FAIL, "no private key in PEM", "openssl pkey");
	write_key("server.key", server.key);
	chmod(files_path("server.key"), 0640);
	look();
	tells("key", DOCTOR_FAIL, "mode 640 lets others at it", "chmod 600");
	unlink(files_path("server.key"));
	look();
	tells("key", DOCTOR_FAIL, "/server.key: No such file", "mode 600");
	write_text("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	look();
	tells("certificate", DOCTOR_FAIL, "no certificate in PEM", "openssl x509");
	unlink(files_path("server.pem"));
	look();
	tells("certificate", DOCTOR_FAIL, "/server.pem: No such file", "in PEM");
}

static void test_whom_is_trusted(void)
{
	write_cert("ca.pem", root.cert, "w");
	write_cert("ca.pem", other.cert, "a");
	begin();
	doctor_authorities(&d, "ca", "/ca.pem");
	tells("ca", DOCTOR_OK, "/ca.pem: 2 authorities", "");
	write_crl("crl.pem", make_crl(&root, NULL, 5), "w");
	begin();
	doctor_revocations(&d, "crl", "/crl.pem");
	tells("crl", DOCTOR_OK, "/crl.pem: 1 lists", "");
	write_crl("crl.pem", make_crl(&other, NULL, -1), "a");
	begin();
	doctor_revocations(&d, "crl", "/crl.pem");
	tells("crl", DOCTOR_FAIL, "1 of 2 lists are past their next update", "fetch new ones");
	write_text("crl.pem", "");
	begin();
	doctor_revocations(&d, "crl", "/crl.pem");
	doctor_revocations(&d, "crl", "/none.pem");
	tells("crl", DOCTOR_FAIL, "/crl.pem: no revocation list in PEM", "openssl crl");
	tells("crl", DOCTOR_FAIL, "/none.pem: No such file", "configuration");
}

/* A database of some pages; a real one is the key store's. */
static void put_database(int version)
{
	char text[160];
	sqlite3 *db;

	unlink(files_path("keys.db"));
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(files_path("keys.db"), &db), SQLITE_OK);
	snprintf(text, sizeof(text),
	         "PRAGMA user_version = %d; CREATE TABLE t(a, b); CREATE INDEX i ON t(a);"
	         "INSERT INTO t VALUES(1, zeroblob(20000)), (2, 'x')",
	         version);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	chmod(files_path("keys.db"), 0600);
}

static void look_at_database(void)
{
	begin();
	doctor_database(&d, "store", "/keys.db", STORAGE_SCHEMA_VERSION);
}

static void overwrite(long at, const char *bytes, size_t n)
{
	FILE *f = fopen(files_path("keys.db"), "r+");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fseek(f, at, SEEK_SET);
	fwrite(bytes, 1, n, f);
	fclose(f);
}

static void test_databases(void)
{
	unlink(files_path("keys.db"));
	look_at_database();
	tells("store", DOCTOR_OK, "will be made", "");
	put_database(STORAGE_SCHEMA_VERSION);
	look_at_database();
	tells("store", DOCTOR_OK, "/keys.db: whole, mode 600, ", "");
	/* Nothing is left beside it. */
	CU_ASSERT_NOT_EQUAL(access(files_path("keys.db-wal"), F_OK), 0);
	CU_ASSERT_NOT_EQUAL(access(files_path("keys.db-shm"), F_OK), 0);
	put_database(STORAGE_SCHEMA_VERSION + 1);
	look_at_database();
	tells("store", DOCTOR_FAIL, "version 4, and 3 is known here", "newer lumengate");
	put_database(STORAGE_SCHEMA_VERSION);
	overwrite(4096, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	look_at_database();
	tells("store", DOCTOR_FAIL, "damaged", "look at the disk");
	overwrite(0, "no database at all", 18);
	look_at_database();
	tells("store", DOCTOR_FAIL, "not a database", "move it away");
	put_database(STORAGE_SCHEMA_VERSION);
	write_text("keys.db-wal", "somebody writes");
	look_at_database();
	tells("store", DOCTOR_OK, "in use", "");
	unlink(files_path("keys.db-wal"));
	chmod(files_path("keys.db"), 0644);
	look_at_database();
	tells("store", DOCTOR_WARN, "mode 644 lets others at it", "chmod 600");
	write_text("keys.db", "");
	look_at_database();
	tells("store", DOCTOR_OK, "empty", "");
	unlink(files_path("keys.db"));
}

static void mtu(bool ipv6, bool udp, unsigned int lan, unsigned int wan)
{
	static struct config c;

	c = (struct config){.lan.mtu = (uint16_t)lan, .wan.mtu = (uint16_t)wan, .tunnel_count = 1};
	strcpy(c.tunnels[0].name, "dc");
	c.tunnels[0].local.ipv6 = ipv6;
	c.tunnels[0].udp = udp;
	begin();
	d.config = &c;
	doctor_mtu(&d);
	CU_ASSERT_EQUAL(d.count, 1);
}

static void test_mtu(void)
{
	mtu(false, false, 1500, 1600);
	tells("mtu", DOCTOR_OK, "LAN packets of 1500 bytes take up to 1556 of the WAN's 1600", "");
	mtu(false, false, 1500, 1556);
	tells("mtu", DOCTOR_OK, "1556 of the WAN's 1556", "");
	mtu(false, false, 1500, 1555);
	tells("mtu", DOCTOR_WARN, "tunnel dc: LAN packets above 1498 bytes do not cross whole",
	      "an MTU of 1556 on the whole way");
	mtu(false, false, 1500, 1500);
	tells("mtu", DOCTOR_WARN, "above 1446 bytes", "1556");
	mtu(true, false, 1500, 1500);
	tells("mtu", DOCTOR_WARN, "above 1426 bytes", "1576");
	mtu(true, true, 1500, 1584);
	tells("mtu", DOCTOR_OK, "1584 of the WAN's 1584", "");
	mtu(false, false, 1500, 20);
	tells("mtu", DOCTOR_WARN, "above 0 bytes", "mss-clamp");
}

/* The examples' files, where nothing of what they name is there. */
static void test_services(void)
{
	static const struct doctor_files files = {.config = "/gateway.json",
	                                          .kms_config = "/kms.json",
	                                          .web_config = "/web.json",
	                                          .yang_dir = SOURCE_DIR "/config"};
	static const struct doctor_files asked = {.config = "/gateway.json",
	                                          .kms_config = "/kms.json",
	                                          .web_config = "/web.json",
	                                          .kms_asked = true,
	                                          .yang_dir = SOURCE_DIR "/config"};
	char command[256];

	doctor_run(&d, files_folder, &files);
	tells("configuration", DOCTOR_FAIL, "gateway.json", "--config");
	tells("kms", DOCTOR_OK, "/kms.json is not there: no key delivery", "");
	tells("web", DOCTOR_OK, "/web.json is not there", "");
	CU_ASSERT_STRING_EQUAL(d.kms_socket, "");
	doctor_run(&d, files_folder, &asked);
	tells("kms", DOCTOR_FAIL, "kms.json", "--kms-config");
	write_text("web.json", "{\"lumengate:web\": {\"listen\": []}}");
	snprintf(command, sizeof(command), "cp %s/config/examples/kms-a.json %s/kms.json",
	         SOURCE_DIR, files_folder);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	doctor_run(&d, files_folder, &files);
	tells("kms", DOCTOR_OK, "/kms.json is valid: KME kme-a, of 1 addresses", "");
	tells("kms-certificate", DOCTOR_FAIL, "/etc/lumengate/kms/server.pem: No such file", "PEM");
	tells("kms-ca", DOCTOR_FAIL, "/etc/lumengate/kms/ca.pem: No such file", "PEM");
	tells("kms-crl", DOCTOR_FAIL, "/etc/lumengate/kms/crl.pem: No such file", "PEM");
	tells("kms-storage-key", DOCTOR_OK, "credential:storage-key", "");
	tells("kms-store", DOCTOR_OK, "will be made", "");
	tells("web", DOCTOR_FAIL, "/lumengate:web", "--web-config");
	CU_ASSERT_STRING_EQUAL(d.kms_socket, "/run/lumengate-kms/control.sock");
}

static void test_end(void)
{
	free_pair(&root);
	free_pair(&other);
	free_pair(&server);
	remove_tree(files_folder);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_a_good_pair), UNIT(test_times), UNIT(test_keys),
          UNIT(test_whom_is_trusted), UNIT(test_databases), UNIT(test_mtu), UNIT(test_services),
          UNIT(test_end))
