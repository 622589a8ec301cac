/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/doctor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct doctor_check *doctor_add(struct doctor *d, const char *name, enum doctor_level level,
                                const char *format, ...)
{
	/* More than ever: the last one is told anew. */
	struct doctor_check *c =
	        &d->check[d->count < DOCTOR_CHECKS_MAX ? d->count++ : DOCTOR_CHECKS_MAX - 1];
	va_list args;

	*c = (struct doctor_check){.name = name, .level = level};
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
	return c;
}

void doctor_advise(struct doctor_check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->advice, sizeof(c->advice), format, args);
	va_end(args);
}

const char *doctor_path(const struct doctor *d, const char *path, char out[DOCTOR_PATH])
{
	snprintf(out, DOCTOR_PATH, "%s%s", d->root, path);
	return out;
}

bool doctor_line(const struct doctor *d, const char *path, char *out, size_t n)
{
	char full[DOCTOR_PATH];
	FILE *f = fopen(doctor_path(d, path, full), "re");
	bool got;

	out[0] = '\0';
	if (f == NULL)
		return false;
	got = fgets(out, (int)n, f) != NULL;
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return got;
}

char *doctor_field(const struct doctor *d, const char *path, const char *word)
{
	char full[DOCTOR_PATH], *line = NULL, *found = NULL;
	FILE *f = fopen(doctor_path(d, path, full), "re");
	size_t size = 0, n = strlen(word);

	if (f == NULL)
		return NULL;
	while (found == NULL && getline(&line, &size, f) > 0)
		if (strncmp(line, word, n) == 0)
			found = strdup(line + n);
	free(line);
	fclose(f);
	return found;
}

void doctor_link(const struct doctor *d, const char *path, char *out, size_t n)
{
	char full[DOCTOR_PATH], target[DOCTOR_PATH];
	ssize_t got = readlink(doctor_path(d, path, full), target, sizeof(target) - 1);
	const char *last;

	target[got > 0 ? got : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(out, n, "%s", last != NULL ? last + 1 : target);
}

void doctor_cpus(const char *list, cpu_set_t *out)
{
	CPU_ZERO(out);
	while (isspace((unsigned char)*list))
		list++;
	while (isdigit((unsigned char)*list)) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_SET(first, out);
		list = *end == ',' ? end + 1 : "";
	}
}

unsigned int doctor_lcores(const struct doctor *d)
{
	/* Forwarding, the QKD role's, and those that compute for blocks. */
	return d->config->eal.forward_lcores + 1 + d->config->eal.qkd_lcores;
}

bool doctor_pci(const char *device, char out[16])
{
	unsigned int domain, bus, slot, function;
	int n = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &n) != 4) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &n) != 3)
			return false;
	}
	snprintf(out, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0x1f,
	         function & 7);
	return device[n] == '\0' || device[n] == ',';
}

static bool port_is_pci(const struct config_port *port)
{
	char members[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_TEXT], address[16];
	unsigned int n = config_bond_members(port->device, members, CONFIG_MEMBERS_MAX);
	bool any = doctor_pci(port->device, address);

	for (unsigned int i = 0; i < n; i++)
		any = any || doctor_pci(members[i], address);
	return any;
}

bool doctor_has_pci(const struct doctor *d)
{
	char address[16];

	return port_is_pci(&d->config->lan) || port_is_pci(&d->config->wan) ||
	       doctor_pci(d->config->crypto_device, address);
}

unsigned int doctor_count(const struct doctor *d, enum doctor_level level)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->count; i++)
		n += d->check[i].level == level;
	return n;
}

json_t *doctor_json(const struct doctor *d)
{
	static const char *const levels[] = {"ok", "warn", "fail"};
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->count; i++) {
		const struct doctor_check *c = &d->check[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", c->name,
		                                      "level", levels[c->level], "text", c->text,
		                                      "advice", c->advice));
	}
	return json_pack("{s:b, s:i, s:i, s:i, s:o}", "ready", doctor_count(d, DOCTOR_FAIL) == 0,
	                 "ok", (int)doctor_count(d, DOCTOR_OK), "warn",
	                 (int)doctor_count(d, DOCTOR_WARN), "fail",
	                 (int)doctor_count(d, DOCTOR_FAIL), "checks", list);
}

static void configuration(struct doctor *d)
{
	const char *path = d->files->config;
	static struct config config;
	char full[DOCTOR_PATH];
	struct err err = {0};

	if (config_load(doctor_path(d, path, full), &config, &err) == 0) {
		d->config = &config;
		doctor_add(d, "configuration", DOCTOR_OK, "%s is valid: site %s of link %s", path,
		           config.site == CONFIG_SITE_A ? "a" : "b", config.link);
	} else {
		doctor_advise(doctor_add(d, "configuration", DOCTOR_FAIL, "%s", err.text),
		              "mend it, or name another with --config");
	}
}

void doctor_run(struct doctor *d, const char *root, const struct doctor_files *files)
{
	struct err err = {0};
	bool known = config_init(files->yang_dir, &err) == 0;

	*d = (struct doctor){.root = root, .files = files};
	if (known)
		configuration(d);
	else
		doctor_advise(doctor_add(d, "configuration", DOCTOR_FAIL, "%s", err.text),
		              "install lumengate.yang, or name its folder with --yang-dir");
	doctor_machine(d);
	doctor_versions(d);
	if (d->config != NULL) {
		doctor_devices(d);
		doctor_numa(d);
		doctor_mtu(d);
		doctor_secrets(d);
	}
	if (known) {
		doctor_services(d);
		config_fini();
	}
}
