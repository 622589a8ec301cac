/* SPDX-License-Identifier: BSD-3-Clause */

/* Files of secrets, which are not opened, and folders that the gateway writes to. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/storage_key.h"
#include "control/doctor.h"
#include "control/psk.h"
#include "qkd-engine/storage_schema.h"

#define TPM      "/dev/tpmrm0"
#define ROOM_MIB 256.0 /* free, for keys and a history of traces */

struct doctor_check *doctor_unseen(struct doctor *d, const char *name, const char *path)
{
	bool denied = errno == EACCES;
	struct doctor_check *c = doctor_add(d, name, denied ? DOCTOR_WARN : DOCTOR_FAIL, "%s: %s",
	                                    path, strerror(errno));

	if (denied)
		doctor_advise(c, "ask again as root");
	return c;
}

static void secret(struct doctor *d, const char *name, const char *path, long long least,
                   long long most, const char *how)
{
	char full[DOCTOR_PATH];
	struct doctor_check *c;
	struct stat st;

	if (lstat(doctor_path(d, path, full), &st) < 0) {
		c = doctor_unseen(d, name, path);
		if (c->level == DOCTOR_FAIL)
			doctor_advise(c, "%s", how);
	} else if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		doctor_advise(doctor_add(d, name, DOCTOR_FAIL, "%s: not a regular file", path),
		              "%s", how);
	} else if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		c = doctor_add(d, name, DOCTOR_FAIL, "%s: mode %03o lets others at it", path,
		               st.st_mode & 0777);
		doctor_advise(c, "make a new one: others may have read it; chmod 600 %.150s", path);
	} else if (S_ISREG(st.st_mode) && (st.st_size < least || st.st_size > most)) {
		c = doctor_add(d, name, DOCTOR_FAIL, "%s: %lld bytes, %lld to %lld are expected",
		               path, (long long)st.st_size, least, most);
		doctor_advise(c, "%s", how);
	} else if (stat(full, &st) < 0) {
		doctor_unseen(d, name, path);
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		c = doctor_add(d, name, DOCTOR_FAIL, "%s: what it points to is no file of mode 600",
		               path);
		doctor_advise(c, "%s", how);
	} else {
		doctor_add(d, name, DOCTOR_OK, "%s: mode %03o, %lld bytes", path, st.st_mode & 0777,
		           (long long)st.st_size);
	}
}

void doctor_storage_key(struct doctor *d, const char *check, const char *name)
{
	char full[DOCTOR_PATH];
	struct stat st;

	if (name[0] == '/')
		secret(d, check, name, STORAGE_KEY_BYTES, STORAGE_KEY_BYTES,
		       "head -c 32 /dev/urandom, mode 600; only with a new key store");
	else if (strncmp(name, "tpm2:", 5) != 0)
		doctor_add(d, check, DOCTOR_OK, "%s: the service has it when it runs", name);
	else if (stat(doctor_path(d, TPM, full), &st) == 0)
		doctor_add(d, check, DOCTOR_OK, "%s: " TPM " is there", name);
	else
		doctor_advise(doctor_unseen(d, check, TPM),
		              "switch the TPM 2.0 on in the firmware, or keep the key elsewhere");
}

/* The folder that PATH is in. */
static void folder_of(const char *path, char *out, size_t n)
{
	char *slash;

	snprintf(out, n, "%s", path);
	slash = strrchr(out, '/');
	if (slash == NULL)
		snprintf(out, n, ".");
	else
		slash[slash == out] = '\0';
}

/* Nobody but the gateway's user, and root, may put files there. */
static void folder(struct doctor *d, const char *name, const char *path, bool needed, bool room)
{
	char full[DOCTOR_PATH];
	struct statvfs fs;
	struct doctor_check *c;
	struct stat st;
	double mib;

	if (stat(doctor_path(d, path, full), &st) < 0) {
		if (errno == ENOENT && !needed) {
			doctor_add(d, name, DOCTOR_OK, "%s: will be made", path);
			return;
		}
		c = doctor_unseen(d, name, path);
		if (c->level == DOCTOR_FAIL)
			doctor_advise(c, "mkdir -m 700 %.200s", path);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_advise(doctor_add(d, name, DOCTOR_FAIL, "%s: not a folder", path),
		              "mkdir -m 700 at another place");
	} else if ((st.st_mode & 022) != 0) {
		c = doctor_add(d, name, DOCTOR_FAIL, "%s: mode %03o lets others write there", path,
		               st.st_mode & 0777);
		doctor_advise(c, "chmod go-w %.200s", path);
	} else if (access(full, W_OK) != 0) {
		c = doctor_add(d, name, DOCTOR_WARN, "%s: may not be written by this user", path);
		doctor_advise(c, "ask again as the user that the gateway runs as");
	} else if (room && statvfs(full, &fs) == 0 &&
	           (mib = (double)fs.f_bavail * (double)fs.f_frsize / (1 << 20)) < ROOM_MIB) {
		c = doctor_add(d, name, DOCTOR_WARN, "%s: %.0f MiB are free", path, mib);
		doctor_advise(c, "make room: a full disk stores no key");
	} else {
		doctor_add(d, name, DOCTOR_OK, "%s: mode %03o", path, st.st_mode & 0777);
	}
}

void doctor_secrets(struct doctor *d)
{
	const struct config *c = d->config;
	char path[DOCTOR_PATH];

	secret(d, "psk-file", c->channel.psk_file, PSK_LEAST, PSK_MOST,
	       "operating.md, Secrets: at least 4096 random bytes, the same at both sites");
	doctor_storage_key(d, "storage-key", c->keystore.storage_key);
	folder_of(c->keystore.path, path, sizeof(path));
	folder(d, "state-directory", path, true, true);
	doctor_database(d, "key-store", c->keystore.path, STORAGE_SCHEMA_VERSION);
	folder_of(c->control.socket, path, sizeof(path));
	folder(d, "socket-directory", path, true, false);
	folder(d, "capture-directory", c->control.capture_directory, false, true);
}
