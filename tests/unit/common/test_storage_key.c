/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/storage_key.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/tpm2.h"
#include "tests/unit/remove_tree.h"

#define FIELD "store/storage-key"

static char folder[64];

static const char *at(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, size_t n, unsigned int mode)
{
	FILE *f = fopen(at(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (size_t i = 0; i < n; i++)
		fputc((int)('a' + i % 26), f);
	fclose(f);
	chmod(at(name), mode);
}

/* The key of NAME is what put() wrote. */
static void check_read(const char *name)
{
	struct err err = {0};
	uint8_t *key = NULL;

	CU_ASSERT_EQUAL(storage_key_check(name, FIELD, &err), 0);
	CU_ASSERT_EQUAL(storage_key_read(name, FIELD, &key, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	CU_ASSERT_EQUAL(memcmp(key, "abcdefghijklmnopqrstuvwxyzabcdef", STORAGE_KEY_BYTES), 0);
	secret_free(key);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void check_refused(const char *name, int rc, const char *text)
{
	struct err err = {0};
	uint8_t *key = NULL;

	CU_ASSERT_EQUAL(storage_key_read(name, FIELD, &key, &err), rc);
	CU_ASSERT_PTR_NULL(key);
	CU_ASSERT_EQUAL(strncmp(err.text, FIELD ": ", strlen(FIELD ": ")), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, text));
	if (strstr(err.text, text) == NULL)
		printf("said %s\n", err.text);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void set_up(void)
{
	strcpy(folder, "/tmp/storage-key-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 16, NULL), 0);
}

static void test_a_file_that_only_its_owner_may_read(void)
{
	char name[128];

	set_up();
	put("key", 32, 0600);
	strcpy(name, at("key"));
	check_read(name);
	put("key", 32, 0640);
	check_refused(name, -EACCES, "mode 640 lets others at it");
	put("key", 33, 0600);
	check_refused(name, -EINVAL, "33 bytes, 32 to 32 are expected");
	unlink(name);
	check_refused(name, -ENOENT, "No such file");
	CU_ASSERT_EQUAL(storage_key_check(name, FIELD, NULL), -ENOENT);
	remove_tree(folder);
}

static void test_a_credential_of_the_service(void)
{
	set_up();
	unsetenv("CREDENTIALS_DIRECTORY");
	check_refused("credential:key", -ENOENT, "CREDENTIALS_DIRECTORY is not set");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	check_refused("credential:key", -ENOENT, "No such file");
	/* What stat() shows of a file that an access control list gives to one user. */
	put("key", 32, 0440);
	check_read("credential:key");
	put("key", 32, 0444);
	check_refused("credential:key", -EACCES, "mode 444");
	put("key", 32, 0460);
	check_refused("credential:key", -EACCES, "mode 460");
	put("key", 32, 0600);
	check_read("credential:key");
	put("key", 31, 0400);
	check_refused("credential:key", -EINVAL, "31 bytes");
	put("outside", 32, 0400);
	mkdir(at("in"), 0700);
	setenv("CREDENTIALS_DIRECTORY", at("in"), 1);
	check_refused("credential:../outside", -EINVAL, "not the name of a credential");
	check_refused("credential:..", -EINVAL, "not the name of a credential");
	check_refused("credential:", -EINVAL, "not the name of a credential");
	remove_tree(folder);
}

static void test_other_names_are_refused(void)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
	        {"", "neither an absolute path nor"},
	        {"key", "neither an absolute path nor"},
	        {"tpm2:", "not a persistent handle"},
	        {"tpm2:0x80000001", "not a persistent handle"},
	        {"tpm2:81010001", "not a persistent handle"},
	        {"tpm2:0x81010001 ", "behind the handle"},
	        {"tpm2:0x81010001:", "behind the handle"},
	        {"tpm2:0x81010001:sha256", "behind the handle"},
	        {"tpm2:0x81010001:md5:1", "behind the handle"},
	        {"tpm2:0x81010001:sha256:", "behind the handle"},
	        {"tpm2:0x81010001:sha256:24", "behind the handle"},
	        {"tpm2:0x81010001:sha256:1,", "behind the handle"},
	        {"tpm2:0x81010001:sha256:-1", "behind the handle"},
	};
	struct tpm2_sealed sealed;

	set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_refused(cases[i].name, -EINVAL, cases[i].text);
		CU_ASSERT_EQUAL(storage_key_check(cases[i].name, FIELD, NULL), -EINVAL);
	}
	CU_ASSERT_EQUAL(tpm2_sealed_parse("0x81010001:sha384:0,7,23", &sealed, NULL), 0);
	CU_ASSERT_EQUAL(sealed.handle, 0x81010001);
	CU_ASSERT_EQUAL(sealed.bank, 12);
	CU_ASSERT_EQUAL(sealed.pcrs, 1u | 1u << 7 | 1u << 23);
	remove_tree(folder);
}

static bool there(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
	return system(command) == 0;
}

/* Two ports in a row of the loopback that nobody has. */
static int free_ports(void)
{
	for (int port = 20000 + getpid() % 20000;; port += 2) {
		struct sockaddr_in a = {.sin_family = AF_INET,
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int bound = 0;

		for (int i = 0; i < 2; i++) {
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			a.sin_port = htons((uint16_t)(port + i));
			bound += bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
			close(fd);
		}
		if (bound == 2)
			return port;
	}
}

/*
 * The commands of the operator guide, for a TPM in software: that has no resource manager in
 * front of it, so what is loaded must be flushed.
 */
#define FLUSH " && tpm2_flushcontext -t"
#define SEAL(input, options, handle)                                                               \
	"tpm2_create -Q -C parent.ctx -i - <" input " " options " -u pub -r priv" FLUSH            \
	" && tpm2_load -Q -C parent.ctx -u pub -r priv -c key.ctx" FLUSH                           \
	" && tpm2_evictcontrol -Q -C o -c key.ctx " handle FLUSH

static const char *const seal[] = {
        "tpm2_createprimary -Q -C o -c parent.ctx" FLUSH,
        SEAL("key", "", "0x81010001"),
        "tpm2_createpolicy -Q --policy-pcr -l sha256:0,7 -L policy",
        SEAL("key", "-L policy", "0x81010002"),
        SEAL("key", "-p secret", "0x81010003"),
        SEAL("short", "", "0x81010004"),
};

static void in_folder(const char *command)
{
	char line[2048];
	int rc;

	snprintf(line, sizeof(line), "cd %s && { %s; } >>log 2>&1", folder, command);
	rc = system(line);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static pid_t start_tpm(void)
{
	char server[64], control[64], state[96], tcti[64];
	int port = free_ports();
	pid_t pid;

	snprintf(server, sizeof(server), "type=tcp,port=%d,bindaddr=127.0.0.1", port);
	snprintf(control, sizeof(control), "type=tcp,port=%d,bindaddr=127.0.0.1", port + 1);
	snprintf(state, sizeof(state), "dir=%s", folder);
	snprintf(tcti, sizeof(tcti), "swtpm:host=127.0.0.1,port=%d", port);
	setenv("TPM2TOOLS_TCTI", tcti, 1);
	setenv("LUMENGATE_TPM2_TCTI", tcti, 1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails stops at once */
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server",
		       server, "--ctrl", control, "--flags", "not-need-init,startup-clear", NULL);
		_exit(127);
	}
	/* It takes one connection at a time, and none before it is there. */
	in_folder("for i in 1 2 3 4 5 6 7 8 9 10; do tpm2_getrandom -Q 8 >/dev/null 2>&1 && break; "
	          "sleep 0.1; done");
	return pid;
}

static void test_sealed_in_a_tpm(void)
{
	pid_t tpm;

	if (tpm2_there(NULL) == -ENOTSUP || !there("swtpm") || !there("tpm2_createprimary")) {
		printf("skipped: tpm2-tss, tpm2-tools or swtpm is not there\n");
		return;
	}
	set_up();
	put("key", 32, 0600);
	put("short", 31, 0600);
	tpm = start_tpm();
	for (size_t i = 0; i < sizeof(seal) / sizeof(seal[0]); i++)
		in_folder(seal[i]);
	check_read("tpm2:0x81010001");
	check_read("tpm2:0x81010002:sha256:0,7");
	check_refused("tpm2:0x81010002", -EPERM, "name its PCRs");
	check_refused("tpm2:0x81010002:sha256:0", -EPERM, "PCRs are not what");
	check_refused("tpm2:0x81010003", -EPERM, "has a password");
	check_refused("tpm2:0x81010004", -EINVAL, "31 bytes are sealed there, 32 are expected");
	check_refused("tpm2:0x81010005", -ENOENT, "no object there");
	check_refused("tpm2:0x81010001:sha256:0,7", -EPERM, "no policy of it");
	/* Another program was started: what is sealed for the old one stays where it is. */
	in_folder("tpm2_pcrextend 7:sha256="
	          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	check_refused("tpm2:0x81010002:sha256:0,7", -EPERM, "PCRs are not what");
	check_read("tpm2:0x81010001");
	kill(tpm, SIGTERM);
	waitpid(tpm, NULL, 0);
	check_refused("tpm2:0x81010001", -ENODEV, "cannot be opened");
	unsetenv("LUMENGATE_TPM2_TCTI");
	remove_tree(folder);
}

UNIT_MAIN(UNIT(test_a_file_that_only_its_owner_may_read), UNIT(test_a_credential_of_the_service),
          UNIT(test_other_names_are_refused), UNIT(test_sealed_in_a_tpm))
