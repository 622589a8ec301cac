/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/why_traffic.h"

#include <stdio.h>
#include <string.h>

#include "control/alarm.h"

static const char *const port_alarms[] = {"link-down", NULL};
static const char *const tunnel_alarms[] = {"rekey-version", "tunnel-not-at-peer", "rekey-policy",
                                            "tunnel-down", NULL};
static const char *const link_alarms[] = {"rekey-version", NULL};
static const char *const wire_alarms[] = {"link-loss", NULL};

/* An address that a probe found to be another's is not used: no traffic by that port. */
static bool conflict(struct why *out)
{
	static const char *const kinds[] = {"address-conflict", NULL};
	const struct alarm *a;

	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (a->active && a->severity == ALARM_CRITICAL && strcmp(a->kind, kinds[0]) == 0)
			return why_alarm(out, kinds, a->resource);
	return false;
}

/* Those of the tunnel that was asked for, or of any. */
static bool tunnels(const struct why_traffic_facts *f, struct why *out)
{
	char resource[64];

	snprintf(resource, sizeof(resource), "tunnel/%s", f->tunnel != NULL ? f->tunnel : "*");
	if (why_alarm(out, tunnel_alarms, resource) || why_alarm(out, link_alarms, "link/*"))
		return true;
	if (f->keyless == NULL)
		return false;
	if (f->key->well)
		why_set(out, false, "no-key",
		        "Wait some seconds; else lgctl tunnel show has last_reject",
		        "Tunnel %s has no key yet, though there is key: the sites agree on one now",
		        f->keyless);
	else
		why_set(out, false, "no-key", f->key->action, "Tunnel %s has no key: %s",
		        f->keyless, f->key->text);
	snprintf(out->resource, sizeof(out->resource), "tunnel/%s", f->keyless);
	return true;
}

static const struct why_drop *most(const struct why_traffic_facts *f)
{
	const struct why_drop *top = NULL;

	for (const struct why_drop *d = f->drops; d->counter != NULL; d++)
		if (d->packets > 0 && (top == NULL || d->packets > top->packets))
			top = d;
	return top;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * More is dropped for one reason than passes. What comes out of a tunnel and is dropped then has
 * been counted as opened: it did not pass, nor did the probes beside it, which end in the gateway.
 */
static bool dropped(const struct why_traffic_facts *f, struct why *out)
{
	const struct why_drop *top = most(f);
	uint64_t passed = f->sealed + f->opened;
	struct why_drop_hint hint;

	if (top == NULL)
		return false;
	hint = why_drop_hint(top->counter);
	if (hint.counted) {
		passed -= min(passed, f->probes_sealed + f->probes_opened);
		passed -= min(passed, top->packets);
	}
	if (top->packets < passed)
		return false;
	why_set(out, false, top->counter, hint.action,
	        "%llu packets in %.0f s were dropped (%s): %s", (unsigned long long)top->packets,
	        f->window_s, top->counter, hint.meaning);
	return true;
}

static bool late(const struct why_traffic_facts *f, struct why *out)
{
	uint64_t missed = f->lan_missed + f->wan_missed;

	if (missed == 0 || missed < f->sealed + f->opened)
		return false;
	why_set(out, false, "overload", "Give the gateway more forwarding cores (forward-lcores)",
	        "%llu packets in %.0f s found no room at the %s port: more comes than the cores "
	        "forward",
	        (unsigned long long)missed, f->window_s,
	        f->lan_missed >= f->wan_missed ? "LAN" : "WAN");
	return true;
}

static void flow(const struct why_traffic_facts *f, struct why *out)
{
	const struct why_drop *top = most(f);
	char drops[96] = "";

	if (top != NULL)
		snprintf(drops, sizeof(drops), "; %llu dropped (%s)",
		         (unsigned long long)top->packets, top->counter);
	if (f->sealed == 0 && f->lan_rx == 0)
		why_set(out, false, "lan-silent",
		        "Do the hosts route to the other site by this gateway's LAN address, in "
		        "the "
		        "right VLAN?",
		        "Nothing came in by the LAN port for %.0f s%s", f->window_s,
		        f->opened > 0 ? ", though packets of the other site go out by it" : "");
	else if (f->sealed == 0)
		why_set(out, false, "not-ours",
		        "lgctl route list and lgctl policy show: does one lead into a tunnel?",
		        "%llu packets came in by the LAN port in %.0f s, and none goes into a "
		        "tunnel%s",
		        (unsigned long long)f->lan_rx, f->window_s, drops);
	/* One more may be a probe, which was counted between the two counters. */
	else if (f->opened <= f->probes_opened && f->sealed > f->probes_sealed + 1)
		why_set(out, false, "one-way",
		        "lgctl why traffic at the other site; does a firewall between let ESP "
		        "pass?",
		        "%.0f packets/s are sealed, and none comes back%s",
		        (double)(f->sealed - min(f->sealed, f->probes_sealed)) / f->window_s,
		        drops);
	else
		why_set(out, true, "flows", "",
		        "Traffic flows: %.0f packets/s sealed, %.0f opened%s",
		        (double)f->sealed / f->window_s, (double)f->opened / f->window_s, drops);
}

void why_traffic(const struct why_traffic_facts *f, struct why *out)
{
	*out = (struct why){0};
	if (why_alarm(out, port_alarms, "port/*") || conflict(out) || tunnels(f, out) ||
	    why_alarm(out, wire_alarms, "wire/*"))
		return;
	if (f->window_s <= 0)
		why_set(out, false, "start", "Ask again in some seconds",
		        "The gateway has just started to count");
	else if (!late(f, out) && !dropped(f, out))
		flow(f, out);
}
