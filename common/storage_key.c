/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/storage_key.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/secret_file.h"
#include "common/tpm2.h"

#define CREDENTIAL "credential:"
#define TPM2       "tpm2:"
#define PATH_BYTES 512
#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/*
 * systemd gives a credential to a service's user by an access control list, whose mask stat(2)
 * shows as the group's bits (acl(5)): others may not be able to read, nor anybody else to write.
 */
#define CREDENTIAL_FORBIDDEN 037

static bool starts(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static int credential_path(const char *name, const char *field, char path[PATH_BYTES],
                           struct err *err)
{
	const char *id = name + strlen(CREDENTIAL), *directory = getenv("CREDENTIALS_DIRECTORY");

	if (id[0] == '\0' || id[0] == '.' || id[strspn(id, LETTERS)] != '\0')
		return err_set(err, EINVAL, "%s: %s: not the name of a credential", field, name);
	if (directory == NULL || directory[0] != '/')
		return err_set(err, ENOENT,
		               "%s: %s: CREDENTIALS_DIRECTORY is not set: a service has it by "
		               "LoadCredential=",
		               field, name);
	if (snprintf(path, PATH_BYTES, "%s/%s", directory, id) >= PATH_BYTES)
		return err_set(err, ENAMETOOLONG, "%s: %s: the path is too long", field, name);
	return 0;
}

static int check_path(const char *path, const char *field, struct err *err)
{
	if (access(path, R_OK) == 0)
		return 0;
	return err_set(err, errno, "%s: %s: %s", field, path, strerror(errno));
}

static int read_path(const char *path, const char *field, unsigned int forbidden, uint8_t **key,
                     struct err *err)
{
	char what[160];
	size_t len;

	snprintf(what, sizeof(what), "%s:", field);
	return secret_file_read_mode(path, what, forbidden, STORAGE_KEY_BYTES, STORAGE_KEY_BYTES,
	                             key, &len, err);
}

/* Errors of the TPM's own do not know of the field. */
static int in_field(const char *field, const char *name, int rc, const struct err *why,
                    struct err *err)
{
	return rc == 0 ? 0 : err_set(err, -rc, "%s: %s: %s", field, name, why->text);
}

static int check_tpm2(const char *name, const char *field, struct err *err)
{
	struct tpm2_sealed sealed;
	struct err why = {0};
	int rc = tpm2_sealed_parse(name + strlen(TPM2), &sealed, &why);

	if (rc == 0)
		rc = tpm2_there(&why);
	return in_field(field, name, rc, &why, err);
}

static int read_tpm2(const char *name, const char *field, uint8_t **key, struct err *err)
{
	struct tpm2_sealed sealed;
	struct err why = {0};
	uint8_t *out;
	int rc = tpm2_sealed_parse(name + strlen(TPM2), &sealed, &why);

	if (rc < 0)
		return in_field(field, name, rc, &why, err);
	out = secret_alloc(STORAGE_KEY_BYTES);
	if (out == NULL)
		return err_set(err, ENOMEM, "%s: %s: secret memory is full", field, name);
	rc = tpm2_unseal(&sealed, out, STORAGE_KEY_BYTES, &why);
	if (rc < 0)
		secret_free(out);
	else
		*key = out;
	return in_field(field, name, rc, &why, err);
}

static int refuse(const char *name, const char *field, struct err *err)
{
	return err_set(err, EINVAL,
	               "%s: %s: neither an absolute path nor " CREDENTIAL "NAME nor " TPM2 "HANDLE",
	               field, name);
}

int storage_key_check(const char *name, const char *field, struct err *err)
{
	char path[PATH_BYTES];
	int rc;

	if (name[0] == '/')
		return check_path(name, field, err);
	if (starts(name, TPM2))
		return check_tpm2(name, field, err);
	if (!starts(name, CREDENTIAL))
		return refuse(name, field, err);
	rc = credential_path(name, field, path, err);
	return rc < 0 ? rc : check_path(path, field, err);
}

int storage_key_read(const char *name, const char *field, uint8_t **key, struct err *err)
{
	char path[PATH_BYTES];
	int rc;

	if (name[0] == '/')
		return read_path(name, field, 077, key, err);
	if (starts(name, TPM2))
		return read_tpm2(name, field, key, err);
	if (!starts(name, CREDENTIAL))
		return refuse(name, field, err);
	rc = credential_path(name, field, path, err);
	return rc < 0 ? rc : read_path(path, field, CREDENTIAL_FORBIDDEN, key, err);
}
