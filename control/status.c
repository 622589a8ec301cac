/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/counter.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/gateway.h"
#include "control/method.h"

static struct status_section *sections;
static uint64_t started_ns;

void status_section_register(struct status_section *section)
{
	struct status_section **at = &sections;

	while (*at != NULL && strcmp((*at)->name, section->name) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->name, section->name) == 0) {
		fprintf(stderr, "status section %s is defined twice\n", section->name);
		abort();
	}
	section->next = *at;
	*at = section;
}

json_t *status_read(void)
{
	json_t *o = json_object(), *section;

	for (const struct status_section *s = sections; s != NULL; s = s->next) {
		section = s->read();
		if (section != NULL)
			json_object_set_new(o, s->name, section);
	}
	return o;
}

json_t *status_section_read(const char *name)
{
	for (const struct status_section *s = sections; s != NULL; s = s->next)
		if (strcmp(s->name, name) == 0)
			return s->read();
	return NULL;
}

__attribute__((constructor)) static void note_start(void)
{
	started_ns = clock_mono_ns();
}

static json_t *read_gateway(void)
{
	const struct config *c = gateway_config();
	const struct gcm_provider *gcm = gcm_provider();

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s*, s:s*, s:s*}", "name",
	                 c != NULL ? c->name : "", "site",
	                 c == NULL                  ? ""
	                 : c->site == CONFIG_SITE_A ? "a"
	                                            : "b",
	                 "link", c != NULL ? c->link : "", "version", LUMENGATE_VERSION, "state",
	                 method_state() == METHOD_RUNTIME ? "running" : "starting", "pid",
	                 (int)getpid(), "uptime_s",
	                 (json_int_t)((clock_mono_ns() - started_ns) / NS_PER_S), "gcm",
	                 gcm != NULL ? gcm->name : NULL, "gcm_library",
	                 gcm != NULL ? gcm->library : NULL, "crypto_device",
	                 c != NULL && c->crypto_device[0] != '\0' ? c->crypto_device : NULL);
}

static json_t *read_counters(bool drops)
{
	json_t *o = json_object();

	for (const struct counter *c = counter_first(); c != NULL; c = c->next)
		if ((strncmp(c->name, "drop.", 5) == 0) == drops)
			json_object_set_new(o, c->name, json_integer((json_int_t)counter_sum(c)));
	return o;
}

static json_t *read_drops(void)
{
	return read_counters(true);
}

static json_t *read_others(void)
{
	return read_counters(false);
}

static json_t *read_memory(void)
{
	return json_pack("{s:s, s:I, s:I}", "secret_kind", secret_kind_name(), "secret_used",
	                 (json_int_t)secret_used(), "secret_size", (json_int_t)secret_size());
}

static json_t *read_alarms(void)
{
	struct alarm_counts counts;
	json_t *o = json_object();

	alarm_counts_read(&counts);
	for (int s = ALARM_WARNING; s <= ALARM_CRITICAL; s++)
		json_object_set_new(o, alarm_severity_name((enum alarm_severity)s),
		                    json_integer(counts.active[s]));
	json_object_set_new(o, "acknowledged", json_integer(counts.acknowledged));
	json_object_set_new(o, "shelved", json_integer(counts.shelved));
	json_object_set_new(o, "raised", json_integer((json_int_t)counts.raised));
	json_object_set_new(o, "cleared", json_integer((json_int_t)counts.cleared));
	return o;
}

static int status(const void *params, json_t **result, struct err *err)
{
	*result = status_read();
	return 0;
}

STATUS_SECTION_DEFINE(gateway, read_gateway)
STATUS_SECTION_DEFINE(drops, read_drops)
STATUS_SECTION_DEFINE(counters, read_others)
STATUS_SECTION_DEFINE(memory, read_memory)
STATUS_SECTION_DEFINE(alarms, read_alarms)
METHOD_DEFINE(status, .summary = "State of the gateway: sections of figures and all drops by name",
              .fn = status, .states = METHOD_STARTUP | METHOD_RUNTIME)
