/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an operator's machine has and what it lacks for a gateway, before one runs: a list of
 * checks, each with what was found and what to do. Reads sysfs, procfs, the configuration and the
 * modes of files; changes nothing, opens no secret and needs no gateway and mostly no root.
 */

#ifndef CONTROL_DOCTOR_H
#define CONTROL_DOCTOR_H

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

#define DOCTOR_CHECKS_MAX 64
#define DOCTOR_PATH       512

struct doctor_check {
	const char *name; /* of what is checked */
	enum doctor_level level;
	char text[256];   /* what was found */
	char advice[256]; /* what to do, "" when it is well */
};

struct doctor {
	const char *root;            /* before every path; "" is this machine */
	const struct config *config; /* NULL: there is none that is valid */
	unsigned int count;
	struct doctor_check check[DOCTOR_CHECKS_MAX];
};

/*
 * All checks. CONFIG_PATH is the configuration's file, YANG_DIR as config_init() has it. Without a
 * valid configuration what it names is not checked, and that is a failure by itself.
 */
void doctor_run(struct doctor *d, const char *root, const char *config_path, const char *yang_dir);
/* How many checks ended so. */
unsigned int doctor_count(const struct doctor *d, enum doctor_level level);
json_t *doctor_json(const struct doctor *d);

/* Parts, each of which adds its checks. */
void doctor_machine(struct doctor *d);
void doctor_versions(struct doctor *d);
void doctor_devices(struct doctor *d);
void doctor_files(struct doctor *d);

/* For the parts: another check; advice is given to what is returned. */
struct doctor_check *doctor_add(struct doctor *d, const char *name, enum doctor_level level,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));
void doctor_advise(struct doctor_check *c, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

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
/* Polling lcores that the configuration asks for. */
unsigned int doctor_lcores(const struct doctor *d);
/* "0000:01:00.0" or "01:00.0" becomes the former; false: DEVICE is no PCI address. */
bool doctor_pci(const char *device, char out[16]);
/* Does the configuration name any NIC or crypto device by its PCI address? */
bool doctor_has_pci(const struct doctor *d);

#endif
