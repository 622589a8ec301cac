/* SPDX-License-Identifier: BSD-3-Clause */

/* The key delivery, the service of figures and the client of a foreign KME: their files. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config_kms.h"
#include "config/config_web.h"
#include "control/doctor.h"
#include "control/kms/store.h"

/* The file is there, or nobody wants that service. */
static bool is_wanted(struct doctor *d, const char *check, const char *path, bool asked,
                      const char *what)
{
	char full[DOCTOR_PATH];

	if (asked || access(doctor_path(d, path, full), F_OK) == 0 || errno != ENOENT)
		return true;
	doctor_add(d, check, DOCTOR_OK, "%s is not there: no %s", path, what);
	return false;
}

static void invalid(struct doctor *d, const char *check, const struct err *err, const char *option)
{
	doctor_advise(doctor_add(d, check, DOCTOR_FAIL, "%s", err->text),
	              "mend it, or name another with --%s", option);
}

static void kms(struct doctor *d)
{
	static struct config_kms c;
	char full[DOCTOR_PATH];
	struct err err = {0};

	if (!is_wanted(d, "kms", d->files->kms_config, d->files->kms_asked, "key delivery"))
		return;
	if (config_kms_load(doctor_path(d, d->files->kms_config, full), &c, NULL, &err) != 0) {
		invalid(d, "kms", &err, "kms-config");
		return;
	}
	doctor_add(d, "kms", DOCTOR_OK, "%s is valid: KME %.60s, of %u addresses",
	           d->files->kms_config, c.name, c.listen_count + c.skip_listen_count);
	snprintf(d->kms_socket, sizeof(d->kms_socket), "%s", c.control.socket);
	doctor_certificate(d, "kms-certificate", "kms-private-key", c.certificate, c.private_key);
	if (c.ca[0] != '\0')
		doctor_authorities(d, "kms-ca", c.ca);
	if (c.crl[0] != '\0')
		doctor_revocations(d, "kms-crl", c.crl);
	doctor_storage_key(d, "kms-storage-key", c.store.storage_key);
	doctor_database(d, "kms-store", c.store.path, KMS_STORE_VERSION);
}

static void web(struct doctor *d)
{
	static struct config_web c;
	char full[DOCTOR_PATH];
	struct err err = {0};

	if (!is_wanted(d, "web", d->files->web_config, d->files->web_asked, "figures for others"))
		return;
	if (config_web_load(doctor_path(d, d->files->web_config, full), &c, &err) != 0) {
		invalid(d, "web", &err, "web-config");
		return;
	}
	doctor_add(d, "web", DOCTOR_OK, "%s is valid: %u addresses", d->files->web_config,
	           c.listen_count);
	snprintf(d->web_socket, sizeof(d->web_socket), "%s", c.control.socket);
	if (c.certificate[0] != '\0')
		doctor_certificate(d, "web-certificate", "web-private-key", c.certificate,
		                   c.private_key);
	if (c.client_ca[0] != '\0')
		doctor_authorities(d, "web-ca", c.client_ca);
	if (c.client_crl[0] != '\0')
		doctor_revocations(d, "web-crl", c.client_crl);
}

void doctor_services(struct doctor *d)
{
	const struct config_foreign_kme *f;

	if (d->config != NULL && d->config->foreign_kme.enabled) {
		f = &d->config->foreign_kme;
		doctor_certificate(d, "kme-certificate", "kme-private-key", f->certificate,
		                   f->private_key);
		if (f->ca[0] != '\0')
			doctor_authorities(d, "kme-ca", f->ca);
	}
	kms(d);
	web(d);
}
