/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures on command. They show plaintext: who starts or stops one is recorded in the log and,
 * as an alarm that lasts as long as the capture, in the history of alarms.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/gateway.h"
#include "control/method.h"
#include "dataplane/capture.h"
#include "dataplane/worker.h"

LOG_COMPONENT_DEFINE(capture)

#define FILE_SIZE_DEFAULT (UINT64_C(100) << 20)
#define SECONDS_MAX       (366 * 86400)
/* The grace period of the cores and the writer's last bytes take a few ms in most cases. */
#define STOP_WAIT_MS 50

struct start_params {
	const char *port, *direction, *filter, *file;
	uint64_t snap_length, file_size_max, files, packets, seconds;
};

static const struct method_param start_params[] = {
        METHOD_PARAM(struct start_params, port, PARAM_STRING, .choices = "lan|wan",
                     .help = "lan: before sealing and after opening; wan: as on the wire"),
        METHOD_PARAM(struct start_params, direction, PARAM_STRING, .choices = "rx|tx|both",
                     .optional = true, .preset_text = "both", .help = "frames that come, or go"),
        METHOD_PARAM(struct start_params, filter, PARAM_STRING, .max = CAPTURE_FILTER_MAX,
                     .optional = true, .help = "pcap-filter(7), numbers and addresses only"),
        METHOD_PARAM(struct start_params, snap_length, PARAM_UINT, .max = CAPTURE_SNAP_MAX,
                     .optional = true, .help = "bytes kept of a frame; 0: all"),
        METHOD_PARAM(struct start_params, file, PARAM_STRING, .max = CAPTURE_NAME_MAX - 1,
                     .optional = true,
                     .help = "name in control/capture-directory; default: port and time"),
        METHOD_PARAM(struct start_params, file_size_max, PARAM_UINT, .min = CAPTURE_FILE_SIZE_MIN,
                     .max = UINT64_C(1) << 50, .optional = true, .preset = FILE_SIZE_DEFAULT,
                     .help = "bytes of one file"),
        METHOD_PARAM(struct start_params, files, PARAM_UINT, .min = 1, .max = CAPTURE_FILES_MAX,
                     .optional = true, .preset = 1,
                     .help = "above 1: rotate and keep the newest so many"),
        METHOD_PARAM(struct start_params, packets, PARAM_UINT, .optional = true,
                     .help = "stop after so many; 0: no limit"),
        METHOD_PARAM(struct start_params, seconds, PARAM_UINT, .max = SECONDS_MAX, .optional = true,
                     .help = "stop after so long; 0: no limit"),
};

struct stop_params {
	const char *port;
};

static const struct method_param stop_params[] = {
        METHOD_PARAM(struct stop_params, port, PARAM_STRING, .choices = "lan|wan", .optional = true,
                     .help = "without it both"),
};

static enum port_role port_parse(const char *name)
{
	return strcmp(name, port_role_name(PORT_LAN)) == 0 ? PORT_LAN : PORT_WAN;
}

/* "lan-20260102T030405Z.pcapng" */
static void default_name(enum port_role role, char *out, size_t size)
{
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm tm;
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(out, size, "%s-%s.pcapng", port_role_name(role), when);
}

static const char *direction_name(bool rx, bool tx)
{
	return rx && tx ? "both" : rx ? "rx" : "tx";
}

static void resource(enum port_role role, char out[16])
{
	snprintf(out, 16, "port/%s", port_role_name(role));
}

static void on_end(enum port_role role, const struct capture_status *s)
{
	char where[16], text[160];

	resource(role, where);
	snprintf(text, sizeof(text), "%llu packets in %s: %s", (unsigned long long)s->packets,
	         s->file, s->reason);
	log_info("capture of %s ended: %s (%llu lost)", port_role_name(role), text,
	         (unsigned long long)s->dropped);
	alarm_clear("capture-active", where, text);
	if (s->failed)
		alarm_raise("capture-failed", where, ALARM_WARNING, text);
}

static void record_start(const struct capture_config *c)
{
	const struct method_caller *who = method_caller();
	enum port_role role = c->port->role;
	char where[16], text[160];

	resource(role, where);
	log_info("capture of %s started by uid %u pid %d: direction %s, filter \"%s\", snap length "
	         "%u, file %s/%s, file size %llu, files %u, packets %llu, seconds %llu",
	         port_role_name(role), (unsigned int)who->uid, (int)who->pid,
	         direction_name(c->rx, c->tx), c->filter, c->snap_length, c->directory, c->file,
	         (unsigned long long)c->file_size_max, c->files, (unsigned long long)c->packets_max,
	         (unsigned long long)(c->duration_ns / NS_PER_S));
	snprintf(text, sizeof(text), "by uid %u pid %d, %s, filter \"%.60s\", into %.40s",
	         (unsigned int)who->uid, (int)who->pid, direction_name(c->rx, c->tx), c->filter,
	         c->file);
	alarm_clear("capture-failed", where, "a new capture");
	alarm_raise("capture-active", where, ALARM_WARNING, text);
}

static json_t *status_json(enum port_role role)
{
	struct capture_status s;

	capture_status_read(role, &s);
	if (s.state == CAPTURE_NONE)
		return NULL;
	return json_pack(
	        "{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:b, s:s}",
	        "port", port_role_name(role), "state", capture_state_name(s.state), "direction",
	        direction_name(s.rx, s.tx), "filter", s.filter, "snap_length", (int)s.snap_length,
	        "directory", s.directory, "file", s.file, "files", (int)s.files, "packets",
	        (json_int_t)s.packets, "bytes", (json_int_t)s.bytes, "seen", (json_int_t)s.seen,
	        "matched", (json_int_t)s.matched, "dropped", (json_int_t)s.dropped, "failed",
	        s.failed, "reason", s.reason);
}

static int capture_show(const void *params, json_t **result, struct err *err)
{
	json_t *list = json_array();

	capture_poll();
	for (int role = 0; role < PORT_ROLES; role++) {
		json_t *o = status_json((enum port_role)role);

		if (o != NULL)
			json_array_append_new(list, o);
	}
	*result = json_pack("{s:o}", "captures", list);
	return 0;
}

static int start(const void *params, json_t **result, struct err *err)
{
	const struct start_params *p = params;
	char name[CAPTURE_NAME_MAX];
	struct capture_config c = {
	        .filter = p->filter != NULL ? p->filter : "",
	        .snap_length = (uint32_t)p->snap_length,
	        .file = p->file,
	        .file_size_max = p->file_size_max,
	        .files = (unsigned int)p->files,
	        .rx = strcmp(p->direction, "tx") != 0,
	        .tx = strcmp(p->direction, "rx") != 0,
	        .packets_max = p->packets,
	        .duration_ns = p->seconds * NS_PER_S,
	        .qsbr = worker_qsbr(),
	};
	enum port_role role = port_parse(p->port);
	char reason[sizeof(err->text)];
	int rc;

	c.port = gateway_ops()->port != NULL ? gateway_ops()->port(role) : NULL;
	if (c.port == NULL || gateway_config() == NULL)
		return err_set(err, ENOTCONN, "the data plane is not running");
	c.directory = gateway_config()->control.capture_directory;
	if (c.file == NULL) {
		default_name(role, name, sizeof(name));
		c.file = name;
	}
	capture_notify(on_end);
	rc = capture_start(&c, err);
	if (rc == -EINVAL) {
		snprintf(reason, sizeof(reason), "%s", err->text);
		return err_set(err, EINVAL, "/params/%s", reason);
	}
	if (rc < 0)
		return rc;
	record_start(&c);
	return capture_show(NULL, result, err);
}

static int stop_one(enum port_role role, struct err *err)
{
	const struct method_caller *who = method_caller();
	int rc = capture_stop(role, err);

	if (rc == 0)
		log_info("capture of %s stopped by uid %u pid %d", port_role_name(role),
		         (unsigned int)who->uid, (int)who->pid);
	return rc;
}

static bool any_stopping(void)
{
	struct capture_status s;
	bool any = false;

	for (int role = 0; role < PORT_ROLES; role++) {
		capture_status_read((enum port_role)role, &s);
		any |= s.state == CAPTURE_STOPPING;
	}
	return any;
}

static int stop(const void *params, json_t **result, struct err *err)
{
	const struct stop_params *p = params;
	unsigned int stopped = 0;

	for (int role = 0; role < PORT_ROLES; role++)
		if (p->port == NULL || role == (int)port_parse(p->port))
			stopped += stop_one((enum port_role)role, err) == 0;
	if (stopped == 0)
		return p->port != NULL ? -err->code
		                       : err_set(err, ENOENT, "no port is being captured");
	for (int ms = 0; ms < STOP_WAIT_MS && any_stopping(); ms++) {
		usleep(1000);
		capture_poll();
	}
	return capture_show(NULL, result, err);
}

METHOD_DEFINE(capture_start, .summary = "Capture a port's frames into pcapng files", .fn = start,
              .params = start_params, .param_count = sizeof(start_params) / sizeof(start_params[0]),
              .right = METHOD_CAPTURE)
METHOD_DEFINE(capture_stop, .summary = "Stop a capture, or all", .fn = stop, .params = stop_params,
              .param_count = 1, .right = METHOD_CAPTURE)
METHOD_DEFINE(capture_show, .summary = "The captures that run, and the last of each port",
              .fn = capture_show)
