/* SPDX-License-Identifier: BSD-3-Clause */

/* Clients with pre-shared keys, over loopback; and the file that has these. */

#include "control/http/tls_psk.h"
#include "tests/unit/control/http/https_rig.h"

#define KEY_1 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_2 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void keys(struct https_config *c)
{
	write_text("psk", "# routers\nrouter-1:" KEY_1 "\r\n\nurn:router:2:" KEY_2 KEY_2);
	c->clients[0] = HTTPS_PSK;
	c->files.psk = strdup(files_path("psk"));
}

static void end_keys(void)
{
	free((char *)front_config.files.psk);
	end();
}

/* What the client says and has. */
static const char *say_identity;
static unsigned char have_key[64];
static size_t have_len;

static void have(const char *identity, const char *hex)
{
	say_identity = identity;
	have_len = strlen(hex) / 2;
	for (size_t i = 0; i < have_len; i++) {
		unsigned int byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		have_key[i] = (unsigned char)byte;
	}
}

static unsigned int client_key(SSL *ssl, const char *hint, char *identity, unsigned int room,
                               unsigned char *psk, unsigned int psk_room)
{
	snprintf(identity, room, "%s", say_identity);
	memcpy(psk, have_key, have_len);
	return (unsigned int)have_len;
}

static int client_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n,
                          SSL_SESSION **out)
{
	static const unsigned char suite[] = {0x13, 0x02};

	*out = NULL;
	*id = (const unsigned char *)say_identity;
	*n = strlen(say_identity);
	if (md != NULL && EVP_MD_get_size(md) != 48)
		return 1;
	*out = SSL_SESSION_new();
	return SSL_SESSION_set1_master_key(*out, have_key, have_len) == 1 &&
	       SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite)) == 1 &&
	       SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION) == 1;
}

static void check_served(const char *version, const char *cipher, const char *who)
{
	char expected[64];
	SSL *ssl = hello(NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ssl);
	CU_ASSERT_STRING_EQUAL(SSL_get_version(ssl), version);
	CU_ASSERT_STRING_EQUAL(SSL_get_cipher(ssl), cipher);
	put(ssl, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(ssl, true), 200);
	snprintf(expected, sizeof(expected), "{\"who\":\"%s\",", who);
	CU_ASSERT_EQUAL(strncmp(answer_body, expected, strlen(expected)), 0);
	bye(ssl);
}

static void test_handshakes(void)
{
	begin_with(keys);
	/* TLS 1.3 with the suite that SKIP wants, whose hash is SHA-384. */
	SSL_CTX_set_psk_use_session_callback(client_ctx, client_session);
	have("router-1", KEY_1);
	check_served("TLSv1.3", "TLS_AES_256_GCM_SHA384", "router-1");
	have("urn:router:2", KEY_2 KEY_2);
	check_served("TLSv1.3", "TLS_AES_256_GCM_SHA384", "urn:router:2");
	/* With SHA-256, which is a key's hash when nobody says another. */
	SSL_CTX_set_psk_use_session_callback(client_ctx, NULL);
	SSL_CTX_set_psk_client_callback(client_ctx, client_key);
	have("router-1", KEY_1);
	check_served("TLSv1.3", "TLS_AES_128_GCM_SHA256", "router-1");
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	check_served("TLSv1.2", "DHE-PSK-AES256-GCM-SHA384", "router-1");
	SSL_CTX_set_cipher_list(client_ctx, "PSK-AES256-GCM-SHA384");
	check_served("TLSv1.2", "PSK-AES256-GCM-SHA384", "router-1");
	SSL_CTX_set_cipher_list(client_ctx, "PSK-AES128-CBC-SHA");
	CU_ASSERT_PTR_NULL(hello(NULL));
	end_keys();
}

static void test_strangers(void)
{
	begin_with(keys);
	SSL_CTX_set_psk_use_session_callback(client_ctx, client_session);
	have("router-1", KEY_2);
	CU_ASSERT_PTR_NULL(hello(NULL));
	have("router-3", KEY_1);
	CU_ASSERT_PTR_NULL(hello(NULL));
	have("router-", KEY_1);
	CU_ASSERT_PTR_NULL(hello(NULL));
	have("", KEY_1);
	CU_ASSERT_PTR_NULL(hello(NULL));
	/* A certificate is none of this door's. */
	SSL_CTX_set_psk_use_session_callback(client_ctx, NULL);
	CU_ASSERT_PTR_NULL(hello(&sae));
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	SSL_CTX_set_psk_client_callback(client_ctx, client_key);
	have("router-1", KEY_2);
	CU_ASSERT_PTR_NULL(hello(NULL));
	have("nobody", KEY_1);
	CU_ASSERT_PTR_NULL(hello(NULL));
	ERR_clear_error();
	CU_ASSERT_EQUAL(count(HTTPS_HANDSHAKES), 0);
	CU_ASSERT_TRUE(until(HTTPS_HANDSHAKE_FAILED, 7));
	end_keys();
}

/* Who is connected with a key that is another one after the reload, or gone, is out. */
static void test_reload(void)
{
	struct err err = {0};
	SSL *one, *two;

	begin_with(keys);
	SSL_CTX_set_psk_use_session_callback(client_ctx, client_session);
	have("router-1", KEY_1);
	one = hello(NULL);
	have("urn:router:2", KEY_2 KEY_2);
	two = hello(NULL);
	CU_ASSERT_TRUE_FATAL(one != NULL && two != NULL);
	put(one, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(one, true), 200);
	write_text("psk", "router-1:" KEY_1 "\nrouter-1:" KEY_2 "\n");
	CU_ASSERT_EQUAL(https_reload(front, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "line 2: the identity has a key already"));
	put(two, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(two, true), 200);
	write_text("psk", "router-1:" KEY_1 "\nurn:router:2:" KEY_2 "\n");
	CU_ASSERT_EQUAL(https_reload(front, &err), 0);
	put(one, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(get(one, true), 200);
	put(two, "GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
	check_error(two, 401, "pre-shared key");
	bye(one);
	bye(two);
	end_keys();
}

static void check_file(const char *text, const char *why)
{
	struct tls_psk *t = NULL;
	struct err err = {0};

	write_text("psk", text);
	if (tls_psk_load(files_path("psk"), &t, &err) != -EINVAL || strstr(err.text, why) == NULL ||
	    strstr(err.text, "ffff") != NULL) {
		printf("%s\n", err.text);
		CU_FAIL("another error was expected");
	}
	CU_ASSERT_PTR_NULL(t);
}

static void test_files(void)
{
	struct tls_psk *t = NULL;
	struct err err = {0};
	size_t n;

	files_begin();
	check_file("\n# nothing\n", "has none");
	check_file("router-1\n", "line 1: not IDENTITY:KEY");
	check_file(":" KEY_2 "\n", "line 1: ");
	check_file("\nrouter-1:ffff\n", "line 2: the key has not 32 to 64 bytes");
	check_file("router-1:" KEY_2 KEY_2 "ff\n", "line 1: the key has not 32 to 64 bytes");
	check_file("router-1:" KEY_2 "f\n", "line 1: the key has not 32 to 64 bytes");
	check_file("router-1:gfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n",
	           "not hexadecimal");
	check_file("router\x01:" KEY_2 "\n", "line 1: ");
	write_text("psk", "a:" KEY_2 "\n");
	CU_ASSERT_EQUAL(chmod(files_path("psk"), 0640), 0);
	CU_ASSERT_EQUAL(tls_psk_load(files_path("psk"), &t, &err), -EACCES);
	CU_ASSERT_EQUAL(chmod(files_path("psk"), 0600), 0);
	CU_ASSERT_EQUAL_FATAL(tls_psk_load(files_path("psk"), &t, &err), 0);
	CU_ASSERT_PTR_NOT_NULL(tls_psk_find(t, "a", 1, &n));
	CU_ASSERT_EQUAL(n, 32);
	CU_ASSERT_PTR_NULL(tls_psk_find(t, "a\0", 2, &n));
	CU_ASSERT_PTR_NULL(tls_psk_find(t, "", 0, &n));
	tls_psk_free(t);
	CU_ASSERT_EQUAL(secret_used(), 0);
	remove_tree(files_folder);
}

UNIT_MAIN(UNIT(test_handshakes), UNIT(test_strangers), UNIT(test_reload), UNIT(test_files))
