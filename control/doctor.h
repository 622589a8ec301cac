/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an operator's machine has and what it lacks for a gateway, before one runs: a list of
 * checks, each with what was found and what to do. Reads sysfs, procfs, the configuration and the
 * modes of files; changes nothing, opens no secret but private keys, which it compares with their
 * certificates, and needs no gateway and mostly no root.
 */

#ifndef CONTROL_DOCTOR_H
#define CONTROL_DOCTOR_H

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

#define DOCTOR_CHECKS_MAX 128
#define DOCTOR_PATH       512

struct doctor_check {
	const char *name; /* of what is checked */
	enum doctor_level level;
	char text[256];   /* what was found */
	char advice[256]; /* what to do, "" when it is well */
};

/* What is looked at. */
struct doctor_files {
	const char *config, *kms_config, *web_config;
	/* Named by the user: then they have to be there. */
	bool kms_asked, web_asked;
	const char *yang_dir; /* as config_init() has it */
};

struct doctor {
	const char *root; /* before every path; "" is this machine */
	const struct doctor_files *files;
	const struct config *config; /* NULL: there is none that is valid */
	/* Where they listen, by their configurations; "": there is no such service. */
	char kms_socket[108], web_socket[108];
	unsigned int count;
	struct doctor_check check[DOCTOR_CHECKS_MAX];
};

/*
 * All checks of files and of the machine. Without a valid configuration what it names is not
 * checked, and that is a failure by itself. FILES is kept.
 */
void doctor_run(struct doctor *d, const char *root, const struct doctor_files *files);
/* How many checks ended so. */
unsigned int doctor_count(const struct doctor *d, enum doctor_level level);
json_t *doctor_json(const struct doctor *d);

/* Parts, each of which adds its checks. */
void doctor_machine(struct doctor *d);
void doctor_versions(struct doctor *d);
void doctor_devices(struct doctor *d);
void doctor_mtu(struct doctor *d);
void doctor_numa(struct doctor *d);
void doctor_secrets(struct doctor *d);
void doctor_services(struct doctor *d);

/* For the parts: another check; advice is given to what is returned. */
struct doctor_check *doctor_add(struct doctor *d, const char *name, enum doctor_level level,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));
void doctor_advise(struct doctor_check *c, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/*
 * A file that cannot be looked at for errno: a failure, but for want of rights, since another
 * user's gateway may see it: then the advice is there.
 */
struct doctor_check *doctor_unseen(struct doctor *d, const char *name, const char *path);
/* The certificate PATH, with those of its authorities behind it, and its private key. */
void doctor_certificate(struct doctor *d, const char *check, const char *key_check,
                        const char *path, const char *key);
void doctor_authorities(struct doctor *d, const char *check, const char *path);
void doctor_revocations(struct doctor *d, const char *check, const char *path);
/* A database of sealed keys; up to VERSION (user_version) it can be taken over. */
void doctor_database(struct doctor *d, const char *check, const char *path, int version);
void doctor_storage_key(struct doctor *d, const char *check, const char *name);

/* PATH below the root. */
const char *doctor_path(const struct doctor *d, const char *path, char out[DOCTOR_PATH]);
/* The first line of a file, without its end; false when it cannot be read. */
bool doctor_line(const struct doctor *d, const char *path, char *out, size_t n);
/* The rest of the first line of PATH that begins with WORD; the caller frees it. NULL: none. */
char *doctor_field(const struct doctor *d, const char *path, const char *word);
/* The last part of where the link PATH points, "" when it is none. */
void doctor_link(const struct doctor *d, const char *path, char *out, size_t n);
/* A CPU list such as "2-5,8"; what is no list is empty. */
void doctor_cpus(const char *list, cpu_set_t *out);
/* Those that the gateway may use, as far as this process may. */
void doctor_allowed_cpus(const struct doctor *d, cpu_set_t *out);
/* Calls BACK for each PCI device that DPDK opens. */
void doctor_each_pci(struct doctor *d,
                     void (*back)(struct doctor *d, const char *what, const char *address));
/* Polling lcores that the configuration asks for. */
unsigned int doctor_lcores(const struct doctor *d);
/* "0000:01:00.0" or "01:00.0" becomes the former; false: DEVICE is no PCI address. */
bool doctor_pci(const char *device, char out[16]);
/* Does the configuration name any NIC or crypto device by its PCI address? */
bool doctor_has_pci(const struct doctor *d);

#endif
