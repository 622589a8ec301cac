/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "qkd-engine/engine_state.h"

#define PADS_PATIENCE_NS NS_PER_S

const char *engine_alarm_name(enum engine_alarm alarm)
{
	static const char *const names[ENGINE_ALARM_COUNT] = {
	        [ENGINE_ALARM_QBER_Z] = "qber-z",
	        [ENGINE_ALARM_QBER_X] = "qber-x",
	        [ENGINE_ALARM_INTERCEPT] = "intercept-resend",
	        [ENGINE_ALARM_SYNC] = "sync",
	        [ENGINE_ALARM_AUTH] = "transcript",
	        [ENGINE_ALARM_NO_LIGHT] = "no-light",
	        [ENGINE_ALARM_PADS] = "pads",
	        [ENGINE_ALARM_PARAMETERS] = "parameters",
	};

	return (unsigned int)alarm < ENGINE_ALARM_COUNT ? names[alarm] : "unknown";
}

void alarm_set(struct engine *e, enum engine_alarm alarm, bool raised, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (((e->stats.alarms >> alarm) & 1) == raised)
		return;
	e->stats.alarms ^= 1u << alarm;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->ops.alarm(e->ctx, alarm, raised, text);
}

bool alarms_block_key(const struct engine *e)
{
	return e->held || monitor_blocks_key(&e->monitor);
}

static void end_tainted(struct engine *e)
{
	if (e->open != NULL && e->open->tainted && !alarms_block_key(e))
		block_abort(e, e->open, ABORT_ALARM, true);
}

void engine_hold(struct engine *e, bool held)
{
	if (held == e->held)
		return;
	e->held = held;
	if (held)
		block_void_recent(e, ABORT_ALARM);
	else
		end_tainted(e);
}

static void show_kind(struct engine *e)
{
	static const struct {
		enum engine_alarm alarm;
		unsigned int kind;
		const char *what;
	} kinds[] = {
	        {ENGINE_ALARM_INTERCEPT, MONITOR_Z | MONITOR_X, "errors in both bases"},
	        {ENGINE_ALARM_QBER_Z, MONITOR_Z, "errors in the key basis Z only"},
	        {ENGINE_ALARM_QBER_X, MONITOR_X, "errors in the test basis X only"},
	};
	const struct monitor *m = &e->monitor;

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		alarm_set(e, kinds[i].alarm, m->kind == kinds[i].kind,
		          "%s: %.1f %% of %u outcomes in Z, %.1f %% of %u in X; threshold %.1f %%",
		          m->kind == kinds[i].kind ? kinds[i].what : "no longer this kind",
		          100 * m->rate[0], m->judged[0], 100 * m->rate[1], m->judged[1],
		          100 * m->qber_alarm);
}

void alarms_errors(struct engine *e, enum monitor_sequence s, const struct monitor_counts *c)
{
	switch (monitor_add(&e->monitor, s, c, e->now_ns)) {
	case MONITOR_SUSPECT:
		block_void_recent(e, ABORT_ALARM);
		break;
	case MONITOR_LOST:
		/* Alice hears of it from Bob, who sees the same errors. */
		block_void_recent(e, ABORT_ALIGNMENT);
		if (e->config.role == ENGINE_BOB)
			engine_realign(e, "half of the bits err in both bases");
		break;
	case MONITOR_RAISED:
		show_kind(e);
		break;
	case MONITOR_CLEARED:
		show_kind(e);
		end_tainted(e);
		break;
	case MONITOR_NOTHING:
		break;
	}
	/* Also when another basis crosses later, which may show an earlier begin. */
	if (monitor_blocks_key(&e->monitor))
		block_void_suspect(e);
}

void alarms_pads(struct engine *e, bool there)
{
	if (there) {
		e->pads_wait_ns = 0;
		alarm_set(e, ENGINE_ALARM_PADS, false, "authentication pads are there again");
		return;
	}
	if (e->pads_wait_ns == 0)
		e->pads_wait_ns = e->now_ns;
	if (e->now_ns - e->pads_wait_ns >= PADS_PATIENCE_NS)
		alarm_set(e, ENGINE_ALARM_PADS, true,
		          "no authentication pad left: blocks wait for one");
}
