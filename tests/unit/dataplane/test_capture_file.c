/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

static char directory[64];
static uint8_t frame[1000];

static struct capture_file_config config(const char *name, unsigned int files)
{
	return (struct capture_file_config){
	        .directory = directory,
	        .name = name,
	        .size_max = CAPTURE_FILE_SIZE_MIN,
	        .files = files,
	        .interface = {.name = "lan", .description = "net_null0", .filter = ""},
	};
}

static int put(struct capture_file *f)
{
	const struct pcapng_packet packet = {
	        .captured = sizeof(frame), .length = sizeof(frame), .direction = PCAPNG_INBOUND};

	return capture_file_packet(f, &packet, frame);
}

/* The packets in a file, -1 when it is not there or not whole. */
static int packets(const char *name)
{
	char path[512], text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *data;
	int n = 0, rc;
	pcap_t *p;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	p = pcap_open_offline(path, text);
	if (p == NULL)
		return -1;
	while ((rc = pcap_next_ex(p, &header, &data)) == 1)
		n++;
	pcap_close(p);
	return rc == PCAP_ERROR_BREAK ? n : -1;
}

static void test_one_file_up_to_its_size(void)
{
	struct capture_file_config c = config("one.pcapng", 1);
	struct capture_file *f;
	struct err err = {0};
	char path[128];
	struct stat st;
	int n = 0, rc;

	CU_ASSERT_EQUAL_FATAL(capture_file_open(&c, &f, &err), 0);
	CU_ASSERT_STRING_EQUAL(capture_file_name(f), "one.pcapng");
	while ((rc = put(f)) == 0)
		n++;
	CU_ASSERT_EQUAL(rc, CAPTURE_FILE_FULL);
	CU_ASSERT_EQUAL(n, 62); /* of 1044 bytes */
	CU_ASSERT_EQUAL(capture_file_close(f, 1, 62, 0), 0);
	CU_ASSERT_EQUAL(packets("one.pcapng"), n);
	snprintf(path, sizeof(path), "%s/one.pcapng", directory);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_TRUE((uint64_t)st.st_size <= c.size_max);
}

static void test_rotation_keeps_the_newest(void)
{
	struct capture_file_config c = config("many.pcapng", 3);
	struct capture_file *f;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(capture_file_open(&c, &f, &err), 0);
	for (int i = 0; i < 62 * 4 + 10; i++)
		CU_ASSERT_EQUAL_FATAL(put(f), 0);
	CU_ASSERT_STRING_EQUAL(capture_file_name(f), "many-00005.pcapng");
	CU_ASSERT_EQUAL(capture_file_count(f), 5);
	CU_ASSERT_EQUAL(capture_file_close(f, 1, 0, 0), 0);
	CU_ASSERT_EQUAL(packets("many-00001.pcapng"), -1);
	CU_ASSERT_EQUAL(packets("many-00002.pcapng"), -1);
	CU_ASSERT_EQUAL(packets("many-00003.pcapng"), 62);
	CU_ASSERT_EQUAL(packets("many-00004.pcapng"), 62);
	CU_ASSERT_EQUAL(packets("many-00005.pcapng"), 10);
}

static void refused(const char *name, int rc, const char *part)
{
	struct capture_file_config c = config(name, 1);
	struct capture_file *f = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(capture_file_open(&c, &f, &err), rc);
	CU_ASSERT_PTR_NULL(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, part));
}

static void test_no_file_is_overwritten(void)
{
	char path[128], target[128];
	struct stat st;

	snprintf(target, sizeof(target), "%s/target", directory);
	snprintf(path, sizeof(path), "%s/link.pcapng", directory);
	CU_ASSERT_EQUAL(symlink(target, path), 0);
	refused("link.pcapng", -EEXIST, "file: ");
	CU_ASSERT_EQUAL(stat(target, &st), -1);
	refused("one.pcapng", -EEXIST, "one.pcapng: File exists");
	CU_ASSERT_EQUAL(packets("one.pcapng"), 62);
	refused("../x", -EINVAL, "file: ../x");
	refused("a/b", -EINVAL, "a name in the capture directory");
	refused(".hidden", -EINVAL, "dot");
	refused("", -EINVAL, "file: must have");
}

static void test_a_directory_of_others_is_refused(void)
{
	struct capture_file_config c = config("x", 1);
	struct capture_file *f;
	struct err err = {0};

	CU_ASSERT_EQUAL(chmod(directory, 0777), 0);
	CU_ASSERT_EQUAL(capture_file_open(&c, &f, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "capture-directory: "));
	CU_ASSERT_EQUAL(chmod(directory, 0700), 0);
	c.directory = "/nowhere/at/all";
	CU_ASSERT_EQUAL(capture_file_open(&c, &f, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "capture-directory: /nowhere/at/all"));
}

/* The disk takes no more in the middle of a block: what is there stays readable. */
static void test_full_disk(void)
{
	struct capture_file_config c = config("full.pcapng", 1);
	struct rlimit before, limit = {30500, RLIM_INFINITY};
	struct capture_file *f;
	struct err err = {0};
	int n = 0, rc = 0;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	c.size_max = 1 << 20;
	CU_ASSERT_EQUAL_FATAL(capture_file_open(&c, &f, &err), 0);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; rc == 0 && i < 100; i++) {
		rc = put(f);
		if (rc == 0)
			rc = capture_file_flush(f);
		n += rc == 0;
	}
	CU_ASSERT_EQUAL(rc, -EFBIG);
	CU_ASSERT_EQUAL(n, 29);
	capture_file_close(f, 1, 0, 0);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &before), 0);
	CU_ASSERT_EQUAL(packets("full.pcapng"), n);
}

static void test_directory_is_made(void)
{
	static char made[80];
	struct capture_file_config c = config("x.pcapng", 1);
	struct capture_file *f;
	struct err err = {0};
	struct stat st;

	snprintf(made, sizeof(made), "%s/made", directory);
	c.directory = made;
	CU_ASSERT_EQUAL_FATAL(capture_file_open(&c, &f, &err), 0);
	CU_ASSERT_EQUAL(capture_file_close(f, 1, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(stat(made, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL(remove_tree(directory), 0);
}

static void test_setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/lumengate-capture-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_one_file_up_to_its_size),
          UNIT(test_rotation_keeps_the_newest), UNIT(test_no_file_is_overwritten),
          UNIT(test_a_directory_of_others_is_refused), UNIT(test_full_disk),
          UNIT(test_directory_is_made))
