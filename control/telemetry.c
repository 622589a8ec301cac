/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands for DPDK's telemetry socket. DPDK calls them on threads of its own: they copy what
 * the control thread wrote down last, flat names and figures, under a lock.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>

#include "control/module.h"
#include "control/snapshot.h"
#include "control/status.h"

#define FIELDS_MAX 256 /* a telemetry dictionary holds no more */
#define NAME_MAX_  64
#define TEXT_MAX   64

struct field {
	char name[NAME_MAX_];
	char text[TEXT_MAX]; /* "": a number */
	uint64_t number;
};

struct page {
	const char *command, *help;
	struct field fields[FIELDS_MAX];
	size_t count;
};

static struct page pages[] = {
        {.command = "/lumengate/status", .help = "State of the gateway. No parameters"},
        {.command = "/lumengate/link", .help = "The quantum link. No parameters"},
        {.command = "/lumengate/tunnels", .help = "Tunnels by name. No parameters"},
        {.command = "/lumengate/drops", .help = "Dropped packets by reason. No parameters"},
};
enum { PAGE_STATUS, PAGE_LINK, PAGE_TUNNELS, PAGE_DROPS, PAGES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct event *timer;

/* Names of DPDK 23.03 and later have letters, digits, '_' and '/' only. */
static void set_name(struct field *f, const char *prefix, const char *name)
{
	snprintf(f->name, sizeof(f->name), "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", name);
	for (char *p = f->name; *p != '\0'; p++)
		if (strchr(".-", *p) != NULL)
			*p = '_';
}

/* The leaves of O: figures as they are, shares in parts per million, names as text. */
static void flatten(struct page *page, const char *prefix, const json_t *o)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v) {
		struct field f = {0};

		set_name(&f, prefix, name);
		if (json_is_object(v)) {
			flatten(page, f.name, v);
			continue;
		}
		if (json_is_integer(v)) {
			f.number = (uint64_t)json_integer_value(v);
		} else if (json_is_boolean(v)) {
			f.number = json_is_true(v);
		} else if (json_is_real(v)) {
			size_t n = strlen(f.name);

			f.number = (uint64_t)(json_real_value(v) * 1e6 + 0.5);
			snprintf(f.name + n, sizeof(f.name) - n, "_ppm");
		} else if (json_is_string(v) && json_string_length(v) > 0) {
			snprintf(f.text, sizeof(f.text), "%s", json_string_value(v));
		} else {
			continue;
		}
		if (page->count < FIELDS_MAX)
			page->fields[page->count++] = f;
	}
}

static void refresh(evutil_socket_t fd, short what, void *arg)
{
	static const char *const parts[] = {"gateway", "alarms", "memory", "keystore"};
	json_t *status = status_read(), *t;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < PAGES; i++)
		pages[i].count = 0;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		flatten(&pages[PAGE_STATUS], parts[i], json_object_get(status, parts[i]));
	flatten(&pages[PAGE_LINK], "", json_object_get(status, "link"));
	json_array_foreach (json_object_get(status, "tunnels"), i, t)
		flatten(&pages[PAGE_TUNNELS], json_string_value(json_object_get(t, "name")), t);
	flatten(&pages[PAGE_DROPS], "", json_object_get(status, "drops"));
	pthread_mutex_unlock(&lock);
	json_decref(status);
}

static int answer(const char *command, const char *params, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	for (size_t p = 0; p < PAGES; p++) {
		if (strcmp(pages[p].command, command) != 0)
			continue;
		for (size_t i = 0; i < pages[p].count; i++) {
			const struct field *f = &pages[p].fields[i];

			if (f->text[0] != '\0')
				rte_tel_data_add_dict_string(d, f->name, f->text);
			else
#ifdef HAVE_RTE_TEL_UINT
				rte_tel_data_add_dict_uint(d, f->name, f->number);
#else
				rte_tel_data_add_dict_u64(d, f->name, f->number);
#endif
		}
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static int init(struct app *app, struct err *err)
{
	static const struct timeval second = {1, 0};

	for (size_t p = 0; p < PAGES; p++) {
		int rc = rte_telemetry_register_cmd(pages[p].command, answer, pages[p].help);

		/* A second start in one process finds its own commands there. */
		if (rc != 0 && rc != -EEXIST)
			return err_set(err, -rc, "telemetry command %s: %s", pages[p].command,
			               strerror(-rc));
	}
	timer = event_new(app->base, -1, EV_PERSIST, refresh, NULL);
	if (timer == NULL || event_add(timer, &second) != 0)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

static int start(struct app *app, struct err *err)
{
	refresh(-1, 0, NULL);
	return 0;
}

static void fini(struct app *app)
{
	event_free(timer);
	timer = NULL;
}

MODULE_DEFINE(telemetry, .init = init, .start = start, .fini = fini)
