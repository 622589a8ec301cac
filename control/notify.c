/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/notify.h"

#include <stdint.h>
#include <stdio.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "common/clock.h"

#define BEATS 4 /* in WatchdogSec=: two may be late */

/* When it was said last that the loop lives. */
static uint64_t alive_ns;

#ifdef HAVE_SYSTEMD

static void say(const char *state)
{
	/* Whoever does not listen is no reason to stop. */
	sd_notify(0, state);
}

/* Between two beats; 0: nobody waits for them. */
static uint64_t beat_ns(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec * (NS_PER_MS / 1000) / BEATS : 0;
}

#else

static void say(const char *state)
{
}

static uint64_t beat_ns(void)
{
	return 0;
}

#endif

void notify_ready(const char *status)
{
	char state[256];

	snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", status);
	say(state);
}

void notify_reloading(void)
{
	char state[96];

	/* The time is for Type=notify-reload, systemd.service(5). */
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
	         clock_mono_ns() / (NS_PER_MS / 1000));
	say(state);
}

void notify_stopping(void)
{
	say("STOPPING=1\nSTATUS=stops");
}

void notify_alive(void)
{
	uint64_t beat = beat_ns(), now = clock_mono_ns();

	if (beat == 0 || (alive_ns != 0 && now - alive_ns < beat / 2))
		return;
	alive_ns = now;
	say("WATCHDOG=1");
}

int notify_sleep_ms(void)
{
	uint64_t beat = beat_ns();

	return beat == 0 ? -1 : beat < NS_PER_MS ? 1 : (int)(beat / NS_PER_MS);
}
