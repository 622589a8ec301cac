/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm_log.h"
#include "control/alarm_shelf.h"

LOG_COMPONENT_DEFINE(alarm)

static struct alarm table[ALARM_TABLE_MAX];
static size_t table_count;
static struct alarm_change history[ALARM_HISTORY_MAX];
static uint64_t history_count; /* ever; the ring holds the last ALARM_HISTORY_MAX */
static uint64_t last_number;
static struct alarm_counts counts;
static unsigned int holding; /* alarms whose end is held */
static uint64_t (*wall)(void) = clock_wall_ns;
/* Holds are of the steady clock: nobody's setting of the other ends an alarm. */
static uint64_t (*steady)(void) = clock_mono_ns;

static void (*listeners[ALARM_LISTENERS_MAX])(const struct alarm_change *change);

static void put_listener(void (*was)(const struct alarm_change *),
                         void (*is)(const struct alarm_change *))
{
	for (unsigned int i = 0; i < ALARM_LISTENERS_MAX; i++)
		if (listeners[i] == was) {
			listeners[i] = is;
			return;
		}
	/* One more than the program has parts that listen; who does not is no matter. */
	if (is != NULL)
		abort();
}

void alarm_listen(void (*fn)(const struct alarm_change *change))
{
	put_listener(NULL, fn);
}

void alarm_unlisten(void (*fn)(const struct alarm_change *change))
{
	put_listener(fn, NULL);
}

void alarm_reset(uint64_t (*clock_ns)(void))
{
	table_count = 0;
	history_count = last_number = 0;
	counts = (struct alarm_counts){0};
	holding = 0;
	wall = clock_ns != NULL ? clock_ns : clock_wall_ns;
	steady = clock_ns != NULL ? clock_ns : clock_mono_ns;
	alarm_shelf_reset();
}

static struct alarm *find(const char *kind, const char *resource)
{
	for (size_t i = 0; i < table_count; i++)
		if (strcmp(table[i].kind, kind) == 0 && strcmp(table[i].resource, resource) == 0)
			return &table[i];
	return NULL;
}

const struct alarm *alarm_find(const char *kind, const char *resource)
{
	return find(kind, resource);
}

/* UID: of the operator whose doing it is, or NULL. */
static void record(const struct alarm *a, enum alarm_what what, uint64_t now, const char *text,
                   const uid_t *uid)
{
	struct alarm_change *h = &history[history_count++ % ALARM_HISTORY_MAX];

	*h = (struct alarm_change){
	        .number = ++last_number,
	        .what = what,
	        .severity = a->active ? a->severity : ALARM_CLEARED,
	        .time_ns = now,
	        .operated = uid != NULL,
	        .uid = uid != NULL ? *uid : 0,
	        .shelved = a->shelved,
	};
	memcpy(h->kind, a->kind, sizeof(h->kind));
	memcpy(h->resource, a->resource, sizeof(h->resource));
	snprintf(h->text, sizeof(h->text), "%s", text);
	alarm_log_append(h);
	for (unsigned int i = 0; i < ALARM_LISTENERS_MAX; i++)
		if (listeners[i] != NULL && (!a->shelved || what == ALARM_SHELVED))
			listeners[i](h);
}

/* Takes it out of what is counted as active (BY -1), or back in (1), as it is now. */
static void count(const struct alarm *a, int by)
{
	if (!a->active)
		return;
	if (a->shelved) {
		counts.shelved += (unsigned int)by;
		return;
	}
	counts.active[a->severity] += (unsigned int)by;
	if (a->acknowledged)
		counts.acknowledged += (unsigned int)by;
}

/* A place for a new alarm: the table's end, else that of the one cleared longest ago. */
static struct alarm *place(void)
{
	struct alarm *oldest = NULL;

	if (table_count < ALARM_TABLE_MAX)
		return &table[table_count++];
	for (size_t i = 0; i < table_count; i++)
		if (!table[i].active &&
		    (oldest == NULL || table[i].cleared_ns < oldest->cleared_ns))
			oldest = &table[i];
	return oldest;
}

static struct alarm *add(const char *kind, const char *resource)
{
	const struct alarm_kind *k = alarm_kind_find(kind);
	struct alarm *a = place();

	if (a == NULL)
		return NULL;
	*a = (struct alarm){.hold_ns = k != NULL ? k->hold_s * NS_PER_S : 0,
	                    .shelved = alarm_shelf_holds(kind, resource)};
	snprintf(a->kind, sizeof(a->kind), "%s", kind);
	snprintf(a->resource, sizeof(a->resource), "%s", resource);
	return a;
}

static void note_raise(struct alarm *a)
{
	memmove(a->recent_ns + 1, a->recent_ns, sizeof(a->recent_ns) - sizeof(a->recent_ns[0]));
	a->recent_ns[0] = steady();
	a->raised_count++;
}

static bool flaps(const struct alarm *a)
{
	return a->hold_ns > 0 && a->raised_count >= ALARM_FLAPS &&
	       a->recent_ns[0] - a->recent_ns[ALARM_FLAPS - 1] <= ALARM_FLAP_S * NS_PER_S;
}

/* For people; who shelves it does not want to see it. */
static void log_raised(const struct alarm *a)
{
	if (a->shelved)
		log_info("raised %s %s at %s, which is shelved: %s",
		         alarm_severity_name(a->severity), a->kind, a->resource, a->text);
	else
		log_warn("raised %s %s at %s: %s%s", alarm_severity_name(a->severity), a->kind,
		         a->resource, a->text, flaps(a) ? " (it comes and goes)" : "");
}

void alarm_raise(const char *kind, const char *resource, enum alarm_severity severity,
                 const char *text)
{
	struct alarm *a = find(kind, resource);
	bool was;

	if (a == NULL && (a = add(kind, resource)) == NULL) {
		counts.lost++;
		log_err("%s %s: %s (the alarm table is full)", kind, resource, text);
		return;
	}
	snprintf(a->text, sizeof(a->text), "%s", text);
	if (a->over) {
		a->over = false;
		holding--;
		counts.held++;
		note_raise(a);
	}
	if (a->active && a->severity == severity)
		return;
	was = a->active;
	count(a, -1);
	/* What was acknowledged was the one before, or something less. */
	if (!was || severity > a->severity)
		a->acknowledged = false;
	a->changed_ns = wall();
	if (!was) {
		a->active = true;
		a->raised_ns = a->changed_ns;
		note_raise(a);
		counts.raised++;
	}
	a->severity = severity;
	count(a, 1);
	record(a, was ? ALARM_CHANGED : ALARM_RAISED, a->changed_ns, a->text, NULL);
	log_raised(a);
}

static void end(struct alarm *a, const char *text)
{
	holding -= a->over;
	a->over = false;
	count(a, -1);
	a->active = false;
	a->acknowledged = false;
	a->cleared_ns = a->changed_ns = wall();
	if (text != a->text)
		snprintf(a->text, sizeof(a->text), "%s", text);
	counts.cleared++;
	record(a, ALARM_ENDED, a->changed_ns, a->text, NULL);
	log_info("cleared %s at %s: %s", a->kind, a->resource, a->text);
}

void alarm_clear(const char *kind, const char *resource, const char *text)
{
	struct alarm *a = find(kind, resource);

	if (a == NULL || !a->active || a->over)
		return;
	if (!flaps(a)) {
		end(a, text);
		return;
	}
	a->over = true;
	a->over_ns = steady();
	snprintf(a->over_text, sizeof(a->over_text), "%s", text);
	holding++;
}

void alarm_poll(void)
{
	uint64_t now = steady();

	for (size_t i = 0; holding > 0 && i < table_count; i++)
		if (table[i].over && now - table[i].over_ns >= table[i].hold_ns)
			end(&table[i], table[i].over_text);
	if (alarm_shelf_expire(wall()))
		alarm_shelves_changed(false, 0, "the time of shelving is over");
}

static int acknowledge(const char *kind, const char *resource, const char *text, uid_t uid,
                       bool done, struct err *err)
{
	struct alarm *a = find(kind, resource);

	if (a == NULL || !a->active)
		return err_set(err, ENOENT, "there is no active alarm %s at %s", kind, resource);
	if (a->acknowledged == done)
		return err_set(err, EALREADY, "%s at %s is %s acknowledged", kind, resource,
		               done ? "already" : "not");
	count(a, -1);
	a->acknowledged = done;
	a->ack_uid = uid;
	a->ack_ns = wall();
	snprintf(a->ack_text, sizeof(a->ack_text), "%s", text != NULL ? text : "");
	count(a, 1);
	record(a, done ? ALARM_ACKNOWLEDGED : ALARM_UNACKNOWLEDGED, a->ack_ns, a->ack_text, &uid);
	return 0;
}

int alarm_acknowledge(const char *kind, const char *resource, const char *text, uid_t uid,
                      struct err *err)
{
	return acknowledge(kind, resource, text, uid, true, err);
}

int alarm_unacknowledge(const char *kind, const char *resource, const char *text, uid_t uid,
                        struct err *err)
{
	return acknowledge(kind, resource, text, uid, false, err);
}

void alarm_shelves_changed(bool operated, uid_t uid, const char *text)
{
	for (size_t i = 0; i < table_count; i++) {
		struct alarm *a = &table[i];
		bool shelved = alarm_shelf_holds(a->kind, a->resource);

		if (shelved == a->shelved)
			continue;
		count(a, -1);
		a->shelved = shelved;
		count(a, 1);
		record(a, shelved ? ALARM_SHELVED : ALARM_UNSHELVED, wall(), text,
		       operated ? &uid : NULL);
	}
}

const struct alarm *alarm_at(size_t i)
{
	return i < table_count ? &table[i] : NULL;
}

const struct alarm_change *alarm_history_at(size_t i)
{
	if (i >= history_count || i >= ALARM_HISTORY_MAX)
		return NULL;
	return &history[(history_count - 1 - i) % ALARM_HISTORY_MAX];
}

const char *alarm_what_name(enum alarm_what what)
{
	static const char *const names[] = {
	        [ALARM_RAISED] = "raised",
	        [ALARM_CHANGED] = "changed",
	        [ALARM_ENDED] = "cleared",
	        [ALARM_ACKNOWLEDGED] = "acknowledged",
	        [ALARM_UNACKNOWLEDGED] = "unacknowledged",
	        [ALARM_SHELVED] = "shelved",
	        [ALARM_UNSHELVED] = "unshelved",
	};

	return names[what];
}

void alarm_restore(const struct alarm_change *change)
{
	history[history_count++ % ALARM_HISTORY_MAX] = *change;
	if (change->number > last_number)
		last_number = change->number;
}

/* Is the I-th change, newest first, the newest of its alarm? */
static bool is_newest(size_t i)
{
	const struct alarm_change *c = alarm_history_at(i), *later;

	while (i-- > 0) {
		later = alarm_history_at(i);
		if (strcmp(later->kind, c->kind) == 0 && strcmp(later->resource, c->resource) == 0)
			return false;
	}
	return true;
}

void alarm_restored(void)
{
	const struct alarm_change *c;
	struct alarm ended;
	size_t open = 0;

	/* Each end is an entry in front of those that are still to be looked at. */
	for (size_t i = 0; (c = alarm_history_at(i + open)) != NULL; i++) {
		if (c->severity == ALARM_CLEARED || !is_newest(i + open))
			continue;
		ended = (struct alarm){.severity = c->severity, .shelved = c->shelved};
		memcpy(ended.kind, c->kind, sizeof(ended.kind));
		memcpy(ended.resource, c->resource, sizeof(ended.resource));
		record(&ended, ALARM_ENDED, wall(), "the program ended", NULL);
		open++;
	}
}

void alarm_counts_read(struct alarm_counts *out)
{
	*out = counts;
}
