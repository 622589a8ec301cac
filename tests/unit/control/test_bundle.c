/* SPDX-License-Identifier: BSD-3-Clause */

/* What a support bundle is made of: archives that tar reads, and texts without secrets. */

#include "control/bundle_tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/redact.h"
#include "tests/unit/unit.h"

static char folder[64], archive[96];

static void test_start(void)
{
	strcpy(folder, "/tmp/bundle-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(archive, sizeof(archive), "%s/x.tar.gz", folder);
}

/* What tar says of the file NAME in the archive: N bytes, which are freed by the caller. */
static char *extract(const char *name, size_t *n)
{
	char command[256], *out = calloc(1, 4 << 20);
	FILE *f;

	snprintf(command, sizeof(command), "tar xzOf %s box/%s", archive, name);
	f = popen(command, "r");
	CU_ASSERT_FATAL(f != NULL && out != NULL);
	*n = fread(out, 1, 4 << 20, f);
	CU_ASSERT_EQUAL(pclose(f), 0);
	return out;
}

static void test_tar_reads_it(void)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 10240, 3000000};
	unsigned char *data = malloc(3000000);
	struct bundle_tar *t;
	struct err err = {0};
	char name[32], *back;
	struct stat st;
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	for (size_t i = 0; i < 3000000; i++)
		data[i] = (unsigned char)(i * 7 >> 3);
	CU_ASSERT_EQUAL_FATAL(bundle_tar_create(archive, "box", 1767225600, &t, &err), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "sub/%zu", i);
		bundle_tar_add(t, name, data, sizes[i]);
	}
	CU_ASSERT_EQUAL(bundle_tar_files(t), 7);
	CU_ASSERT_EQUAL(bundle_tar_bytes(t), 3000000 + 10240 + 513 + 512 + 511 + 1);
	CU_ASSERT_EQUAL(bundle_tar_close(t, &err), 0);
	CU_ASSERT_EQUAL(stat(archive, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "sub/%zu", i);
		back = extract(name, &n);
		CU_ASSERT_EQUAL(n, sizes[i]);
		CU_ASSERT_EQUAL(memcmp(back, data, sizes[i]), 0);
		free(back);
	}
	free(data);
	/* What is there is not written over. */
	CU_ASSERT_EQUAL(bundle_tar_create(archive, "box", 0, &t, &err), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "x.tar.gz: File exists"));
	CU_ASSERT_EQUAL(unlink(archive), 0);
}

/* No half of an archive stays. */
static void test_nothing_is_left_of_a_failure(void)
{
	struct bundle_tar *t;
	struct err err = {0};
	char name[160];

	CU_ASSERT_EQUAL_FATAL(bundle_tar_create(archive, "box", 0, &t, &err), 0);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	bundle_tar_add(t, name, "x", 1);
	bundle_tar_add(t, "good", "x", 1);
	CU_ASSERT_EQUAL(bundle_tar_close(t, &err), -ENAMETOOLONG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "x.tar.gz: nnn"));
	CU_ASSERT_NOT_EQUAL(access(archive, F_OK), 0);
	snprintf(name, sizeof(name), "%s/none/x.tar.gz", folder);
	CU_ASSERT_EQUAL(bundle_tar_create(name, "box", 0, &t, &err), -ENOENT);
}

static void becomes(const char *before, const char *after)
{
	json_t *v = json_loads(before, 0, NULL), *got = redact(v),
	       *want = json_loads(after, 0, NULL);
	char *text = json_dumps(got, 0);

	CU_ASSERT(v != NULL && want != NULL && json_equal(got, want));
	if (!json_equal(got, want))
		printf("\n  %s\n", text);
	free(text);
	json_decref(v);
	json_decref(got);
	json_decref(want);
}

static void test_secrets_are_left_out(void)
{
	becomes("{\"a\": {\"hmac-secret\": \"deadbeef\", \"smtp_password\": [\"one\", \"two\"]}}",
	        "{\"a\": {\"hmac-secret\": \"(left out)\", "
	        "\"smtp_password\": [\"(left out)\", \"(left out)\"]}}");
	becomes("{\"key\": \"c2VjcmV0\", \"storage-key\": \"0123\", \"bearer-token\": \"x\"}",
	        "{\"key\": \"(left out)\", \"storage-key\": \"(left out)\", "
	        "\"bearer-token\": \"(left out)\"}");
	/* Where they are may be known, and what is a figure. */
	becomes("{\"storage-key\": \"/etc/k\", \"psk-file\": \"/etc/psk\", \"k\": "
	        "{\"private-key\": "
	        "\"credential:tls\", \"storage_key\": \"tpm2:0x81010001\"}}",
	        "{\"storage-key\": \"/etc/k\", \"psk-file\": \"/etc/psk\", \"k\": "
	        "{\"private-key\": "
	        "\"credential:tls\", \"storage_key\": \"tpm2:0x81010001\"}}");
	becomes("{\"key\": 7, \"keyed_by\": \"qkd\", \"key_age_ms\": 12, \"keystore\": {\"x\": "
	        "true}, \"n\": null, \"f\": 0.5}",
	        "{\"key\": 7, \"keyed_by\": \"qkd\", \"key_age_ms\": 12, \"keystore\": {\"x\": "
	        "true}, \"n\": null, \"f\": 0.5}");
}

static void test_urls(void)
{
	becomes("{\"url\": \"https://hooks.example.org:8443/T0/B1/xyz?token=1\"}",
	        "{\"url\": \"https://hooks.example.org:8443/(left out)\"}");
	becomes("{\"url\": \"http://me:pw@host/\"}", "{\"url\": \"http://(left out)@host\"}");
	becomes("[\"https://kme.example.org\", \"see https://x/y for more\", \"://\"]",
	        "[\"https://kme.example.org\", \"see https://x/y for more\", \"://\"]");
}

static void test_end(void)
{
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_tar_reads_it), UNIT(test_nothing_is_left_of_a_failure),
          UNIT(test_secrets_are_left_out), UNIT(test_urls), UNIT(test_end))
