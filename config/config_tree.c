/* SPDX-License-Identifier: BSD-3-Clause */

/* From the checked tree to struct config. Types, lengths and ranges are the schema's work. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_json.h"

static int read_port(const json_t *o, const char *name, struct config_port *out, struct err *err)
{
	json_t *addresses = json_object_get(o, "address"), *a;
	size_t i;

	copy_text(o, "device", out->device, sizeof(out->device));
	out->mtu = (uint16_t)uint_of(o, "mtu");
	if (strcmp(name, "wan") == 0)
		out->vlan = (uint16_t)uint_of(o, "vlan");
	copy_text(o, "exception-interface", out->exception, sizeof(out->exception));
	out->loose_source = strcmp(text_of(o, "source-check"), "loose") == 0;
	out->learn_routes = (uint16_t)uint_of(o, "learn-routes");
	json_array_foreach (addresses, i, a) {
		if (!config_prefix_parse(json_string_value(a), &out->addresses[i]))
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/%s/address[.='%s']: not an address with "
			                           "its prefix length",
			               name, json_string_value(a));
		out->address_count++;
	}
	return 0;
}

static int read_subs(const json_t *list, struct config *out, struct err *err)
{
	char name[32];
	json_t *o;
	size_t i;
	int rc = 0;

	json_array_foreach (list, i, o) {
		struct config_sub *s = &out->lan_subs[out->lan_sub_count++];

		s->vlan = (uint16_t)uint_of(o, "id");
		snprintf(name, sizeof(name), "lan/vlan[id='%u']", s->vlan);
		rc = read_port(o, name, &s->port, err);
		if (rc != 0)
			break;
		if (s->port.mtu == 0)
			s->port.mtu = out->lan.mtu;
	}
	return rc;
}

static void read_rekey(const json_t *o, struct config_tunnel *t)
{
	const json_t *rekey = json_object_get(o, "rekey");
	const char *policy = text_of(o, "policy");

	t->policy = strcmp(policy, "ratchet") == 0  ? CONFIG_RATCHET
	            : strcmp(policy, "bypass") == 0 ? CONFIG_BYPASS
	            : strcmp(policy, "hybrid") == 0 ? CONFIG_HYBRID
	                                            : CONFIG_REQUIRE_QKD;
	t->ratchet_life_s = uint_of(o, "ratchet-life-s");
	t->rekey_period_ms = uint_of(rekey, "period-ms");
	t->hard_life_ms = uint_of(rekey, "hard-life-ms");
	t->rekey_bytes = (uint64_t)uint_of(rekey, "volume-mib") << 20;
	t->rekey_packets = uint_of(rekey, "packets");
	t->rekey_stretch = uint_of(rekey, "stretch");
	t->queue_delay_ms = uint_of(rekey, "queue-delay-ms");
	t->rekey_lan = strcmp(text_of(rekey, "profile"), "lan") == 0;
}

/* Tables over the 64 DSCPs, of which the file has what differs. */
static int read_classes(const json_t *o, struct config_tunnel *t, struct err *err)
{
	const json_t *dscp = json_object_get(o, "dscp");
	const char *mode = text_of(dscp, "mode");
	json_t *list, *e, *v;
	size_t i, k;

	t->ecn_compatible = strcmp(text_of(o, "ecn"), "compatibility") == 0;
	t->dscp_mapped = strcmp(mode, "copy") != 0;
	for (i = 0; t->dscp_mapped && i < 64; i++)
		t->dscp[i] =
		        strcmp(mode, "set") == 0 ? (uint8_t)uint_of(dscp, "value") : (uint8_t)i;
	list = json_object_get(dscp, "map");
	if (strcmp(mode, "map") == 0)
		json_array_foreach (list, i, e)
			t->dscp[uint_of(e, "inner") & 63] = (uint8_t)uint_of(e, "outer");
	t->classes = 1;
	list = json_object_get(o, "class");
	json_array_foreach (list, i, e) {
		uint8_t class = (uint8_t)uint_of(e, "index");

		t->classes = class + 1 > t->classes ? (uint8_t)(class + 1) : t->classes;
		json_array_foreach (json_object_get(e, "dscp"), k, v) {
			unsigned int value = (unsigned int)json_integer_value(v) & 63;

			if (t->class_of[value] != 0)
				return err_set(err, EINVAL,
				               CONFIG_ROOT "/tunnel[name='%s']/class[index='%u']/"
				                           "dscp[.='%u']: is in class %u already",
				               t->name, class, value, t->class_of[value]);
			t->class_of[value] = class;
		}
	}
	return 0;
}

static int read_tunnels(const json_t *list, struct config *out, struct err *err)
{
	json_t *o;
	size_t i;
	int rc;

	json_array_foreach (list, i, o) {
		struct config_tunnel *t = &out->tunnels[out->tunnel_count++];

		copy_text(o, "name", t->name, sizeof(t->name));
		config_addr_parse(text_of(o, "local"), &t->local);
		config_addr_parse(text_of(o, "remote"), &t->remote);
		t->replay_window = uint_of(o, "replay-window");
		read_rekey(o, t);
		t->udp = strcmp(text_of(o, "encapsulation"), "udp") == 0;
		t->liveness_losses = (uint8_t)uint_of(o, "liveness-losses");
		t->udp_port = (uint16_t)uint_of(o, "udp-port");
		t->udp_spread = strcmp(text_of(o, "udp-source"), "spread") == 0;
		t->nat_keepalive = (uint16_t)uint_of(o, "nat-keepalive-s");
		t->nat_dynamic = strcmp(text_of(o, "nat-peer"), "dynamic") == 0;
		t->peer_subs = (uint8_t)uint_of(o, "peer-sub-sas");
		t->outer_fragment = json_is_true(json_object_get(o, "outer-fragment"));
		t->mtu_discovery = json_is_true(json_object_get(o, "mtu-discovery"));
		t->mtu_floor = (uint16_t)uint_of(o, "mtu-floor");
		t->mss_clamp = json_is_true(json_object_get(o, "mss-clamp"));
		rc = read_classes(o, t, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void read_wires(const json_t *list, struct config *out)
{
	json_t *o, *entry;
	size_t i, k;

	json_array_foreach (list, i, o) {
		struct config_wire *w = &out->wires[out->wire_count++];
		const json_t *vlans = json_object_get(o, "vlan");

		copy_text(o, "name", w->name, sizeof(w->name));
		copy_text(o, "tunnel", w->tunnel, sizeof(w->tunnel));
		w->key = uint_of(o, "key");
		w->whole = json_array_size(vlans) == 0 &&
		           !json_is_true(json_object_get(o, "untagged"));
		w->vlans[0] = json_is_true(json_object_get(o, "untagged"));
		w->link_loss = json_is_true(json_object_get(o, "link-loss"));
		w->link_loss_hold_s = uint_of(o, "link-loss-hold-s");
		json_array_foreach (vlans, k, entry) {
			json_int_t vlan = json_integer_value(entry);

			w->vlans[vlan / 8] |= (uint8_t)(1U << (vlan % 8));
		}
		json_array_foreach (json_object_get(o, "transparent"), k, entry) {
			const char *what = json_string_value(entry);

			w->lldp |= strcmp(what, "lldp") == 0;
			w->lacp |= strcmp(what, "lacp") == 0;
			w->cfm |= strcmp(what, "cfm") == 0;
		}
	}
}

static bool on_port(const struct config_port *port, const struct config_addr *addr)
{
	for (unsigned int i = 0; i < port->address_count; i++)
		if (config_prefix_covers(&port->addresses[i], addr))
			return true;
	return false;
}

static int read_routes(const json_t *list, struct config *out, struct err *err)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		struct config_route *r = &out->routes[out->route_count++];
		const char *via = text_of(o, "via");

		if (!config_prefix_parse(text_of(o, "prefix"), &r->prefix))
			return err_set(err, EINVAL, CONFIG_ROOT "/route[prefix='%s']: not a prefix",
			               text_of(o, "prefix"));
		copy_text(o, "tunnel", r->tunnel, sizeof(r->tunnel));
		if (r->tunnel[0] != '\0') {
			r->via = CONFIG_VIA_TUNNEL;
			continue;
		}
		config_addr_parse(text_of(o, "next-hop"), &r->next_hop);
		r->has_backup = config_addr_parse(text_of(o, "backup-next-hop"), &r->backup);
		r->stay = strcmp(text_of(o, "preference"), "current") == 0;
		/* Without via, the port is the one whose prefix covers the next hop. */
		if (via[0] != '\0')
			r->via = strcmp(via, "lan") == 0 ? CONFIG_VIA_LAN : CONFIG_VIA_WAN;
		else
			r->via = on_port(&out->lan, &r->next_hop) ||
			                         config_subs_cover(out, &r->next_hop)
			                 ? CONFIG_VIA_LAN
			                 : CONFIG_VIA_WAN;
	}
	return 0;
}

static void read_otdr(const json_t *o, struct config *out)
{
	out->qkd.otdr.interval_s = uint_of(o, "interval-s");
	out->qkd.otdr.wavelength_nm = uint_of(o, "wavelength-nm");
	out->qkd.otdr.pulse_ns = uint_of(o, "pulse-ns");
	out->qkd.otdr.range_m = uint_of(o, "range-m");
	out->qkd.otdr.averages = uint_of(o, "averages");
	out->qkd.otdr.gated = json_is_true(json_object_get(o, "gated"));
	out->qkd.otdr.group_index = real_of(o, "group-index");
	out->qkd.otdr.backscatter_db = real_of(o, "backscatter-db");
	out->qkd.otdr.threshold_db = real_of(o, "loss-threshold-db");
	out->qkd.otdr.keep = uint_of(o, "keep");
	copy_text(o, "history", out->qkd.otdr.history, sizeof(out->qkd.otdr.history));
}

static void read_prediction(const json_t *o, struct config_dwdm *out)
{
	out->prediction.known = o != NULL;
	if (o == NULL)
		return;
	out->prediction.km = real_of(o, "length-km");
	copy_text(o, "quantum-channel", out->prediction.quantum, sizeof(out->prediction.quantum));
	out->prediction.quantum_db = json_object_get(o, "quantum-loss-db") != NULL
	                                     ? real_of(o, "quantum-loss-db")
	                                     : out->fibre_loss_db;
	out->prediction.bandwidth_nm = real_of(o, "bandwidth-nm");
	if (json_object_get(o, "gate-ns") != NULL)
		out->prediction.gate_ns = real_of(o, "gate-ns");
	out->prediction.dispersion = real_of(o, "dispersion-ps-nm-km");
	out->prediction.receiver_db = real_of(o, "receiver-loss-db");
	out->prediction.efficiency = real_of(o, "efficiency");
	out->prediction.dark = real_of(o, "dark-counts");
	out->prediction.misalignment = real_of(o, "misalignment");
	out->prediction.afterpulse = real_of(o, "afterpulse");
}

static void read_dwdm(const json_t *o, struct config_dwdm *out)
{
	const json_t *v;
	size_t i;

	out->planned = o != NULL;
	if (o == NULL)
		return;
	out->fibre_loss_db = real_of(o, "fibre-loss-db");
	out->tolerance_db = real_of(o, "tolerance-db");
	out->tolerance_ghz = real_of(o, "frequency-tolerance-ghz");
	read_prediction(json_object_get(o, "prediction"), out);
	json_array_foreach (json_object_get(o, "channel"), i, v) {
		struct config_dwdm_channel *c = &out->channel[out->count++];

		copy_text(v, "name", c->name, sizeof(c->name));
		c->counter = strcmp(text_of(v, "direction"), "counter") == 0;
		c->power_dbm = real_of(v, "power-dbm");
	}
}

static void read_qrng(const json_t *o, struct config *out)
{
	out->qkd.qrng.min_entropy = real_of(o, "min-entropy");
	out->qkd.qrng.alpha = uint_of(o, "false-alarm");
}

static void read_receiver(const json_t *o, struct config *out)
{
	out->qkd.holdoff_ns = uint_of(o, "holdoff-ns");
	out->qkd.gates_follow = o != NULL && strcmp(text_of(o, "gates"), "follow") == 0;
	out->qkd.detectors_set = json_object_get(o, "temperature-c") != NULL;
	if (out->qkd.detectors_set) {
		double mc = 1000 * real_of(o, "temperature-c");

		out->qkd.detectors_mc = (int32_t)(mc < 0 ? mc - 0.5 : mc + 0.5);
	}
}

static void read_qkd(const json_t *o, struct config *out)
{
	const json_t *card = json_object_get(o, "card"), *source = json_object_get(o, "source");

	out->qkd.enabled = json_is_true(json_object_get(o, "enabled"));
	copy_text(card, "transport", out->qkd.transport, sizeof(out->qkd.transport));
	copy_text(card, json_object_get(card, "device") != NULL ? "device" : "path", out->qkd.path,
	          sizeof(out->qkd.path));
	out->qkd.mu1 = real_of(source, "mu1");
	out->qkd.mu2 = real_of(source, "mu2");
	out->qkd.p_mu1 = real_of(source, "p-mu1");
	out->qkd.p_z = real_of(source, "p-z");
	read_receiver(json_object_get(o, "receiver"), out);
	read_otdr(json_object_get(o, "otdr"), out);
	read_qrng(json_object_get(o, "qrng"), out);
	read_dwdm(json_object_get(o, "dwdm"), &out->qkd.dwdm);
	out->qkd.block_bits = uint_of(o, "block-bits");
	out->qkd.blocks_in_flight = uint_of(o, "blocks-in-flight");
	copy_text(o, "proof", out->qkd.proof, sizeof(out->qkd.proof));
	copy_text(o, "reconciliation", out->qkd.reconciliation, sizeof(out->qkd.reconciliation));
	copy_text(o, "leak-mode", out->qkd.leak_mode, sizeof(out->qkd.leak_mode));
	out->qkd.eps_sec = real_of(o, "eps-sec");
	out->qkd.eps_cor = real_of(o, "eps-cor");
	out->qkd.qber_abort = real_of(o, "qber-abort");
	out->qkd.qber_alarm = real_of(o, "qber-alarm");
	out->qkd.computational_bootstrap = strcmp(text_of(o, "bootstrap"), "computational") == 0;
}

int config_tree_read(const json_t *tree, struct config *out, struct err *err)
{
	const json_t *g = json_object_get(tree, "lumengate:gateway"), *o, *port;
	int rc;

	*out = (struct config){0};
	copy_text(g, "name", out->name, sizeof(out->name));
	copy_text(g, "link", out->link, sizeof(out->link));
	out->site = strcmp(text_of(g, "site"), "a") == 0 ? CONFIG_SITE_A : CONFIG_SITE_B;

	o = json_object_get(g, "resources");
	out->eal.forward_lcores = uint_of(o, "forward-lcores");
	out->eal.qkd_lcores = uint_of(o, "qkd-lcores");
	out->eal.memory_mb = uint_of(o, "memory-mib");
	out->eal.chained = strcmp(text_of(o, "packet-buffers"), "chained") == 0;
	out->eal.hugepages = json_is_true(json_object_get(o, "hugepages"));
	out->eal.secondaries = json_is_true(json_object_get(o, "secondary-processes"));
	copy_text(o, "cpus", out->eal.cpus, sizeof(out->eal.cpus));
	copy_text(o, "file-prefix", out->eal.file_prefix, sizeof(out->eal.file_prefix));
	copy_text(o, "ipsec-mb", out->ipsec_mb, sizeof(out->ipsec_mb));
	copy_text(o, "gcm-provider", out->gcm_provider, sizeof(out->gcm_provider));
	copy_text(o, "crypto-device", out->crypto_device, sizeof(out->crypto_device));

	port = json_object_get(g, "port");
	rc = read_port(json_object_get(port, "lan"), "lan", &out->lan, err);
	if (rc == 0)
		rc = read_subs(json_object_get(json_object_get(port, "lan"), "vlan"), out, err);
	if (rc == 0)
		rc = read_port(json_object_get(port, "wan"), "wan", &out->wan, err);
	if (rc == 0)
		rc = read_tunnels(json_object_get(g, "tunnel"), out, err);
	if (rc == 0)
		read_wires(json_object_get(g, "pseudowire"), out);
	if (rc == 0)
		rc = read_routes(json_object_get(g, "route"), out, err);
	if (rc == 0)
		rc = config_rules_read(g, out, err);

	o = json_object_get(g, "channel");
	config_addr_parse(text_of(o, "local"), &out->channel.local);
	config_addr_parse(text_of(o, "remote"), &out->channel.remote);
	out->channel.port = (uint16_t)uint_of(o, "port");
	out->channel.dynamic = strcmp(text_of(o, "nat-peer"), "dynamic") == 0;
	copy_text(o, "psk-file", out->channel.psk_file, sizeof(out->channel.psk_file));

	read_qkd(json_object_get(g, "qkd"), out);

	o = json_object_get(g, "keystore");
	copy_text(o, "path", out->keystore.path, sizeof(out->keystore.path));
	copy_text(o, "storage-key", out->keystore.storage_key, sizeof(out->keystore.storage_key));
	out->keystore.max_keys = uint_of(o, "max-keys");
	out->keystore.low_water = uint_of(o, "low-water-keys");
	out->keystore.ttl_s = uint_of(o, "ttl-s");

	config_foreign_read(g, &out->foreign_kme);
	o = json_object_get(g, "delivery");
	out->delivery.enabled = o != NULL;
	if (o != NULL) {
		copy_text(o, "socket", out->delivery.socket, sizeof(out->delivery.socket));
		copy_text(o, "group", out->delivery.group, sizeof(out->delivery.group));
		out->delivery.link_number = (uint8_t)uint_of(o, "link-number");
		out->delivery.weight_a = (uint8_t)uint_of(o, "weight-a-percent");
		out->delivery.weight_b = (uint8_t)uint_of(o, "weight-b-percent");
		out->delivery.floor = uint_of(o, "floor-keys");
	}

	o = json_object_get(g, "control");
	copy_text(o, "socket", out->control.socket, sizeof(out->control.socket));
	copy_text(o, "group", out->control.group, sizeof(out->control.group));
	copy_text(o, "read-only-group", out->control.read_only_group,
	          sizeof(out->control.read_only_group));
	copy_text(o, "capture-group", out->control.capture_group,
	          sizeof(out->control.capture_group));
	copy_text(o, "capture-directory", out->control.capture_directory,
	          sizeof(out->control.capture_directory));
	copy_text(o, "history-directory", out->control.history_directory,
	          sizeof(out->control.history_directory));
	return rc;
}
