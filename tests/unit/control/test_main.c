/* SPDX-License-Identifier: BSD-3-Clause */

/* The process without a data plane, and lgctl talking to it. */

#include "control/lgctl.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], config_path[96], socket_path[96], errors_path[96], history_path[96];

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void setup(void)
{
	char *text, device[64];
	json_t *o, *g, *port;

	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(config_path, sizeof(config_path), "%s/config.json", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", dir);
	snprintf(errors_path, sizeof(errors_path), "%s/errors", dir);
	o = json_load_file(EXAMPLE_A, 0, NULL);
	g = json_object_get(o, "lumengate:gateway");
	port = json_object_get(g, "port");
	snprintf(device, sizeof(device), "0000:01:00.0");
	json_object_set_new(json_object_get(port, "lan"), "device", json_string(device));
	json_object_set_new(json_object_get(port, "wan"), "device", json_string("0000:01:00.1"));
	json_object_set_new(json_object_get(g, "channel"), "psk-file", json_string(config_path));
	json_object_set_new(json_object_get(g, "keystore"), "storage-key",
	                    json_string(config_path));
	json_object_set_new(json_object_get(g, "control"), "socket", json_string(socket_path));
	snprintf(history_path, sizeof(history_path), "%s/history", dir);
	json_object_set_new(json_object_get(g, "control"), "history-directory",
	                    json_string(history_path));
	text = json_dumps(o, 0);
	write_file(config_path, text, strlen(text));
	free(text);
	json_decref(o);
}

static void teardown(void)
{
	unlink(config_path);
	unlink(errors_path);
	remove_tree(history_path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* The one of this build, also when it is run by hand. */
static const char *program(void)
{
	const char *other = getenv("LUMENGATE_PROGRAM");

	return other != NULL ? other : PROGRAM;
}

static pid_t spawn_with(const char *yang_dir, const char *config, const char *option)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(errors_path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl(program(), "lumengate", "--yang-dir", yang_dir, "--config", config, option,
		      NULL);
		_exit(127);
	}
	return pid;
}

static pid_t spawn(const char *config, const char *option)
{
	return spawn_with(SOURCE_DIR "/config", config, option);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *said(void)
{
	static char text[1024];
	FILE *f = fopen(errors_path, "re");
	size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

static void test_check(void)
{
	char want[256];

	setup();
	CU_ASSERT_EQUAL(wait_for(spawn(config_path, "--check")), 0);
	CU_ASSERT_STRING_EQUAL(said(), "ok\n");
	write_file(config_path, "{}", 2);
	CU_ASSERT_EQUAL(wait_for(spawn(config_path, "--check")), 2);
	snprintf(want, sizeof(want), "lumengate: %s: /lumengate:gateway: missing\n", config_path);
	CU_ASSERT_STRING_EQUAL(said(), want);
	CU_ASSERT_EQUAL(wait_for(spawn(config_path, NULL)), 2);
	CU_ASSERT_STRING_EQUAL(said(), want);
	CU_ASSERT_EQUAL(wait_for(spawn(EXAMPLE_A, NULL)), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(said(), "/port/lan/device: missing interface: there is no "
	                                      "lan0\n"));
	CU_ASSERT_EQUAL(wait_for(spawn(config_path, "--nonsense")), 2);
	/* Nothing to check against: it says what to do about it. */
	CU_ASSERT_EQUAL(wait_for(spawn_with("/nonexistent", EXAMPLE_A, "--check")), 2);
	CU_ASSERT_STRING_EQUAL(said(), "lumengate: /nonexistent: cannot use this directory of YANG "
	                               "modules; --yang-dir names another\n");
	CU_ASSERT_EQUAL(wait_for(spawn_with(dir, EXAMPLE_A, "--check")), 2);
	snprintf(want, sizeof(want),
	         "lumengate: %s/lumengate.yang: cannot be loaded; --yang-dir names another "
	         "directory of YANG modules\n",
	         dir);
	CU_ASSERT_STRING_EQUAL(said(), want);
	teardown();
}

/* lgctl's exit status; what it printed in OUT. */
static int lgctl(char *out, size_t size, const char *a, const char *b, const char *c, const char *d)
{
	const char *words[] = {"lgctl", "--socket", socket_path, a, b, c, d};
	char *argv[8], *text = NULL;
	FILE *f;
	size_t n;
	int argc = 0, status;

	for (size_t i = 0; i < 7; i++)
		if (words[i] != NULL)
			argv[argc++] = (char *)words[i];
	f = open_memstream(&text, &n);
	status = lgctl_run(argc, argv, f, f);
	fclose(f);
	snprintf(out, size, "%s", text);
	free(text);
	return status;
}

/* A service manager's end of NOTIFY_SOCKET, and the first line of what came next. */
static int listen_as_manager(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static const char *heard(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void test_serves_and_stops(void)
{
	char out[16384], key_path[96], notify_path[96], keys[33] = {0};
	int manager;
	pid_t pid;

	setup();
	snprintf(notify_path, sizeof(notify_path), "%s/notify", dir);
	manager = listen_as_manager(notify_path);
	pid = spawn(config_path, NULL);
	unsetenv("NOTIFY_SOCKET");
	for (int i = 0; i < 2000 && lgctl(out, sizeof(out), "status", NULL, NULL, NULL) != 0; i++)
		usleep(10000);
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "status", NULL, NULL, NULL), LGCTL_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "running"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "restart_waits"));
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "methods", NULL, NULL, NULL), LGCTL_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "METHOD"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\nkeystore_import "));
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "--json", "config", "get", NULL), LGCTL_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"max-keys\": 100000"));
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "alarm", "list", NULL, NULL), LGCTL_OK);
	CU_ASSERT_EQUAL(strncmp(out, "SEVERITY  STATE  KIND", 21), 0);
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "log", "set", "main", "debug"), LGCTL_OK);
	CU_ASSERT_STRING_EQUAL(out, "ok\n");
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "config", "validate", config_path, NULL), LGCTL_OK);
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "rpc", "log_set", "{\"level\":\"err\"}", NULL),
	                LGCTL_REFUSED);
	CU_ASSERT_STRING_EQUAL(out, "lgctl: /params/component: missing\n");
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "tunnel", "list", NULL, NULL), LGCTL_REFUSED);
	CU_ASSERT_STRING_EQUAL(out, "lgctl: the data plane is not running\n");

	/* Bad words and files never reach the gateway. */
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "dance", NULL, NULL, NULL), LGCTL_USAGE);
	CU_ASSERT_STRING_EQUAL(out, "lgctl: there is no command dance, see lgctl --help\n");
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "keystore", NULL, NULL, NULL), LGCTL_USAGE);
	CU_ASSERT_STRING_EQUAL(out, "lgctl: keystore: needs one of show, import behind it\n");
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "tunnel", "rekey", NULL, NULL), LGCTL_USAGE);
	CU_ASSERT_STRING_EQUAL(out, "lgctl: tunnel rekey: takes NAME\n");
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "rpc", "status", "{", NULL), LGCTL_USAGE);
	snprintf(key_path, sizeof(key_path), "%s/keys", dir);
	write_file(key_path, keys, 33);
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "keystore", "import", key_path, NULL), LGCTL_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "/keys: 33 bytes are not a multiple of 32\n"));
	unlink(key_path);

	/* A second one with the same socket does not start. */
	CU_ASSERT_EQUAL(wait_for(spawn(config_path, NULL)), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(said(), "another gateway uses this socket"));
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(wait_for(pid), 0);
	if (TELLS_SYSTEMD) {
		CU_ASSERT_STRING_EQUAL(heard(manager), "READY=1");
		CU_ASSERT_STRING_EQUAL(heard(manager), "STOPPING=1");
	}
	CU_ASSERT_STRING_EQUAL(heard(manager), "");
	close(manager);
	unlink(notify_path);
	CU_ASSERT_EQUAL(access(socket_path, F_OK), -1);
	CU_ASSERT_EQUAL(lgctl(out, sizeof(out), "status", NULL, NULL, NULL), LGCTL_UNREACHABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "No such file or directory"));
	teardown();
}

UNIT_MAIN(UNIT(test_check), UNIT(test_serves_and_stops))
