/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands for DPDK's telemetry socket. DPDK calls them on threads of its own; what they tell
 * belongs to the control thread. So a command leaves its question on a desk, wakes the control
 * thread and waits for the answer: nothing is gathered while nobody asks.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_telemetry.h>

#include "control/module.h"
#include "control/snapshot.h"
#include "control/status.h"
#include "control/telemetry_page.h"

#define WAIT_S 2

/* Rows from OFFSET on, by name, no more than could fit; NULL: there is nothing now. */
typedef json_t *(*rows_fn)(unsigned int offset, unsigned int *total);

static json_t *tunnels(unsigned int offset, unsigned int *total)
{
	json_t *list = snapshot_tunnels(offset, TELEMETRY_ROWS_MAX, total), *rows, *t;
	size_t i;

	if (list == NULL)
		return NULL;
	rows = json_object();
	json_array_foreach (list, i, t)
		json_object_set(rows, json_string_value(json_object_get(t, "name")), t);
	json_decref(list);
	return rows;
}

static json_t *sas(unsigned int offset, unsigned int *total)
{
	json_t *list = snapshot_sas(NULL, offset, TELEMETRY_ROWS_MAX, total), *rows, *sa;
	char name[64];
	size_t i;

	if (list == NULL)
		return NULL;
	rows = json_object();
	json_array_foreach (list, i, sa) {
		snprintf(name, sizeof(name), "%s/%s/0x%08llx",
		         json_string_value(json_object_get(sa, "tunnel")),
		         json_string_value(json_object_get(sa, "direction")),
		         (unsigned long long)json_integer_value(json_object_get(sa, "spi")));
		json_object_set(rows, name, sa);
	}
	json_decref(list);
	return rows;
}

/* A list of all rows without those before OFFSET. ROWS is consumed. */
static json_t *rest(json_t *rows, unsigned int offset, unsigned int *total)
{
	const char *name;
	json_t *o, *v;
	unsigned int i = 0;

	if (rows == NULL)
		return NULL;
	*total = (unsigned int)json_object_size(rows);
	o = json_object();
	json_object_foreach (rows, name, v)
		if (i++ >= offset)
			json_object_set(o, name, v);
	json_decref(rows);
	return o;
}

static json_t *ports(unsigned int offset, unsigned int *total)
{
	return rest(status_section_read("ports"), offset, total);
}

static json_t *drops(unsigned int offset, unsigned int *total)
{
	return rest(status_section_read("drops"), offset, total);
}

static json_t *counters(unsigned int offset, unsigned int *total)
{
	return rest(status_section_read("counters"), offset, total);
}

static json_t *cores(unsigned int offset, unsigned int *total)
{
	json_t *list = status_section_read("lcores"), *rows, *core;
	char name[32];
	size_t i;

	if (list == NULL)
		return NULL;
	rows = json_object();
	json_array_foreach (list, i, core) {
		snprintf(name, sizeof(name), "lcore_%lld",
		         json_integer_value(json_object_get(core, "lcore")));
		json_object_set(rows, name, core);
	}
	json_decref(list);
	return rest(rows, offset, total);
}

/* The leaves of FROM under PREFIX as rows of their own: these trees are small and flat. */
static void leaves(json_t *rows, const char *prefix, const json_t *from)
{
	char full[128];
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)from, name, v) {
		snprintf(full, sizeof(full), "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", name);
		if (json_is_object(v))
			leaves(rows, full, v);
		else
			json_object_set(rows, full, v);
	}
}

static json_t *status(unsigned int offset, unsigned int *total)
{
	static const char *const parts[] = {"gateway", "alarms", "memory", "keystore"};
	json_t *rows = json_object();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *part = status_section_read(parts[i]);

		leaves(rows, parts[i], part);
		json_decref(part);
	}
	return rest(rows, offset, total);
}

static json_t *quantum_link(unsigned int offset, unsigned int *total)
{
	json_t *rows = json_object(), *section = status_section_read("link");

	leaves(rows, "", section);
	json_decref(section);
	return rest(rows, offset, total);
}

static json_t *qrng(unsigned int offset, unsigned int *total)
{
	return rest(status_section_read("qrng"), offset, total);
}

static const struct command {
	const char *name, *help;
	rows_fn rows;
} commands[] = {
        {"/lumengate/status", "State of the gateway. Parameters: offset,count", status},
        {"/lumengate/link", "The quantum link. Parameters: offset,count", quantum_link},
        {"/lumengate/qrng", "The random source. Parameters: offset,count", qrng},
        {"/lumengate/ports", "Ports. Parameters: offset,count", ports},
        {"/lumengate/cores", "Polling cores. Parameters: offset,count", cores},
        {"/lumengate/tunnels", "Tunnels. Parameters: offset,count", tunnels},
        {"/lumengate/sas", "Security associations. Parameters: offset,count", sas},
        {"/lumengate/counters", "Counters but drops. Parameters: offset,count", counters},
        {"/lumengate/drops", "Dropped packets by reason. Parameters: offset,count", drops},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* One question at a time lies on the desk; all under the lock. */
static struct {
	pthread_mutex_t lock, turn; /* TURN: held by who asks, until he has his answer */
	pthread_cond_t answered;
	bool open, asked;
	int rc;
	const struct command *command;
	unsigned int offset, count;
	struct rte_tel_data *reply;
	int wake; /* eventfd */
} desk = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .turn = PTHREAD_MUTEX_INITIALIZER,
          .answered = PTHREAD_COND_INITIALIZER,
          .wake = -1};

static struct event *woken;

static int fill(void)
{
	unsigned int total = 0;
	json_t *rows = desk.command->rows(desk.offset, &total);

	if (rows == NULL)
		return -ENOTCONN;
	telemetry_page_put(desk.reply, rows, desk.offset, desk.count, total);
	json_decref(rows);
	return 0;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)!read((int)fd, &n, sizeof(n));
	pthread_mutex_lock(&desk.lock);
	if (desk.asked) {
		desk.rc = fill();
		desk.asked = false;
		pthread_cond_signal(&desk.answered);
	}
	pthread_mutex_unlock(&desk.lock);
}

/* On a thread of DPDK's. */
static int ask(const struct command *c, unsigned int offset, unsigned int count,
               struct rte_tel_data *d)
{
	static const uint64_t one = 1;
	struct timespec until;
	int rc = -ENOTCONN;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&desk.turn);
	pthread_mutex_lock(&desk.lock);
	if (desk.open) {
		desk.command = c;
		desk.offset = offset;
		desk.count = count;
		desk.reply = d;
		desk.asked = true;
		(void)!write(desk.wake, &one, sizeof(one));
		while (desk.asked &&
		       pthread_cond_timedwait(&desk.answered, &desk.lock, &until) == 0)
			;
		/* Taken back: nobody writes to D after this. */
		rc = desk.asked ? -ETIMEDOUT : desk.rc;
		desk.asked = false;
	}
	pthread_mutex_unlock(&desk.lock);
	pthread_mutex_unlock(&desk.turn);
	return rc;
}

static int answer(const char *command, const char *params, struct rte_tel_data *d)
{
	unsigned int offset, count;

	if (!telemetry_page_parse(params, &offset, &count))
		return rte_tel_data_string(d, "parameters: must be OFFSET or OFFSET,COUNT");
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, command) == 0)
			return ask(&commands[i], offset, count, d);
	return -ENOENT;
}

static void close_desk(void)
{
	pthread_mutex_lock(&desk.lock);
	desk.open = false;
	if (desk.asked) {
		desk.rc = -ENOTCONN;
		desk.asked = false;
		pthread_cond_signal(&desk.answered);
	}
	if (desk.wake >= 0)
		close(desk.wake);
	desk.wake = -1;
	pthread_mutex_unlock(&desk.lock);
}

static int init(struct app *app, struct err *err)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		int rc = rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);

		/* A second start in one process finds its own commands there. */
		if (rc != 0 && rc != -EEXIST)
			return err_set(err, -rc, "telemetry command %s: %s", commands[i].name,
			               strerror(-rc));
	}
	desk.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (desk.wake < 0)
		return err_set(err, errno, "telemetry: %s", strerror(errno));
	woken = event_new(app->base, desk.wake, EV_READ | EV_PERSIST, on_wake, NULL);
	if (woken == NULL || event_add(woken, NULL) != 0) {
		close_desk();
		return err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int start(struct app *app, struct err *err)
{
	pthread_mutex_lock(&desk.lock);
	desk.open = true;
	pthread_mutex_unlock(&desk.lock);
	return 0;
}

static void fini(struct app *app)
{
	event_free(woken);
	woken = NULL;
	close_desk();
}

MODULE_DEFINE(telemetry, .init = init, .start = start, .fini = fini)
