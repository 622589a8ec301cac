/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway as a module of the process, and what the control methods ask of it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/clock.h"
#include "control/card_json.h"
#include "control/fibre_watch.h"
#include "control/gateway.h"
#include "control/live_watch.h"
#include "control/module.h"
#include "control/path_watch.h"
#include "control/site.h"
#include "control/status.h"
#include "control/wire_watch.h"

#define TICK_US 2000

static struct event *tick;

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	site_poll(clock_mono_ns());
}

static void read_link(struct gateway_link *out)
{
	struct qkd_role_status s;

	qkd_role_status_read(link_role(site_link()), &s);
	snprintf(out->name, sizeof(out->name), "%s", site_config()->link);
	out->enabled = s.quantum;
	out->card_present = s.optics.present;
	out->card = s.optics.card;
	out->card.simulated = s.optics.simulated;
	out->channel = s.channel;
	out->engine = s.engine;
}

static void read_tunnel(unsigned int i, struct gateway_tunnel *out)
{
	const struct config_tunnel *c = &site_config()->tunnels[i];
	struct tunnel_totals totals;

	snprintf(out->name, sizeof(out->name), "%s", c->name);
	out->local = c->local;
	out->remote = c->remote;
	rekey_stats_read(link_rekey(site_link(), i), clock_mono_ns(), &out->rekey);
	tunnel_totals_read(dataplane_tunnel(site_dataplane(), i), &totals);
	out->packets_sealed = totals.packets_sealed;
	out->bytes_sealed = totals.bytes_sealed;
	out->packets_opened = totals.packets_opened;
	out->bytes_opened = totals.bytes_opened;
	dataplane_path(site_dataplane(), i, &out->path_mtu);
	tunnel_peer_read(dataplane_tunnel(site_dataplane(), i), &out->peer);
	out->path = path_watch_state(site_dataplane(), i);
	out->state = link_tunnel_absent(site_link(), i) ? "not-at-peer" : live_watch_state(i);
	out->packets_cleared = dataplane_cleared_no_key(site_dataplane(), i);
}

static unsigned int read_tunnels(unsigned int offset, struct gateway_tunnel *out, unsigned int max)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < site_config()->tunnel_count; i++) {
		if (!config_tunnel_used(&site_config()->tunnels[i]))
			continue;
		if (count >= offset && count - offset < max)
			read_tunnel(i, &out[count - offset]);
		count++;
	}
	return count;
}

/* The index of a tunnel by its name, or the number of tunnels. */
static unsigned int tunnel_index(const char *name)
{
	unsigned int i = 0;

	while (i < site_config()->tunnel_count && strcmp(site_config()->tunnels[i].name, name) != 0)
		i++;
	return i;
}

/* Pages go over the tunnels in their order; tunnels before the page are counted only. */
static unsigned int read_sas(const char *tunnel, unsigned int offset, struct gateway_sa *out,
                             unsigned int max)
{
	static struct sa_info list[TUNNEL_SUBS_MAX * (TUNNEL_RX_GENERATIONS + 1)];
	const struct config *c = site_config();
	unsigned int total = 0, filled = 0;

	for (unsigned int i = 0; i < c->tunnel_count; i++) {
		const struct tunnel *t = dataplane_tunnel(site_dataplane(), i);
		unsigned int n;

		if (t == NULL || (tunnel != NULL && strcmp(c->tunnels[i].name, tunnel) != 0))
			continue;
		n = tunnel_sa_list(t, list, 0);
		if (total + n > offset && filled < max)
			tunnel_sa_list(t, list, RTE_DIM(list));
		for (unsigned int s = 0; s < n; s++, total++) {
			if (total < offset || filled == max)
				continue;
			memcpy(out[filled].tunnel, c->tunnels[i].name, sizeof(out->tunnel));
			out[filled++].info = list[s];
		}
	}
	return total;
}

static int rekey_now(const char *tunnel, struct err *err)
{
	if (link_rekey_now(site_link(), tunnel_index(tunnel)) < 0)
		return err_set(err, ENOENT, "tunnel: there is no tunnel %s", tunnel);
	return 0;
}

static const struct port *port(enum port_role role)
{
	return site_dataplane() != NULL ? dataplane_port(site_dataplane(), role) : NULL;
}

static unsigned int read_policy(struct spd_info *out, unsigned int max)
{
	return dataplane_policy(site_dataplane(), out, max);
}

static void read_wire(unsigned int i, struct gateway_wire *out)
{
	struct forward_wire_count frames;
	struct wire_watch_status s;
	const struct port_link *l = dataplane_link(site_dataplane(), PORT_LAN);

	wire_watch_read(i, &s);
	dataplane_wire_counts(site_dataplane(), i, &frames);
	*out = (struct gateway_wire){.config = &site_config()->wires[i],
	                             .local_link = s.held  ? "held"
	                                           : l->up ? "up"
	                                                   : "down",
	                             .remote_link = !s.remote_known ? "unknown"
	                                            : s.remote_up   ? "up"
	                                                            : "down",
	                             .frames_sent = frames.sent,
	                             .frames_received = frames.received};
}

static void read_learnt(unsigned int iface, struct dataplane_learnt *out)
{
	dataplane_learnt(site_dataplane(), iface, out);
}

static void read_keystore(struct keystore_stats *out)
{
	keystore_stats_read(link_keystore(site_link()), out);
}

static void read_forecast(struct key_forecast_view *out)
{
	link_key_forecast(site_link(), out);
}

static int import(const void *data, size_t len, struct err *err)
{
	return keystore_import(link_keystore(site_link()), data, len, err);
}

static bool read_kme(struct kme_feed_stats *out)
{
	return link_kme_stats(site_link(), out);
}

static const struct gateway_ops ops = {.link = read_link,
                                       .tunnels = read_tunnels,
                                       .sas = read_sas,
                                       .wire = read_wire,
                                       .learnt = read_learnt,
                                       .policy = read_policy,
                                       .tunnel_rekey = rekey_now,
                                       .port = port,
                                       .keystore = read_keystore,
                                       .key_forecast = read_forecast,
                                       .keystore_import = import,
                                       .kme = read_kme,
                                       .config_apply = site_reconfigure};

static json_t *port_json(enum port_role role)
{
	struct dataplane_port p;
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	json_t *port;

	dataplane_port_read(site_dataplane(), role, &p);
	rte_ether_format_addr(mac, sizeof(mac), &p.mac);
	for (char *c = mac; *c != '\0'; c++)
		*c = (char)(*c >= 'A' && *c <= 'F' ? *c + 32 : *c);
	port = json_pack("{s:s, s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "device",
	                 p.device, "mac", mac, "mtu", (int)p.mtu, "link_up", p.stats.link_up,
	                 "rx_packets", (json_int_t)p.stats.rx_packets, "rx_bytes",
	                 (json_int_t)p.stats.rx_bytes, "tx_packets", (json_int_t)p.stats.tx_packets,
	                 "tx_bytes", (json_int_t)p.stats.tx_bytes, "rx_missed",
	                 (json_int_t)p.stats.rx_missed, "rx_errors", (json_int_t)p.stats.rx_errors,
	                 "tx_errors", (json_int_t)p.stats.tx_errors, "rx_no_mbuf",
	                 (json_int_t)p.stats.rx_no_mbuf);
	json_object_set_new(port, "link_flaps", json_integer((json_int_t)p.link_flaps));
	json_object_update_new(port,
	                       json_pack("{s:i, s:i, s:s}", "rx_queues", (int)p.rx_queues,
	                                 "tx_queues", (int)p.tx_queues, "rx_mode", p.rx_mode));
	if (p.channel_mode != NULL)
		json_object_update_new(port,
		                       json_pack("{s:s, s:i, s:I}", "channel_mode", p.channel_mode,
		                                 "steer_rules", (int)p.steer_rules, "steer_failed",
		                                 (json_int_t)p.steer_failed));
	return port;
}

static json_t *read_ports(void)
{
	if (site_dataplane() == NULL)
		return NULL;
	return json_pack("{s:o, s:o}", "lan", port_json(PORT_LAN), "wan", port_json(PORT_WAN));
}

static json_t *read_lcores(void)
{
	json_t *list;

	if (site_dataplane() == NULL)
		return NULL;
	list = json_array();
	for (unsigned int i = 0; i < worker_count(); i++) {
		struct worker_stats s;
		uint64_t all;

		worker_stats_read(worker_get(i), &s);
		all = s.busy_ns + s.idle_ns + s.sleep_ns;
		json_array_append_new(
		        list,
		        json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "name",
		                  s.name, "lcore", (int)s.lcore_id, "loops", (json_int_t)s.loops,
		                  "busy_loops", (json_int_t)s.busy_loops, "work",
		                  (json_int_t)s.work, "busy_cycles", (json_int_t)s.busy_cycles,
		                  "idle_cycles", (json_int_t)s.idle_cycles, "sleep_cycles",
		                  (json_int_t)s.sleep_cycles, "busy_share",
		                  all == 0 ? 0.0 : (double)s.busy_ns / (double)all, "sleep_share",
		                  all == 0 ? 0.0 : (double)s.sleep_ns / (double)all));
	}
	return list;
}

/* What the polling core and the control thread have to say beyond the engine's figures. */
static json_t *read_optics(void)
{
	struct qkd_role_status s;
	struct link_stats l;
	json_t *o;

	if (site_link() == NULL)
		return NULL;
	qkd_role_status_read(link_role(site_link()), &s);
	link_stats_read(site_link(), &l);
	o = json_pack("{s:b, s:b, s:f, s:I, s:I, s:I, s:b, s:I, s:f, s:b, s:b, s:I, s:I, s:I, s:I, "
	              "s:I, s:I, s:I}",
	              "present", s.optics.present, "phase_locked", s.optics.phase_locked,
	              "frequency_ppb", s.optics.frequency_ppb, "clicks_no_phase",
	              (json_int_t)s.optics.clicks_no_phase, "clicks_same_slot",
	              (json_int_t)s.optics.clicks_same_slot, "clicks_too_old",
	              (json_int_t)s.optics.clicks_too_old, "clicks_held", s.optics.held, "holds",
	              (json_int_t)s.optics.holds, "held_s", (double)s.optics.held_ns / NS_PER_S,
	              "simulated", s.optics.simulated, "stores_agree", l.connected, "blocks_stored",
	              (json_int_t)l.blocks_stored, "blocks_refused", (json_int_t)l.blocks_refused,
	              "pads_fetched", (json_int_t)l.pads_fetched, "pads_unknown",
	              (json_int_t)l.pads_unknown, "bad_messages", (json_int_t)l.bad_messages,
	              "notes_dropped", (json_int_t)(s.notes_dropped + l.notes_dropped),
	              "datagrams_dropped", (json_int_t)s.datagrams_dropped);
	json_object_set_new(o, "coherence", json_real(s.optics.coherence));
	json_object_set_new(o, "gate", card_gate_json(&s.optics.gate));
	if (s.quantum)
		json_object_set_new(o, "calibration",
		                    ladder_json(link_ladder(site_link()), clock_mono_ns()));
	return o;
}

static json_t *read_watch(void)
{
	return site_link() != NULL && site_config()->qkd.enabled ? fibre_watch_json() : NULL;
}

STATUS_SECTION_DEFINE(ports, read_ports)
STATUS_SECTION_DEFINE(lcores, read_lcores)
STATUS_SECTION_DEFINE(optics, read_optics)
STATUS_SECTION_DEFINE(watch, read_watch)

static int start(struct app *app, struct err *err)
{
	const struct timeval period = {.tv_usec = TICK_US};
	int rc = site_start(app->config, err);

	if (rc < 0)
		return rc;
	tick = event_new(app->base, -1, EV_PERSIST, on_tick, NULL);
	if (tick == NULL || event_add(tick, &period) < 0) {
		if (tick != NULL)
			event_free(tick);
		site_stop();
		return err_set(err, ENOMEM, "no timer for the control loop");
	}
	gateway_register(&ops);
	return 0;
}

static void stop(struct app *app)
{
	(void)app;
	gateway_register(NULL);
	event_free(tick);
	site_stop();
}

MODULE_DEFINE(site, .start = start, .stop = stop)
