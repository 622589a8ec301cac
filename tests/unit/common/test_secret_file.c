/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret_file.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"

static char path[] = "/tmp/secret-file-XXXXXX";

static int read_it(size_t least, size_t most, struct err *err)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int rc = secret_file_read(path, "storage key", least, most, &data, &len, err);

	if (rc == 0) {
		CU_ASSERT_EQUAL(len, 32);
		CU_ASSERT_EQUAL(data[0], 's');
		CU_ASSERT_EQUAL(data[31], 's');
	}
	secret_free(data);
	return rc;
}

static void test_reads_what_only_the_owner_may(void)
{
	struct err err = {0};
	char data[32];
	int fd = mkstemp(path);

	memset(data, 's', sizeof(data));
	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(write(fd, data, sizeof(data)), (ssize_t)sizeof(data));
	close(fd);
	CU_ASSERT_EQUAL(read_it(32, 32, &err), 0);
	chmod(path, 0640);
	CU_ASSERT_EQUAL(read_it(32, 32, &err), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mode 640"));
	chmod(path, 0600);
	CU_ASSERT_EQUAL(read_it(33, 64, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "32 bytes, 33 to 64"));
	CU_ASSERT_EQUAL(read_it(1, 31, &err), -EINVAL);
	CU_ASSERT_EQUAL(secret_used(), 0);
	unlink(path);
	CU_ASSERT_EQUAL(read_it(32, 32, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
}

static void test_a_directory_is_refused(void)
{
	struct err err = {0};
	uint8_t *data;
	size_t len;

	CU_ASSERT_EQUAL(secret_file_read("/tmp", "psk", 1, 10, &data, &len, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "psk /tmp"));
}

UNIT_MAIN(UNIT(test_reads_what_only_the_owner_may), UNIT(test_a_directory_is_refused))
