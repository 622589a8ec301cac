/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl_table.h"
#include "control/lgctl_top.h"

#include <stdarg.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define ROWS_MAX       64 /* of a table whose place is not limited */

struct view {
	const struct lgctl_top *top;
	FILE *out;
	unsigned int left; /* lines */
};

/* To WIDTH characters of UTF-8. */
static void cut(char *text, unsigned int width)
{
	unsigned int columns = 0;

	for (; *text != '\0'; text++) {
		columns += ((unsigned char)*text & 0xc0) != 0x80;
		if (columns > width)
			break;
	}
	*text = '\0';
}

static void put(struct view *v, const char *before, char *text)
{
	if (v->left == 0)
		return;
	v->left--;
	lgctl_clean(text);
	if (v->top->width != 0)
		cut(text, v->top->width);
	/* What was there before is erased to the end of the line. */
	if (v->top->terminal)
		fprintf(v->out, "%s%s%s\033[K\n", before, text, before[0] != '\0' ? "\033[m" : "");
	else
		fprintf(v->out, "%s\n", text);
}

__attribute__((format(printf, 2, 3))) static void line(struct view *v, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(v, "", text);
}

/* A heading: in bold, where there is such a thing. */
__attribute__((format(printf, 2, 3))) static void head(struct view *v, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(v, "\033[1m", text);
}

/* "link/channel/state" */
static const json_t *at(const json_t *o, const char *path)
{
	char name[64];

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		o = json_object_get(o, name);
		path += n + (path[n] == '/');
	}
	return o;
}

static const char *text_at(const json_t *o, const char *path)
{
	const char *text = json_string_value(at(o, path));

	return text != NULL ? text : "-";
}

static double number_at(const json_t *o, const char *path)
{
	return json_number_value(at(o, path));
}

/* How fast the figure PATH of NOW rose since BEFORE; negative: not known. */
static double rate(const struct lgctl_top *t, const json_t *now, const json_t *before,
                   const char *path)
{
	if (before == NULL || t->seconds <= 0 || number_at(now, path) < number_at(before, path))
		return -1;
	return (number_at(now, path) - number_at(before, path)) / t->seconds;
}

/* Three digits and a prefix: "930 M". */
static const char *si(double value, char out[16])
{
	static const char *const prefix[] = {"", " k", " M", " G", " T"};
	unsigned int p = 0;

	if (value < 0)
		return "-";
	while (value >= 999.5 && p < 4) {
		value /= 1000;
		p++;
	}
	snprintf(out, 16,
	         value < 10 && p > 0    ? "%.2f%s"
	         : value < 100 && p > 0 ? "%.1f%s"
	                                : "%.0f%s",
	         value, prefix[p]);
	return out;
}

const char *lgctl_top_duration(double s, char out[32])
{
	unsigned long long n = s > 0 ? (unsigned long long)s : 0;

	if (n < 60)
		snprintf(out, 32, "%llu s", n);
	else if (n < 3600)
		snprintf(out, 32, "%llu min %llu s", n / 60, n % 60);
	else if (n < 86400)
		snprintf(out, 32, "%llu h %llu min", n / 3600, n / 60 % 60);
	else
		snprintf(out, 32, "%llu d %llu h", n / 86400, n / 3600 % 24);
	return out;
}

static void gateway(struct view *v)
{
	const json_t *now = v->top->now;
	char up[32];

	head(v, "%s  site %s of link %s  %s, up %s  lumengate %s  %s", text_at(now, "gateway/name"),
	     text_at(now, "gateway/site"), text_at(now, "gateway/link"),
	     text_at(now, "gateway/state"),
	     lgctl_top_duration(number_at(now, "gateway/uptime_s"), up),
	     text_at(now, "gateway/version"), text_at(now, "gateway/gcm"));
	if (v->top->trouble != NULL)
		head(v, "NO ANSWER, this is old: %s", v->top->trouble);
}

static void quantum(struct view *v)
{
	const json_t *now = v->top->now, *link = at(now, "link");
	const char *abort = text_at(link, "engine/last_abort");

	if (link == NULL)
		return;
	head(v, "LINK     channel %s, round trip %.1f ms, stores %s",
	     text_at(link, "channel/state"), number_at(link, "channel/rtt_ns") / 1e6,
	     json_is_true(at(now, "optics/stores_agree")) ? "agree" : "not compared");
	if (!json_is_true(at(link, "enabled"))) {
		line(v, "         no quantum link is configured");
		return;
	}
	line(v, "         card %s%s, %s  QBER Z %.2f %%  X %.2f %%  blocks %.0f, lost %.0f%s%s",
	     json_is_true(at(now, "optics/present")) ? "present" : "missing",
	     json_is_true(at(link, "simulated")) ? " (simulated)" : "",
	     json_is_true(at(link, "engine/aligned")) ? "aligned" : "not aligned",
	     100 * number_at(link, "engine/qber_z"), 100 * number_at(link, "engine/qber_x"),
	     number_at(link, "engine/blocks_ok"), number_at(link, "engine/blocks_aborted"),
	     abort[0] != '\0' ? ", last: " : "", abort);
}

static void keys(struct view *v)
{
	const json_t *store = at(v->top->now, "keystore");
	double used = number_at(store, "used_per_s");
	char when[32], text[256] = "";
	int n = 0;

	if (store == NULL)
		return;
	if (json_is_number(at(store, "used_per_s")))
		n = snprintf(text, sizeof(text), "; %.3g used and %.3g made a second", used,
		             used + number_at(store, "net_per_s"));
	if (json_is_number(at(store, "lasts_s")))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "; they last %s",
		              lgctl_top_duration(number_at(store, "lasts_s"), when));
	if (json_is_number(at(store, "empty_in_s")))
		snprintf(text + n, sizeof(text) - (size_t)n, "; EMPTY IN %s",
		         lgctl_top_duration(number_at(store, "empty_in_s"), when));
	head(v, "KEYS     %.0f for rekeying%s", number_at(store, "available/rekey"), text);
}

/* What was dropped, the reasons with most of it first. */
static void drops(struct view *v)
{
	const struct lgctl_top *t = v->top;
	const json_t *now = at(t->now, "drops"), *before = at(t->before, "drops"), *count;
	char text[256] = "", number[16];
	double last = 1e300;
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		const char *name, *most = NULL;
		double top = 0;

		json_object_foreach ((json_t *)now, name, count) {
			double d = before != NULL ? rate(t, now, before, name)
			                          : json_number_value(count);

			if (d > top && d < last) {
				top = d;
				most = name;
			}
		}
		if (most == NULL)
			break;
		last = top;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.40s %s%s", i > 0 ? ", " : "",
		                      strncmp(most, "drop.", 5) == 0 ? most + 5 : most,
		                      si(top, number), before != NULL ? "/s" : "");
	}
	line(v, "DROPS    %s", text[0] != '\0' ? text : "none");
}

static void ports(struct view *v)
{
	const struct lgctl_top *t = v->top;
	const json_t *now = at(t->now, "ports"), *port;
	char rx[16], rp[16], tx[16], tp[16];
	const char *name;

	if (now == NULL)
		return;
	head(v, "%-8s %-5s %9s %9s %9s %9s %9s %9s", "PORT", "LINK", "RX b/s", "RX p/s", "TX b/s",
	     "TX p/s", "MISSED", "ERRORS");
	json_object_foreach ((json_t *)now, name, port) {
		const json_t *before = at(at(t->before, "ports"), name);

		line(v, "%-8s %-5s %9s %9s %9s %9s %9.0f %9.0f", name,
		     json_is_true(at(port, "link_up")) ? "up" : "DOWN",
		     si(8 * rate(t, port, before, "rx_bytes"), rx),
		     si(rate(t, port, before, "rx_packets"), rp),
		     si(8 * rate(t, port, before, "tx_bytes"), tx),
		     si(rate(t, port, before, "tx_packets"), tp), number_at(port, "rx_missed"),
		     number_at(port, "rx_errors") + number_at(port, "tx_errors"));
	}
}

/* The rest of a table of N rows of which SHOWN are. */
static void more(struct view *v, size_t n, size_t shown)
{
	if (n > shown)
		line(v, "         and %zu more", n - shown);
}

static size_t rows(size_t n, unsigned int room)
{
	/* One line says that there are more. */
	return n <= room ? n : room > 1 ? room - 1 : 0;
}

static void cores(struct view *v, unsigned int room)
{
	const struct lgctl_top *t = v->top;
	const json_t *now = at(t->now, "lcores"), *before = at(t->before, "lcores");
	size_t n = json_array_size(now), shown = rows(n, room);
	char work[16];

	if (now == NULL)
		return;
	head(v, "%-8s %-12s %6s %6s %9s", "CORE", "ROLE", "BUSY", "SLEEP", "WORK/s");
	for (size_t i = 0; i < shown; i++) {
		const json_t *c = json_array_get(now, i), *b = json_array_get(before, i);
		double busy = rate(t, c, b, "busy_cycles"), sleep = rate(t, c, b, "sleep_cycles");
		double all = busy + sleep + rate(t, c, b, "idle_cycles");
		bool known = b != NULL && busy >= 0 && sleep >= 0 && all > 0;

		line(v, "%-8.0f %-12s %4.0f %% %4.0f %% %9s", number_at(c, "lcore"),
		     text_at(c, "name"), 100 * (known ? busy / all : number_at(c, "busy_share")),
		     100 * (known ? sleep / all : number_at(c, "sleep_share")),
		     si(rate(t, c, b, "work"), work));
	}
	more(v, n, shown);
}

static const json_t *named(const json_t *list, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach ((json_t *)list, i, o)
		if (strcmp(text_at(o, "name"), name) == 0)
			return o;
	return NULL;
}

static bool is_well(const json_t *tunnel)
{
	return strcmp(text_at(tunnel, "state"), "up") == 0 && !json_is_true(at(tunnel, "stopped"));
}

static void tunnel(struct view *v, const json_t *o)
{
	const struct lgctl_top *t = v->top;
	const json_t *before = named(at(t->before, "tunnels"), text_at(o, "name"));
	char age[32], next[32], out[16], in[16];

	line(v, "%-16s %-8s %-9s %11s %11s %9s %9s", text_at(o, "name"),
	     json_is_true(at(o, "stopped")) ? "STOPPED" : text_at(o, "state"),
	     text_at(o, "keyed_by"), lgctl_top_duration(number_at(o, "key_age_ms") / 1000, age),
	     lgctl_top_duration(number_at(o, "next_rekey_ms") / 1000, next),
	     si(8 * rate(t, o, before, "bytes_sealed"), out),
	     si(8 * rate(t, o, before, "bytes_opened"), in));
}

/* Those that are not well first. */
static void tunnels(struct view *v, unsigned int room)
{
	const json_t *list = at(v->top->now, "tunnels"), *o;
	size_t n = json_array_size(list), shown = rows(n, room), done = 0, i;

	if (list == NULL)
		return;
	head(v, "%-16s %-8s %-9s %11s %11s %9s %9s", "TUNNEL", "STATE", "KEYED BY", "KEY AGE",
	     "NEXT KEY", "OUT b/s", "IN b/s");
	for (int well = 0; well < 2; well++)
		json_array_foreach ((json_t *)list, i, o)
			if (is_well(o) == (well == 1) && done < shown) {
				tunnel(v, o);
				done++;
			}
	more(v, n, shown);
}

static void alarms(struct view *v, unsigned int room)
{
	static const char *const severities[] = {"critical", "major", "minor", "warning"};
	const json_t *list = v->top->alarms, *a;
	size_t n = json_array_size(list), shown = rows(n, room), done = 0, i;

	head(v, "ALARMS   %s", n == 0 ? "none" : "");
	for (size_t s = 0; s < 4; s++)
		json_array_foreach ((json_t *)list, i, a)
			if (strcmp(text_at(a, "severity"), severities[s]) == 0 && done < shown) {
				line(v, "%-8s %s %s  %s%s  %s", severities[s], text_at(a, "kind"),
				     text_at(a, "resource"), text_at(a, "text"),
				     json_is_object(at(a, "acknowledged")) ? "  (acknowledged)"
				                                           : "",
				     text_at(a, "raised"));
				done++;
			}
	more(v, n, shown);
}

static unsigned int least(size_t a, unsigned int b)
{
	return a < b ? (unsigned int)a : b;
}

void lgctl_top_print(FILE *out, const struct lgctl_top *t)
{
	size_t n_alarms = json_array_size(t->alarms);
	size_t n_cores = json_array_size(at(t->now, "lcores"));
	struct view v = {t, out, t->height != 0 ? t->height : ~0u};
	unsigned int room, for_alarms, for_cores;

	gateway(&v);
	quantum(&v);
	keys(&v);
	drops(&v);
	ports(&v);
	/* Three headings; alarms matter most, then tunnels. */
	room = t->height == 0 ? 3 * ROWS_MAX : v.left > 3 ? v.left - 3 : 0;
	for_alarms = least(n_alarms, room / 2);
	for_cores = least(n_cores, (room - for_alarms) / 3);
	alarms(&v, for_alarms);
	cores(&v, for_cores);
	tunnels(&v, room - for_alarms - for_cores);
}
