/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <event2/event.h>

#include "control/notify.h"

static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
	notify_alive();
}

int notify_dispatch(struct event_base *base, const char *status, struct err *err)
{
	int ms = notify_sleep_ms();
	struct timeval every = {ms / 1000, ms % 1000 * 1000};
	struct event *beat = NULL;

	if (ms > 0) {
		beat = event_new(base, -1, EV_PERSIST, on_beat, NULL);
		if (beat == NULL || event_add(beat, &every) != 0) {
			if (beat != NULL)
				event_free(beat);
			return err_set(err, ENOMEM, "libevent: no timer for the watchdog");
		}
	}
	notify_ready(status);
	notify_alive();
	event_base_dispatch(base);
	notify_stopping();
	if (beat != NULL)
		event_free(beat);
	return 0;
}
