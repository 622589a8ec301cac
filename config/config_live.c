/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_parts.h"

/*
 * Every field that needs a restart, with its path. Members are compared byte by byte: they
 * come from zeroed structs, texts are padded with zeros.
 */
#define FIELD(member, name)                                                                        \
	{                                                                                          \
		offsetof(struct config, member), sizeof(((struct config *)0)->member),             \
		        CONFIG_ROOT "/" name                                                       \
	}

static const struct {
	size_t offset, size;
	const char *path;
} fixed[] = {
        FIELD(name, "name"),
        FIELD(site, "site"),
        FIELD(link, "link"),
        FIELD(eal.forward_lcores, "resources/forward-lcores"),
        FIELD(eal.qkd_lcores, "resources/qkd-lcores"),
        FIELD(eal.cpus, "resources/cpus"),
        FIELD(eal.memory_mb, "resources/memory-mib"),
        FIELD(eal.file_prefix, "resources/file-prefix"),
        FIELD(eal.hugepages, "resources/hugepages"),
        FIELD(eal.chained, "resources/packet-buffers"),
        FIELD(eal.secondaries, "resources/secondary-processes"),
        FIELD(ipsec_mb, "resources/ipsec-mb"),
        FIELD(gcm_provider, "resources/gcm-provider"),
        FIELD(crypto_device, "resources/crypto-device"),
        FIELD(lan.device, "port/lan/device"),
        FIELD(lan.mtu, "port/lan/mtu"),
        FIELD(lan.exception, "port/lan/exception-interface"),
        FIELD(wan.exception, "port/wan/exception-interface"),
        FIELD(lan.loose_source, "port/lan/source-check"),
        FIELD(lan.learn_routes, "port/lan/learn-routes"),
        FIELD(wan.learn_routes, "port/wan/learn-routes"),
        FIELD(lan.address_count, "port/lan/address"),
        FIELD(lan.addresses, "port/lan/address"),
        FIELD(lan_sub_count, "port/lan/vlan"),
        FIELD(lan_subs, "port/lan/vlan"),
        FIELD(wan.device, "port/wan/device"),
        FIELD(wan.mtu, "port/wan/mtu"),
        FIELD(wan.vlan, "port/wan/vlan"),
        FIELD(wan.address_count, "port/wan/address"),
        FIELD(wan.addresses, "port/wan/address"),
        FIELD(wire_count, "pseudowire"),
        FIELD(wires, "pseudowire"),
        FIELD(channel.local, "channel/local"),
        FIELD(channel.remote, "channel/remote"),
        FIELD(channel.port, "channel/port"),
        FIELD(channel.dynamic, "channel/nat-peer"),
        FIELD(channel.psk_file, "channel/psk-file"),
        FIELD(qkd.enabled, "qkd/enabled"),
        FIELD(qkd.transport, "qkd/card/transport"),
        FIELD(qkd.path, "qkd/card/path"),
        FIELD(qkd.mu1, "qkd/source/mu1"),
        FIELD(qkd.mu2, "qkd/source/mu2"),
        FIELD(qkd.p_mu1, "qkd/source/p-mu1"),
        FIELD(qkd.p_z, "qkd/source/p-z"),
        FIELD(qkd.holdoff_ns, "qkd/receiver/holdoff-ns"),
        FIELD(qkd.detectors_set, "qkd/receiver/temperature-c"),
        FIELD(qkd.detectors_mc, "qkd/receiver/temperature-c"),
        FIELD(qkd.gates_follow, "qkd/receiver/gates"),
        FIELD(qkd.otdr.history, "qkd/otdr/history"),
        FIELD(qkd.qrng.min_entropy, "qkd/qrng/min-entropy"),
        FIELD(qkd.qrng.alpha, "qkd/qrng/false-alarm"),
        FIELD(qkd.block_bits, "qkd/block-bits"),
        FIELD(qkd.blocks_in_flight, "qkd/blocks-in-flight"),
        FIELD(qkd.proof, "qkd/proof"),
        FIELD(qkd.reconciliation, "qkd/reconciliation"),
        FIELD(qkd.leak_mode, "qkd/leak-mode"),
        FIELD(qkd.eps_sec, "qkd/eps-sec"),
        FIELD(qkd.eps_cor, "qkd/eps-cor"),
        FIELD(keystore.path, "keystore/path"),
        FIELD(keystore.storage_key, "keystore/storage-key"),
        FIELD(keystore.max_keys, "keystore/max-keys"),
        FIELD(keystore.low_water, "keystore/low-water-keys"),
        FIELD(keystore.ttl_s, "keystore/ttl-s"),
        FIELD(foreign_kme, "foreign-kme"),
        FIELD(delivery.enabled, "delivery"),
        FIELD(delivery.socket, "delivery/socket"),
        FIELD(delivery.group, "delivery/group"),
        FIELD(delivery.link_number, "delivery/link-number"),
        FIELD(control.socket, "control/socket"),
        FIELD(control.group, "control/group"),
        FIELD(control.read_only_group, "control/read-only-group"),
        FIELD(control.capture_group, "control/capture-group"),
        FIELD(control.capture_directory, "control/capture-directory"),
        FIELD(control.history_directory, "control/history-directory"),
};

struct teller {
	config_live_fn fn;
	void *ctx;
	const char *last; /* of the table: several members may be of one path */
	unsigned int count;
};

static void tell(struct teller *t, const char *path)
{
	t->count++;
	t->fn(t->ctx, path);
}

static void tell_tunnel(struct teller *t, const char *tunnel, const char *field)
{
	char path[128];

	snprintf(path, sizeof(path), CONFIG_ROOT "/tunnel[name='%s']/%s", tunnel, field);
	tell(t, path);
}

static void tunnel_change(const struct config_tunnel *a, const struct config_tunnel *b,
                          struct teller *t)
{
	if (!config_addr_equal(&a->local, &b->local))
		tell_tunnel(t, b->name, "local");
	if (!config_addr_equal(&a->remote, &b->remote))
		tell_tunnel(t, b->name, "remote");
	if (a->replay_window != b->replay_window)
		tell_tunnel(t, b->name, "replay-window");
	if (a->outer_fragment != b->outer_fragment)
		tell_tunnel(t, b->name, "outer-fragment");
	if (a->mtu_discovery != b->mtu_discovery)
		tell_tunnel(t, b->name, "mtu-discovery");
	if (a->mtu_floor != b->mtu_floor)
		tell_tunnel(t, b->name, "mtu-floor");
	if (a->mss_clamp != b->mss_clamp)
		tell_tunnel(t, b->name, "mss-clamp");
	if (a->ecn_compatible != b->ecn_compatible)
		tell_tunnel(t, b->name, "ecn");
	if (a->dscp_mapped != b->dscp_mapped || memcmp(a->dscp, b->dscp, sizeof(a->dscp)) != 0)
		tell_tunnel(t, b->name, "dscp");
	if (a->classes != b->classes || memcmp(a->class_of, b->class_of, sizeof(a->class_of)) != 0)
		tell_tunnel(t, b->name, "class");
	if (a->peer_subs != b->peer_subs)
		tell_tunnel(t, b->name, "peer-sub-sas");
	if (a->udp != b->udp)
		tell_tunnel(t, b->name, "encapsulation");
	if (a->udp_port != b->udp_port)
		tell_tunnel(t, b->name, "udp-port");
	if (a->udp_spread != b->udp_spread)
		tell_tunnel(t, b->name, "udp-source");
	if (a->nat_keepalive != b->nat_keepalive)
		tell_tunnel(t, b->name, "nat-keepalive-s");
	if (a->nat_dynamic != b->nat_dynamic)
		tell_tunnel(t, b->name, "nat-peer");
}

unsigned int config_live_each(const struct config *current, const struct config *next,
                              config_live_fn fn, void *ctx)
{
	struct teller t = {.fn = fn, .ctx = ctx};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (memcmp((const char *)current + fixed[i].offset,
		           (const char *)next + fixed[i].offset, fixed[i].size) == 0)
			continue;
		if (t.last == NULL || strcmp(t.last, fixed[i].path) != 0)
			tell(&t, fixed[i].path);
		t.last = fixed[i].path;
	}
	/* By name: tunnels may come, go and change places. */
	for (unsigned int i = 0; i < current->tunnel_count; i++) {
		const struct config_tunnel *c = &current->tunnels[i];
		int at = config_tunnel_used(c) ? config_tunnel_index(next, c->name) : -1;

		if (at >= 0)
			tunnel_change(c, &next->tunnels[at], &t);
	}
	return t.count;
}

static void keep_first(void *ctx, const char *path)
{
	struct err *err = ctx;

	if (err->code == 0)
		err_set(err, EPERM, "%s: cannot change live, restart the gateway", path);
}

int config_live_change(const struct config *current, const struct config *next, struct err *err)
{
	struct err first = {0};

	if (config_live_each(current, next, keep_first, &first) == 0)
		return 0;
	if (err != NULL)
		*err = first;
	return -EPERM;
}
