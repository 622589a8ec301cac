/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "common/mlkem.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ROOT "/lumengate:gateway"

static void setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
}

static void test_examples_load(void)
{
	static struct config a, b;
	struct err err = {0};
	char text[CONFIG_ADDR_TEXT];

	setup();
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &a, &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_B, &b, &err), 0);

	CU_ASSERT_STRING_EQUAL(a.name, "gw-a");
	CU_ASSERT_EQUAL(a.site, CONFIG_SITE_A);
	CU_ASSERT_EQUAL(b.site, CONFIG_SITE_B);
	CU_ASSERT_STRING_EQUAL(a.link, b.link);
	CU_ASSERT_EQUAL(a.eal.forward_lcores, 1);
	CU_ASSERT_EQUAL(a.eal.qkd_lcores, 0);
	CU_ASSERT_STRING_EQUAL(a.eal.file_prefix, "gw-a");
	CU_ASSERT_TRUE(a.eal.hugepages);
	CU_ASSERT_STRING_EQUAL(a.ipsec_mb, "");
	CU_ASSERT_STRING_EQUAL(a.gcm_provider, "auto");
	CU_ASSERT_STRING_EQUAL(a.lan.device, "net_af_packet0,iface=lan0");
	CU_ASSERT_EQUAL(a.lan.mtu, 1500);
	CU_ASSERT_EQUAL(a.lan.address_count, 2);
	CU_ASSERT_STRING_EQUAL(config_prefix_format(&a.lan.addresses[0], text), "10.1.0.1/24");
	CU_ASSERT_STRING_EQUAL(config_prefix_format(&a.lan.addresses[1], text), "fd00:1::1/64");
	CU_ASSERT_EQUAL(a.wan.mtu, 1600);
	CU_ASSERT_STRING_EQUAL(config_prefix_format(&b.wan.addresses[0], text), "192.0.2.2/30");

	CU_ASSERT_EQUAL(a.route_count, 2);
	CU_ASSERT_STRING_EQUAL(config_prefix_format(&a.routes[0].prefix, text), "10.2.0.0/24");
	CU_ASSERT_EQUAL(a.routes[0].via, CONFIG_VIA_TUNNEL);
	CU_ASSERT_STRING_EQUAL(a.routes[1].tunnel, "dc");
	CU_ASSERT_EQUAL(a.tunnel_count, 1);
	CU_ASSERT_STRING_EQUAL(a.tunnels[0].name, "dc");
	CU_ASSERT(config_addr_equal(&a.tunnels[0].local, &b.tunnels[0].remote));
	CU_ASSERT(config_addr_equal(&a.tunnels[0].remote, &b.tunnels[0].local));
	CU_ASSERT_EQUAL(a.tunnels[0].replay_window, 4096);
	CU_ASSERT_EQUAL(a.tunnels[0].rekey_period_ms, 1000);
	CU_ASSERT_EQUAL(a.tunnels[0].hard_life_ms, 60000);
	CU_ASSERT_EQUAL(a.tunnels[0].policy, CONFIG_REQUIRE_QKD);
	CU_ASSERT_EQUAL(a.tunnels[0].ratchet_life_s, 3600);
	CU_ASSERT_EQUAL(a.tunnels[0].rekey_bytes, 0);
	CU_ASSERT_EQUAL(a.tunnels[0].rekey_packets, 0);
	CU_ASSERT_EQUAL(a.tunnels[0].rekey_stretch, 10);
	CU_ASSERT_EQUAL(a.tunnels[0].queue_delay_ms, 100);
	CU_ASSERT_FALSE(a.tunnels[0].rekey_lan);
	CU_ASSERT_EQUAL(a.channel.port, 4790);
	CU_ASSERT_STRING_EQUAL(a.channel.psk_file, "/etc/lumengate/psk");

	CU_ASSERT_TRUE(a.qkd.enabled);
	CU_ASSERT_STRING_EQUAL(a.qkd.transport, "shm");
	CU_ASSERT_STRING_EQUAL(a.qkd.path, "/run/lumengate/card");
	CU_ASSERT_EQUAL(a.qkd.block_bits, 1000000);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.mu1, 0.3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.mu2, 0.1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.p_mu1, 0.3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.p_z, 0.8, 1e-12);
	CU_ASSERT_STRING_EQUAL(a.qkd.proof, "wiesemann2024");
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.eps_sec, 1e-12, 1e-23);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.eps_cor, 1e-15, 1e-26);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.qber_abort, 0.08, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(a.qkd.qber_alarm, 0.05, 1e-12);
	CU_ASSERT_EQUAL(b.qkd.holdoff_ns, 1000);
	CU_ASSERT_FALSE(b.qkd.gates_follow || b.qkd.detectors_set);
	CU_ASSERT_EQUAL(a.keystore.max_keys, 100000);
	CU_ASSERT_EQUAL(a.keystore.ttl_s, 0);
	CU_ASSERT_STRING_EQUAL(a.control.socket, "/run/lumengate/control.sock");
	CU_ASSERT_STRING_EQUAL(a.control.group, "");
}

#define NO_STORAGE_KEY                                                                             \
	ROOT "/keystore/storage-key: not an absolute path, nor credential:NAME, nor tpm2:HANDLE "  \
	     "or tpm2:HANDLE:BANK:PCR,... such as tpm2:0x81010001:sha256:0,7"

static const struct {
	const char *file, *path, *value, *error;
} bad[] = {
        /* unknown fields, wrong types, ranges, missing members */
        {EXAMPLE_A, "colour", "1",
         ROOT ": Node \"colour\" not found as a child of \"gateway\" node"},
        {EXAMPLE_A, "port/lan/speed", "1",
         ROOT "/port/lan: Node \"speed\" not found as a child of \"lan\" node"},
        {EXAMPLE_A, "port/lan/mtu", "\"1500\"",
         ROOT "/port/lan/mtu: Invalid non-number-encoded uint16 value \"1500\""},
        {EXAMPLE_A, "port/lan/mtu", "100", ROOT "/port/lan/mtu: out of range: must be 576 to 9600"},
        {EXAMPLE_A, "site", "\"c\"", ROOT "/site: Invalid enumeration value \"c\""},
        {EXAMPLE_A, "site", NULL, ROOT "/site: Mandatory node \"site\" instance does not exist"},
        {EXAMPLE_A, "port/wan", NULL,
         ROOT "/port/wan/device: Mandatory node \"device\" instance does not exist"},
        {EXAMPLE_A, "link", "\"a b\"",
         ROOT "/link: not a name of letters, digits, '_', '.' and '-'"},
        {EXAMPLE_A, "keystore/storage-key", "\"key\"", NO_STORAGE_KEY},
        {EXAMPLE_A, "keystore/storage-key", "\"credential:../key\"", NO_STORAGE_KEY},
        {EXAMPLE_A, "keystore/storage-key", "\"tpm2:0x80000001\"", NO_STORAGE_KEY},
        {EXAMPLE_A, "channel/psk-file", "\"psk\"", ROOT "/channel/psk-file: not an absolute path"},
        {EXAMPLE_A, "resources/gcm-provider", "\"avx1024\"",
         ROOT "/resources/gcm-provider: Invalid enumeration value \"avx1024\""},
        {EXAMPLE_A, "resources/gcm-provider", "\"cryptodev\"",
         ROOT "/resources/crypto-device: missing: gcm-provider is cryptodev"},
        {EXAMPLE_A, "resources/crypto-device", "\"crypto_aesni_gcm0\"",
         ROOT "/resources/crypto-device: gcm-provider is auto, not cryptodev"},
        {EXAMPLE_A, "resources/crypto-device", "\"net_null0\"",
         ROOT "/resources/crypto-device: not a PCI address and not a DPDK crypto device such as "
              "crypto_aesni_gcm0"},
        {EXAMPLE_A, "channel/port", "0", ROOT "/channel/port: out of range: must be 1 to 65535"},
        {EXAMPLE_A, "resources/cpus", "\"0-\"",
         ROOT "/resources/cpus: not a list of CPUs such as 0-1,4"},
        {EXAMPLE_A, "qkd/eps-sec", "\"0.1\"", ROOT "/qkd/eps-sec: not a probability such as 1e-9"},
        {EXAMPLE_A, "qkd/proof", "\"lim2014\"",
         ROOT "/qkd/proof: Invalid enumeration value \"lim2014\""},
        {EXAMPLE_A, "qkd/qber-abort", "\"0.9\"",
         ROOT "/qkd/qber-abort: out of range: must be 0.001 to 0.499999"},
        {EXAMPLE_A, "qkd/qber-abort", "\"0.5\"",
         ROOT "/qkd/qber-abort: out of range: must be 0.001 to 0.499999"},
        {EXAMPLE_A, "qkd/qber-alarm", "\"0.25\"",
         ROOT "/qkd/qber-alarm: out of range: must be 0.001 to 0.249999"},
        {EXAMPLE_A, "resources/qkd-lcores", "9",
         ROOT "/resources/qkd-lcores: out of range: must be 0 to 8"},
        {EXAMPLE_A, "qkd/block-bits", "16000001",
         ROOT "/qkd/block-bits: out of range: must be 4096 to 16000000"},
        {EXAMPLE_A, "qkd/block-bits", "4095",
         ROOT "/qkd/block-bits: out of range: must be 4096 to 16000000"},
        {EXAMPLE_A, "qkd/blocks-in-flight", "65",
         ROOT "/qkd/blocks-in-flight: out of range: must be 2 to 64"},
        {EXAMPLE_A, "qkd/blocks-in-flight", "1",
         ROOT "/qkd/blocks-in-flight: out of range: must be 2 to 64"},
        {EXAMPLE_A, "qkd/source/mu1", "\"1.000001\"",
         ROOT "/qkd/source/mu1: out of range: must be 0.001 to 1"},
        /* bonded ports */
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1\"",
         ROOT "/port/wan/device: a bonded port needs member="},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,member=net_null0\"",
         ROOT "/port/wan/device: a bonded port needs mode="},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=7,member=net_null0\"",
         ROOT "/port/wan/device: mode=7: must be 0 to 6"},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1,member=net_null0,slave=net_null0\"",
         ROOT "/port/wan/device: net_null0: is a member twice"},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1,member=net_bonding1\"",
         ROOT "/port/wan/device: net_bonding1: not a device that a bonded port may have"},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1,member=eth1\"",
         ROOT "/port/wan/device: eth1: not a device that a bonded port may have"},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1,member=net_af_packet7,iface=eth1\"",
         ROOT "/port/wan/device: net_af_packet7: not a device that a bonded port may have"},
        {EXAMPLE_A, "port/wan/device", "\"net_bonding0,mode=1,member=net_af_packet0\"",
         ROOT "/port/wan/device: net_af_packet0: is a port of its own"},
        /* pseudowires */
        {EXAMPLE_A, "pseudowire", "[{\"name\":\"w\",\"tunnel\":\"none\",\"key\":1}]",
         ROOT "/pseudowire[name='w']/tunnel: there is no tunnel none"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"v\",\"tunnel\":\"dc\",\"key\":1,\"vlan\":[5]},"
         "{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":1,\"vlan\":[6]}]",
         ROOT "/pseudowire[name='w']/key: 1 is v's in the same tunnel"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"v\",\"tunnel\":\"dc\",\"key\":1,\"vlan\":[5]},"
         "{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"vlan\":[4,5]}]",
         ROOT "/pseudowire[name='w']/vlan[.='5']: v carries it already"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"v\",\"tunnel\":\"dc\",\"key\":1},"
         "{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"untagged\":true}]",
         ROOT "/pseudowire[name='w']: v carries untagged frames already"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"vlan\":[5],\"link-loss\":true}]",
         ROOT "/pseudowire[name='w']/link-loss: only for a pseudowire that carries the whole "
              "port"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"link-loss-hold-s\":20}]",
         ROOT
         "/pseudowire[name='w']/link-loss-hold-s: When condition \"../link-loss = 'true'\" not "
         "satisfied"},
        {EXAMPLE_A, "pseudowire",
         "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"link-loss-hold-s\":0}]",
         ROOT "/pseudowire[name='w']/link-loss-hold-s: out of range: must be 1 to 3600"},
        {EXAMPLE_A, "pseudowire", "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":2,\"vlan\":[4095]}]",
         ROOT "/pseudowire[name='w']/vlan: out of range: must be 1 to 4094"},
        {EXAMPLE_A, "port/lan/address", NULL, ROOT "/port/lan/address: at least one is needed"},
        /* ports */
        {EXAMPLE_A, "port/wan/device", "\"lan0\"",
         ROOT "/port/wan/device: not a PCI address and not a DPDK virtual device such as "
              "net_af_packet0,iface=eth1"},
        {EXAMPLE_A, "port/wan/device", "\"net_af_packet1\"",
         ROOT "/port/wan/device: missing interface: net_af_packet needs iface=NAME"},
        {EXAMPLE_A, "port/wan/device", "\"net_af_packet0,iface=wan0\"",
         ROOT "/port/wan/device: net_af_packet0 is the LAN port's device"},
        {EXAMPLE_A, "port/wan/device", "\"net_af_packet1,iface=lan0\"",
         ROOT "/port/wan/device: interface lan0 is the LAN port's"},
        {EXAMPLE_A, "port/wan/device", "\"net_af_packet1,iface=lan0 ,blocksz=4096\"",
         ROOT "/port/wan/device: has a blank in it"},
        {EXAMPLE_A, "port/lan/device", "\"0000:01:00.0,a=b\\tc\"",
         ROOT "/port/lan/device: has a blank in it"},
        {EXAMPLE_A, "resources/crypto-device", "\"crypto_aesni_gcm0,socket_id=0 \"",
         ROOT "/resources/crypto-device: has a blank in it"},
        {EXAMPLE_A, "port/lan/exception-interface", "\"a/b\"",
         ROOT "/port/lan/exception-interface: not a name for a kernel interface"},
        {EXAMPLE_A, "port/lan/learn-routes", "4097",
         ROOT "/port/lan/learn-routes: out of range: must be 0 to 4096"},
        {EXAMPLE_A, "port/wan/learn-routes", "5",
         ROOT "/port/wan/learn-routes: without an exception-interface there is nobody to learn "
              "from"},
        {EXAMPLE_A, "port/lan/exception-interface", "\"wan0\"",
         ROOT "/port/lan/exception-interface: wan0 is a port's device"},
        {EXAMPLE_A, "port/lan/vlan", "[{\"id\":0,\"address\":[\"10.3.0.1/24\"]}]",
         ROOT "/port/lan/vlan/id: out of range: must be 1 to 4094"},
        {EXAMPLE_A, "port/lan/vlan",
         "[{\"id\":10,\"address\":[\"10.3.0.1/24\"]},{\"id\":10,\"address\":[\"10.4.0.1/24\"]}]",
         ROOT "/port/lan/vlan[id='10']: Duplicate instance of \"vlan\""},
        {EXAMPLE_A, "port/lan/address/+", "\"10.1.0.1/24\"",
         ROOT "/port/lan/address[.='10.1.0.1/24']: Duplicate instance of \"address\""},
        {EXAMPLE_A, "port/lan/vlan", "[{\"id\":10,\"address\":[\"10.1.0.129/25\"]}]",
         ROOT "/port/lan/vlan[id='10']/address[.='10.1.0.129/25']: overlaps 10.1.0.1/24 of the "
              "LAN port"},
        {EXAMPLE_A, "port/lan/vlan", "[{\"id\":10,\"mtu\":1501,\"address\":[\"10.3.0.1/24\"]}]",
         ROOT "/port/lan/vlan[id='10']/mtu: 1501 is beyond the port's 1500"},
        {EXAMPLE_A, "port/lan/vlan", "[{\"id\":10,\"address\":[\"10.3.0.255/24\"]}]",
         ROOT "/port/lan/vlan[id='10']/address[.='10.3.0.255/24']: the network or broadcast "
              "address of its prefix"},
        {EXAMPLE_A, "port/lan/mtu", "1000", ROOT "/port/lan/mtu: 1000 is below the 1280 of IPv6"},
        {EXAMPLE_A, "port/lan/address/0", "\"10.1.0.300/24\"",
         ROOT "/port/lan/address[.='10.1.0.300/24']: not an address with its prefix length"},
        {EXAMPLE_A, "port/lan/address/0", "\"10.1.0.1\"",
         ROOT "/port/lan/address: not an address with its prefix length, such as 10.1.0.1/24"},
        {EXAMPLE_A, "port/lan/address/0", "\"10.1.0.1/33\"",
         ROOT "/port/lan/address[.='10.1.0.1/33']: not an address with its prefix length"},
        {EXAMPLE_A, "port/lan/address/0", "\"10.1.0.255/24\"",
         ROOT "/port/lan/address[.='10.1.0.255/24']: the network or broadcast address of its "
              "prefix"},
        {EXAMPLE_A, "port/lan/address/0", "\"127.0.0.1/8\"",
         ROOT "/port/lan/address[.='127.0.0.1/8']: a loopback address"},
        {EXAMPLE_A, "port/lan/address/0", "\"239.1.1.1/24\"",
         ROOT "/port/lan/address[.='239.1.1.1/24']: not a unicast address"},
        {EXAMPLE_A, "port/lan/address/+", "\"fd00:1:0::1/48\"",
         ROOT "/port/lan/address[.='fd00:1::1/48']: duplicate address"},
        {EXAMPLE_A, "port/lan/address/+", "\"192.0.2.1/24\"",
         ROOT "/port/wan/address[.='192.0.2.1/30']: duplicate address: the LAN port has "
              "192.0.2.1/24"},
        {EXAMPLE_A, "port/lan/address/+", "\"192.0.2.9/24\"",
         ROOT "/port/wan/address[.='192.0.2.1/30']: overlaps 192.0.2.9/24 of the LAN port"},
        /* routes */
        {EXAMPLE_A, "route/0/tunnel", "\"other\"",
         ROOT "/route[prefix='10.2.0.0/24']/tunnel: there is no tunnel other"},
        {EXAMPLE_A, "route/0",
         "{\"prefix\":\"10.2.0.0/24\",\"via\":\"lan\","
         "\"next-hop\":\"10.9.0.1\"}",
         ROOT "/route[prefix='10.2.0.0/24']/next-hop: 10.9.0.1 is not on a prefix of the LAN "
              "port"},
        {EXAMPLE_A, "route/0", "{\"prefix\":\"10.2.0.0/24\",\"next-hop\":\"10.1.0.1\"}",
         ROOT "/route[prefix='10.2.0.0/24']/next-hop: 10.1.0.1 is this gateway's own"},
        {EXAMPLE_A, "route/0",
         "{\"prefix\":\"10.2.0.0/24\",\"next-hop\":\"10.1.0.7\",\"backup-next-hop\":\"10.1.0.8\"}",
         ROOT "/route[prefix='10.2.0.0/24']/backup-next-hop: only for routes via the WAN port"},
        {EXAMPLE_A, "route/+",
         "{\"prefix\":\"198.51.100.0/24\",\"via\":\"wan\",\"next-hop\":\"192.0.2.2\","
         "\"backup-next-hop\":\"192.0.2.2\"}",
         ROOT "/route[prefix='198.51.100.0/24']/backup-next-hop: is the next-hop"},
        {EXAMPLE_A, "route/+",
         "{\"prefix\":\"198.51.100.0/24\",\"via\":\"wan\",\"next-hop\":\"192.0.2.2\","
         "\"backup-next-hop\":\"192.0.7.2\"}",
         ROOT "/route[prefix='198.51.100.0/24']/backup-next-hop: 192.0.7.2 is not on a prefix of "
              "the WAN port"},
        {EXAMPLE_A, "route/+",
         "{\"prefix\":\"198.51.100.0/24\",\"next-hop\":\"192.0.2.2\",\"preference\":\"current\"}",
         ROOT "/route[prefix='198.51.100.0/24']/preference: When condition "
              "\"../backup-next-hop\" not satisfied"},
        {EXAMPLE_A, "route/0", "{\"prefix\":\"fd00:9::/64\",\"next-hop\":\"10.1.0.7\"}",
         ROOT "/route[prefix='fd00:9::/64']/next-hop: 10.1.0.7 is of the other IP version"},
        {EXAMPLE_A, "route/0", "{\"prefix\":\"10.1.0.99/24\",\"tunnel\":\"dc\"}",
         ROOT "/route[prefix='10.1.0.0/24']: the LAN port's own prefix"},
        {EXAMPLE_A, "route/0", "{\"prefix\":\"10.2.0.0/24\"}",
         ROOT "/route/to: Mandatory choice \"to\" data do not exist"},
        {EXAMPLE_A, "route/+", "{\"prefix\":\"10.2.0.0/24\",\"tunnel\":\"dc\"}",
         ROOT "/route[prefix='10.2.0.0/24']: Duplicate instance of \"route\""},
        {EXAMPLE_A, "route/0", "{\"prefix\":\"10.2.0.0/24\",\"next-hop\":\"10.1.0.255\"}",
         ROOT "/route[prefix='10.2.0.0/24']/next-hop: 10.1.0.255 is the network or broadcast "
              "address of its prefix"},
        {EXAMPLE_A, "port/lan",
         "{\"device\":\"net_af_packet0,iface=lan0\",\"address\":[\"10.1.0.1/24\"],"
         "\"vlan\":[{\"id\":7,\"address\":[\"10.2.0.1/24\"]}]}",
         ROOT "/route[prefix='10.2.0.0/24']: VLAN 7's own prefix"},
        {EXAMPLE_A, "route/0/via", "\"lan\"",
         ROOT "/route[prefix='10.2.0.0/24']: Data for both cases \"tunnel\" and \"neighbour\" "
              "exist"},
        /* tunnels and the channel */
        {EXAMPLE_A, "tunnel/0/local", "\"10.1.0.1\"",
         ROOT "/tunnel[name='dc']/local: 10.1.0.1 is not an address of the WAN port"},
        {EXAMPLE_A, "tunnel/0/remote", "\"192.0.2.1\"",
         ROOT "/tunnel[name='dc']/remote: 192.0.2.1 is this gateway's own"},
        {EXAMPLE_A, "tunnel/0/remote", "\"fd00:9::1\"",
         ROOT "/tunnel[name='dc']/remote: fd00:9::1 is of another IP version than local"},
        {EXAMPLE_A, "tunnel/0/remote", "\"10.1.0.9\"",
         ROOT "/tunnel[name='dc']/remote: 10.1.0.9 is on the LAN port"},
        {EXAMPLE_A, "tunnel/0/remote", "\"192.0.2.3\"",
         ROOT "/tunnel[name='dc']/remote: 192.0.2.3 is the network or broadcast address of its "
              "prefix"},
        {EXAMPLE_A, "channel/remote", "\"192.0.2.0\"",
         ROOT "/channel/remote: 192.0.2.0 is the network or broadcast address of its prefix"},
        {EXAMPLE_A, "port",
         "{\"lan\":{\"device\":\"net_af_packet0,iface=lan0\",\"address\":[\"10.1.0.1/24\"],"
         "\"vlan\":[{\"id\":7,\"address\":[\"192.0.2.3/31\"]}]},"
         "\"wan\":{\"device\":\"net_af_packet1,iface=wan0\",\"address\":[\"192.0.2.1/32\"]}}",
         ROOT "/tunnel[name='dc']/remote: 192.0.2.2 is on the LAN port"},
        {EXAMPLE_A, "tunnel/0/remote", "\"198.51.100.1\"",
         ROOT "/tunnel[name='dc']/remote: 198.51.100.1 has no route on the WAN port"},
        {EXAMPLE_A, "tunnel/0/remote", "\"10.2.0.1\"",
         ROOT "/tunnel[name='dc']/remote: 10.2.0.1 is routed into tunnel dc itself"},
        {EXAMPLE_A, "tunnel/0/replay-window", "1000",
         ROOT "/tunnel[name='dc']/replay-window: 1000 is not a power of two"},
        {EXAMPLE_A, "tunnel/0",
         "{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
         "\"encapsulation\":\"udp\",\"udp-port\":4790}",
         ROOT "/tunnel[name='dc']/udp-port: 4790 is the channel's port"},
        {EXAMPLE_A, "tunnel/0/dscp", "{\"mode\":\"set\",\"value\":64}",
         ROOT "/tunnel[name='dc']/dscp/value: out of range: must be 0 to 63"},
        {EXAMPLE_A, "tunnel/0/dscp", "{\"mode\":\"set\"}",
         ROOT "/tunnel[name='dc']/dscp: mode is set, and there is no value"},
        {EXAMPLE_A, "tunnel/0/dscp", "{\"mode\":\"map\"}",
         ROOT "/tunnel[name='dc']/dscp: mode is map, and there are no entries of map"},
        {EXAMPLE_A, "tunnel/0/dscp", "{\"value\":46}",
         ROOT "/tunnel[name='dc']/dscp/value: When condition \"../mode = 'set'\" not satisfied"},
        {EXAMPLE_A, "tunnel/0/dscp",
         "{\"mode\":\"set\",\"value\":0,\"map\":[{\"inner\":46,\"outer\":10}]}",
         ROOT "/tunnel[name='dc']/dscp/map[inner='46']: When condition \"../mode = 'map'\" not "
              "satisfied"},
        {EXAMPLE_A, "tunnel/0/class", "[{\"index\":4,\"dscp\":[46]}]",
         ROOT "/tunnel[name='dc']/class/index: out of range: must be 1 to 3"},
        {EXAMPLE_A, "tunnel/0/class", "[{\"index\":1,\"dscp\":[46]},{\"index\":3,\"dscp\":[8,46]}]",
         ROOT "/tunnel[name='dc']/class[index='3']/dscp[.='46']: is in class 1 already"},
        {EXAMPLE_A, "tunnel/0/nat-peer", "\"dynamic\"",
         ROOT "/tunnel[name='dc']/nat-peer: When condition \"../encapsulation = 'udp'\" not "
              "satisfied"},
        {EXAMPLE_A, "tunnel/0",
         "{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
         "\"encapsulation\":\"udp\",\"udp-source\":\"spread\",\"nat-peer\":\"dynamic\"}",
         ROOT "/tunnel[name='dc']/nat-peer: dynamic needs udp-source port"},
        {EXAMPLE_A, "tunnel/0",
         "{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
         "\"encapsulation\":\"udp\",\"outer-fragment\":true,\"nat-peer\":\"dynamic\"}",
         ROOT "/tunnel[name='dc']/nat-peer: dynamic needs outer-fragment false"},
        {EXAMPLE_A, "tunnel/0/peer-sub-sas", "65",
         ROOT "/tunnel[name='dc']/peer-sub-sas: out of range: must be 1 to 64"},
        {EXAMPLE_A, "port/wan/vlan", "4095",
         ROOT "/port/wan/vlan: out of range: must be 1 to 4094"},
        {EXAMPLE_A, "port/wan/vlan", "0", ROOT "/port/wan/vlan: out of range: must be 1 to 4094"},
        {EXAMPLE_A, "tunnel/0/mtu-floor", "575",
         ROOT "/tunnel[name='dc']/mtu-floor: out of range: must be 576 to 9600"},
        {EXAMPLE_A, "tunnel/0",
         "{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
         "\"mtu-discovery\":true,\"mtu-floor\":1600}",
         ROOT "/tunnel[name='dc']/mtu-floor: 1600 is not below the WAN port's MTU of 1600: no "
              "router could lower it"},
        {EXAMPLE_A, "resources/cpus", "\"0,3-1\"",
         ROOT "/resources/cpus: 3-1 ends before it begins"},
        {EXAMPLE_A, "tunnel/0",
         "{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
         "\"mtu-discovery\":true,\"outer-fragment\":true}",
         ROOT "/tunnel[name='dc']/mtu-discovery: outer-fragment sends what is too long"},
        {EXAMPLE_A, "tunnel/0/udp-port", "0",
         ROOT "/tunnel[name='dc']/udp-port: out of range: must be 1 to 65535"},
        {EXAMPLE_A, "tunnel/0/nat-keepalive-s", "3601",
         ROOT "/tunnel[name='dc']/nat-keepalive-s: out of range: must be 0 to 3600"},
        {EXAMPLE_A, "tunnel/0/nat-keepalive-s", "20",
         ROOT "/tunnel[name='dc']/nat-keepalive-s: When condition \"../encapsulation = 'udp'\" not "
              "satisfied"},
        {EXAMPLE_A, "tunnel/0/udp-port", "4501",
         ROOT "/tunnel[name='dc']/udp-port: When condition \"../encapsulation = 'udp'\" not "
              "satisfied"},
        {EXAMPLE_A, "tunnel/0/udp-source", "\"spread\"",
         ROOT "/tunnel[name='dc']/udp-source: When condition \"../encapsulation = 'udp'\" not "
              "satisfied"},
        {EXAMPLE_A, "tunnel/0/rekey", "{\"hard-life-ms\": 20000, \"queue-delay-ms\": 60000}",
         ROOT "/tunnel[name='dc']/rekey/hard-life-ms: 20000 ms is not longer than a third of the "
              "grace of 60000 ms, which follows from profile and queue-delay-ms"},
        {EXAMPLE_A, "tunnel/0/rekey/hard-life-ms", "1000",
         ROOT
         "/tunnel[name='dc']/rekey/hard-life-ms: 1000 ms is not longer than the period of 1000 "
         "ms"},
        {EXAMPLE_A, "channel/local", "\"192.0.2.2\"",
         ROOT "/channel/local: 192.0.2.2 is not an address of the WAN port"},
        /* keys of a foreign KME */
        {EXAMPLE_FOREIGN, "foreign-kme/url", "\"http://kme-a.example.net\"",
         ROOT "/foreign-kme/url: not https://HOST or https://HOST:PORT"},
        {EXAMPLE_FOREIGN, "foreign-kme/url", "\"https://kme-a.example.net/api\"",
         ROOT "/foreign-kme/url: not https://HOST or https://HOST:PORT"},
        {EXAMPLE_FOREIGN, "foreign-kme/url", "\"https://user:pass@kme-a.example.net\"",
         ROOT "/foreign-kme/url: not https://HOST or https://HOST:PORT"},
        {EXAMPLE_FOREIGN, "foreign-kme/ca", "\"ca.pem\"",
         ROOT "/foreign-kme/ca: not an absolute path"},
        {EXAMPLE_FOREIGN, "foreign-kme/batch", "257",
         ROOT "/foreign-kme/batch: out of range: must be 1 to 256"},
        {EXAMPLE_FOREIGN, "foreign-kme/timeout-s", "0",
         ROOT "/foreign-kme/timeout-s: out of range: must be 1 to 60"},
        {EXAMPLE_FOREIGN, "foreign-kme/high-water-keys", "319",
         ROOT "/foreign-kme/high-water-keys: 319 is less than low-water-keys and batch, 320"},
        {EXAMPLE_FOREIGN, "keystore/max-keys", "1000",
         ROOT "/foreign-kme/high-water-keys: 1024 is more than keystore/max-keys, 1000"},
        {EXAMPLE_FOREIGN, "foreign-kme/sae", "\"lumengate-b\"",
         ROOT "/foreign-kme/peer-sae: is sae, too"},
        {EXAMPLE_FOREIGN, "foreign-kme/socket", "\"/run/lumengate/control.sock\"",
         ROOT "/foreign-kme/socket: is control/socket, too"},
        {EXAMPLE_A, "foreign-kme",
         "{\"url\":\"https://kme\",\"ca\":\"/c\",\"certificate\":\"/d\",\"private-key\":\"/e\","
         "\"peer-sae\":\"b\"}",
         ROOT "/foreign-kme: keys come from there or from light: qkd/enabled is true"},
        /* the quantum link, the role, the key store */
        {EXAMPLE_A, "qkd/otdr", "{\"gated\": true}",
         ROOT "/qkd/otdr/gated: belongs to site b, whose card has the gates, and this is site a"},
        {EXAMPLE_A, "qkd/receiver", "{}",
         ROOT "/qkd/receiver: belongs to the receiver at site b, and this is site a"},
        {EXAMPLE_B, "site", "\"a\"",
         ROOT "/qkd/receiver: belongs to the receiver at site b, and this is site a"},
        {EXAMPLE_B, "qkd/receiver/temperature-c", "\"61\"",
         ROOT "/qkd/receiver/temperature-c: out of range: must be -200 to 60"},
        {EXAMPLE_B, "qkd/receiver/gates", "\"shut\"",
         ROOT "/qkd/receiver/gates: Invalid enumeration value \"shut\""},
        {EXAMPLE_A, "site", "\"b\"", ROOT "/qkd: site b detects and needs a receiver section"},
        {EXAMPLE_A, "qkd/card", "{}", ROOT "/qkd/card: transport shm needs a path"},
        {EXAMPLE_A, "qkd/card/transport", "\"vfio\"",
         ROOT "/qkd/card: transport vfio needs a device"},
        {EXAMPLE_A, "qkd/card/device", "\"0000:3b:00.0\"",
         ROOT "/qkd/card: has a path, of transport shm, and a device, of transport vfio"},
        {EXAMPLE_A, "qkd/card", "{\"transport\":\"vfio\",\"device\":\"3b:00.0\"}",
         ROOT "/qkd/card/device: not a PCI address such as 0000:3b:00.0"},
        {EXAMPLE_A, "qkd/dwdm",
         "{\"fibre-loss-db\":\"4\",\"channel\":[{\"name\":\"C100\","
         "\"direction\":\"co\",\"power-dbm\":\"0\"}]}",
         ROOT "/qkd/dwdm/channel/name: neither a channel such as C34 nor 180 to 250 THz"},
        {EXAMPLE_A, "qkd/dwdm",
         "{\"fibre-loss-db\":\"4\",\"channel\":[{\"name\":\"C35\","
         "\"direction\":\"co\",\"power-dbm\":\"40\"}]}",
         ROOT "/qkd/dwdm/channel[name='C35'][direction='co']/power-dbm: out of range: must be -60 "
              "to 27"},
        {EXAMPLE_A, "qkd/dwdm", "{\"fibre-loss-db\":\"4\",\"prediction\":{}}",
         ROOT
         "/qkd/dwdm/prediction/length-km: Mandatory node \"length-km\" instance does not exist"},
        {EXAMPLE_A, "qkd/dwdm", "{}",
         ROOT "/qkd/dwdm/fibre-loss-db: Mandatory node \"fibre-loss-db\" instance does not exist"},
        {EXAMPLE_A, "qkd/card", NULL, ROOT "/qkd: enabled needs a card section"},
        {EXAMPLE_A, "qkd/source/mu2", "\"0.4\"",
         ROOT "/qkd/source/mu2: the decoy must be weaker than mu1"},
        {EXAMPLE_A, "qkd/qber-alarm", "\"0.1\"", ROOT "/qkd/qber-alarm: above qber-abort"},
        {EXAMPLE_A, "qkd/leak-mode", "\"error-pattern\"",
         ROOT
         "/qkd/leak-mode: error-pattern needs a proof that grants the eavesdropper the pattern "
         "of errors, and there is none for this protocol"},
        {EXAMPLE_A, "keystore/low-water-keys", "100000",
         ROOT "/keystore/low-water-keys: not below max-keys of 100000"},
        {EXAMPLE_A, "delivery", "{\"weight-a-percent\":101}",
         ROOT "/delivery/weight-a-percent: out of range: must be 0 to 100"},
        {EXAMPLE_A, "delivery", "{\"weight-a-percent\":61}",
         ROOT "/delivery/weight-b-percent: 40 and weight-a-percent 61 are more than 100"},
        {EXAMPLE_A, "delivery", "{\"floor-keys\":100000}",
         ROOT "/delivery/floor-keys: not below keystore/max-keys of 100000"},
        {EXAMPLE_A, "delivery", "{\"socket\":\"/run/lumengate/control.sock\"}",
         ROOT "/delivery/socket: is that of control"},
};

/* Of a missing choice libyang 2 does not say in which entry of a list, libyang 3 does. */
static bool as_expected(const char *got, const char *want)
{
	const char *key = strchr(got, '['), *end = strchr(got, ']');
	char plain[256];

	if (strstr(want, "Mandatory choice") != NULL && key != NULL && end != NULL) {
		snprintf(plain, sizeof(plain), "%.*s%s", (int)(key - got), got, end + 1);
		got = plain;
	}
	return strcmp(got, want) == 0;
}

static void test_bad_input_names_path_and_reason(void)
{
	static struct config untouched, out;
	struct err err;
	char *text;

	setup();
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&out, 0x5a, sizeof(out));
		err = (struct err){0};
		text = variant(bad[i].file, bad[i].path, bad[i].value);
		CU_ASSERT_EQUAL(config_parse(text, &out, &err), -EINVAL);
		CU_ASSERT_TRUE(as_expected(err.text, bad[i].error));
		if (!as_expected(err.text, bad[i].error))
			printf("\n  got  %s\n  want %s\n", err.text, bad[i].error);
		CU_ASSERT_PTR_NULL(strchr(err.text, '\n'));
		CU_ASSERT_EQUAL(memcmp(&out, &untouched, sizeof(out)), 0);
		free(text);
	}
}

static void test_good_variants(void)
{
	static const struct {
		const char *path, *value;
	} good[] = {
	        {"port/lan/address/+", "\"10.1.0.2/24\""},
	        {"port/lan/device", "\"0000:01:00.0\""},
	        {"route/+", "{\"prefix\":\"0.0.0.0/0\",\"next-hop\":\"192.0.2.2\"}"},
	        {"route/+",
	         "{\"prefix\":\"fd00:9::/64\",\"via\":\"lan\",\"next-hop\":\"fe80::1\"}"},
	        {"qkd", "{\"enabled\":false}"},
	        {"route", NULL},
	        {"control", NULL},
	        {"tunnel/0/encapsulation", "\"udp\""},
	        {"tunnel/0/peer-sub-sas", "64"},
	        {"tunnel/0", UDP_TUNNEL("\"udp-source\":\"spread\"")},
	        {"tunnel/0", UDP_TUNNEL("\"nat-keepalive-s\":20,\"udp-port\":4501")},
	        {"route/+", "{\"prefix\":\"fd00:9::/64\",\"via\":\"wan\",\"next-hop\":\"fe80::2\","
	                    "\"backup-next-hop\":\"fe80::1\",\"preference\":\"current\"}"},
	        {"pseudowire", "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":1,\"link-loss\":true,"
	                       "\"link-loss-hold-s\":20}]"},
	        {"pseudowire", "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":1,\"vlan\":[5,4094],"
	                       "\"transparent\":[\"lldp\",\"cfm\"]}]"},
	        {"pseudowire", "[{\"name\":\"w\",\"tunnel\":\"dc\",\"key\":1}]"},
	};
	static struct config out;
	struct err err = {0};
	char *text;

	setup();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		text = variant(EXAMPLE_A, good[i].path, good[i].value);
		CU_ASSERT_EQUAL(config_parse(text, &out, &err), 0);
		if (err.code != 0)
			printf("\n  %s: %s\n", good[i].path, err.text);
		free(text);
	}
}

static void test_card_by_pci_address(void)
{
	static struct config out;
	struct err err = {0};
	char *text;

	setup();
	text = variant(EXAMPLE_A, "qkd/card",
	               "{\"transport\":\"vfio\",\"device\":\"0000:3b:00.0\"}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_STRING_EQUAL(out.qkd.transport, "vfio");
	CU_ASSERT_STRING_EQUAL(out.qkd.path, "0000:3b:00.0");
}

/* Whether there is a plan at all, and what is on the fibre by it. */
static void test_receiver_settings(void)
{
	static struct config c, next;
	struct err err = {0};
	char *text = variant(EXAMPLE_B, "qkd/receiver",
	                     "{\"temperature-c\": \"-47.25\", \"gates\": \"follow\"}");

	CU_ASSERT_EQUAL(config_parse(text, &c, &err), 0);
	free(text);
	CU_ASSERT_TRUE(c.qkd.gates_follow && c.qkd.detectors_set);
	CU_ASSERT_EQUAL(c.qkd.detectors_mc, -47250);
	CU_ASSERT_EQUAL(c.qkd.holdoff_ns, 1000);
	next = c;
	next.qkd.detectors_mc++;
	CU_ASSERT_EQUAL(config_live_change(&c, &next, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "qkd/receiver/temperature-c"));
	next = c;
	next.qkd.gates_follow = false;
	CU_ASSERT_EQUAL(config_live_change(&c, &next, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "qkd/receiver/gates"));
}

/* OpenSSL's library decides whether it is possible: without it nothing less comes in its place. */
static void test_hybrid_takes_ml_kem(void)
{
	char *text = variant(EXAMPLE_A, "tunnel/0/policy", "\"hybrid\"");
	static struct config config;
	struct err err = {0};
	bool possible = mlkem_find(NULL) != NULL;

	setup();
	CU_ASSERT_EQUAL(config_parse(text, &config, &err), possible ? 0 : -EINVAL);
	if (possible) {
		CU_ASSERT_EQUAL(config.tunnels[0].policy, CONFIG_HYBRID);
	} else {
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ROOT "/tunnel[name='dc']/policy: hybrid is "
		                                             "not possible here: ML-KEM-768 is "
		                                             "not in OpenSSL 3."));
	}
	free(text);
}

static void test_channel_plan(void)
{
	static struct config config;
	struct err err = {0};
	char *text;

	setup();
	CU_ASSERT_EQUAL(config_load(EXAMPLE_A, &config, &err), 0);
	CU_ASSERT_FALSE(config.qkd.dwdm.planned);
	text = variant(EXAMPLE_A, "qkd/dwdm",
	               "{\"fibre-loss-db\":\"4.2\",\"frequency-tolerance-ghz\":\"2.5\","
	               "\"prediction\":{\"length-km\":\"20\",\"quantum-channel\":\"H33\"},"
	               "\"channel\":["
	               "{\"name\":\"C37\",\"direction\":\"co\",\"power-dbm\":\"-15.5\"},"
	               "{\"name\":\"193.85\",\"direction\":\"counter\",\"power-dbm\":\"1\"}]}");
	CU_ASSERT_EQUAL(config_parse(text, &config, &err), 0);
	free(text);
	CU_ASSERT(config.qkd.dwdm.planned && config.qkd.dwdm.count == 2);
	CU_ASSERT(config.qkd.dwdm.fibre_loss_db == 4.2 && config.qkd.dwdm.tolerance_db == 2);
	CU_ASSERT_EQUAL(config.qkd.dwdm.tolerance_ghz, 2.5);
	CU_ASSERT_TRUE(config.qkd.dwdm.prediction.known);
	CU_ASSERT_EQUAL(config.qkd.dwdm.prediction.km, 20);
	CU_ASSERT_EQUAL(config.qkd.dwdm.prediction.quantum_db, 4.2);
	CU_ASSERT_EQUAL(config.qkd.dwdm.prediction.gate_ns, 0);
	CU_ASSERT_EQUAL(config.qkd.dwdm.prediction.dark, 1e-6);
	CU_ASSERT_STRING_EQUAL(config.qkd.dwdm.prediction.quantum, "H33");
	CU_ASSERT_STRING_EQUAL(config.qkd.dwdm.channel[0].name, "C37");
	CU_ASSERT(!config.qkd.dwdm.channel[0].counter);
	CU_ASSERT_EQUAL(config.qkd.dwdm.channel[0].power_dbm, -15.5);
	CU_ASSERT_STRING_EQUAL(config.qkd.dwdm.channel[1].name, "193.85");
	CU_ASSERT(config.qkd.dwdm.channel[1].counter);
}

static void test_foreign_kme(void)
{
	static struct config out;
	struct err err = {0};
	char *text;

	setup();
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &out, &err), 0);
	CU_ASSERT_FALSE(out.foreign_kme.enabled);
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_FOREIGN, &out, &err), 0);
	CU_ASSERT_TRUE(out.foreign_kme.enabled && !out.qkd.enabled);
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.url, "https://kme-a.example.net:8443");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.ca, "/etc/lumengate/kme-ca.pem");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.certificate, "/etc/lumengate/sae-a.pem");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.private_key, "/etc/lumengate/sae-a.key");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.sae, "lumengate-a");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.peer_sae, "lumengate-b");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.group, "lumengate-kme");
	text = variant(EXAMPLE_FOREIGN, "foreign-kme",
	               "{\"url\":\"https://[fd00::1]:8443\",\"ca\":\"/c\",\"certificate\":\"/d\","
	               "\"private-key\":\"/e\",\"peer-sae\":\"b\"}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.socket, "/run/lumengate/kme.sock");
	CU_ASSERT_STRING_EQUAL(out.foreign_kme.sae, "");
	CU_ASSERT_EQUAL(out.foreign_kme.batch, 64);
	CU_ASSERT_EQUAL(out.foreign_kme.low_water, 256);
	CU_ASSERT_EQUAL(out.foreign_kme.high_water, 1024);
	CU_ASSERT_EQUAL(out.foreign_kme.timeout_s, 10);
}

static void test_traffic_classes(void)
{
	static struct config out;
	struct err err = {0};
	char *text;

	setup();
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &out, &err), 0);
	CU_ASSERT_FALSE(out.tunnels[0].dscp_mapped);
	CU_ASSERT_FALSE(out.tunnels[0].ecn_compatible);
	CU_ASSERT_TRUE(out.tunnels[0].mss_clamp);
	CU_ASSERT_EQUAL(out.tunnels[0].classes, 1);
	text = variant(EXAMPLE_A, "tunnel/0/dscp",
	               "{\"mode\":\"map\",\"map\":[{\"inner\":46,\"outer\":10}]}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_TRUE(out.tunnels[0].dscp_mapped);
	CU_ASSERT_EQUAL(out.tunnels[0].dscp[46], 10);
	CU_ASSERT_EQUAL(out.tunnels[0].dscp[45], 45);
	text = variant(EXAMPLE_A, "tunnel/0/dscp", "{\"mode\":\"set\",\"value\":18}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_EQUAL(out.tunnels[0].dscp[0], 18);
	CU_ASSERT_EQUAL(out.tunnels[0].dscp[63], 18);
	text = variant(EXAMPLE_A, "tunnel/0/class",
	               "[{\"index\":1,\"dscp\":[46,34]},{\"index\":3,\"dscp\":[8]}]");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_EQUAL(out.tunnels[0].classes, 4);
	CU_ASSERT_EQUAL(out.tunnels[0].class_of[46], 1);
	CU_ASSERT_EQUAL(out.tunnels[0].class_of[34], 1);
	CU_ASSERT_EQUAL(out.tunnels[0].class_of[8], 3);
	CU_ASSERT_EQUAL(out.tunnels[0].class_of[0], 0);
}

static void test_route_port_follows_next_hop(void)
{
	static struct config out;
	struct err err = {0};
	char *text;

	setup();
	text = variant(EXAMPLE_A, "route/+",
	               "{\"prefix\":\"198.51.100.9/24\",\"next-hop\":\"192.0.2.2\"}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_EQUAL(out.routes[2].via, CONFIG_VIA_WAN);
	CU_ASSERT_EQUAL(out.routes[2].prefix.addr.bytes[3], 0);
	text = variant(EXAMPLE_A, "route/+",
	               "{\"prefix\":\"198.51.100.0/24\",\"next-hop\":\"10.1.0.7\"}");
	CU_ASSERT_EQUAL_FATAL(config_parse(text, &out, &err), 0);
	free(text);
	CU_ASSERT_EQUAL(out.routes[2].via, CONFIG_VIA_LAN);
}

static void test_broken_json(void)
{
	static const struct {
		const char *text, *error;
	} broken[] = {
	        {"", "line 1 column 0: '[' or '{' expected near end of file"},
	        {"{\n \"a\": 1,\n}", "line 3 column 1: string or '}' expected near '}'"},
	        {"{\"a\": 1, \"a\": 2}", "line 1 column 12: duplicate object key near '\"a\"'"},
	        {"{}", ROOT ": missing"},
	        {"[]", ROOT ": missing"},
	};
	static struct config out;
	struct err err;

	setup();
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		err = (struct err){0};
		CU_ASSERT_EQUAL(config_parse(broken[i].text, &out, &err), -EINVAL);
		CU_ASSERT_STRING_EQUAL(err.text, broken[i].error);
		if (strcmp(err.text, broken[i].error) != 0)
			printf("\n  got  %s\n  want %s\n", err.text, broken[i].error);
	}
}

/* What config_get shows loads again and means the same. */
static void test_normal_form_is_a_fixed_point(void)
{
	static struct config a, b;
	struct err err = {0};
	char *first, *second, *text;

	setup();
	CU_ASSERT_EQUAL_FATAL(config_load_normal(EXAMPLE_B, &a, &first, &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_parse_normal(first, &b, &second, &err), 0);
	CU_ASSERT_STRING_EQUAL(first, second);
	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(first, "\"max-keys\": 100000"));
	free(first);
	free(second);
	/* Defaults of what is there under a condition come and go with it. */
	text = variant(EXAMPLE_A, "tunnel/0", UDP_TUNNEL("\"udp-source\":\"spread\""));
	CU_ASSERT_EQUAL_FATAL(config_parse_normal(text, &a, &first, &err), 0);
	CU_ASSERT_EQUAL(a.tunnels[0].udp_port, 4500);
	CU_ASSERT_EQUAL_FATAL(config_parse_normal(first, &b, &second, &err), 0);
	CU_ASSERT_STRING_EQUAL(first, second);
	free(text);
	free(first);
	free(second);
}

static void test_load_names_the_file(void)
{
	static struct config out;
	char path[] = "/tmp/lumengate-test-XXXXXX";
	struct err err = {0};
	int fd;

	setup();
	CU_ASSERT_EQUAL(config_load("/nonexistent/config.json", &out, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "/nonexistent/config.json: No such file or directory");
	fd = mkstemp(path);
	CU_ASSERT_EQUAL_FATAL(write(fd, "{}", 2), 2);
	CU_ASSERT_EQUAL(config_load(path, &out, &err), -EINVAL);
	CU_ASSERT_EQUAL(strncmp(err.text, path, strlen(path)), 0);
	CU_ASSERT_STRING_EQUAL(err.text + strlen(path), ": " ROOT ": missing");
	close(fd);
	unlink(path);
}

static void test_missing_yang_directory(void)
{
	struct err err = {0};

	config_fini();
	CU_ASSERT(config_init("/nonexistent", &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent"));
}

UNIT_MAIN(UNIT(test_examples_load), UNIT(test_bad_input_names_path_and_reason),
          UNIT(test_good_variants), UNIT(test_card_by_pci_address), UNIT(test_receiver_settings),
          UNIT(test_channel_plan), UNIT(test_hybrid_takes_ml_kem), UNIT(test_foreign_kme),
          UNIT(test_traffic_classes), UNIT(test_route_port_follows_next_hop),
          UNIT(test_broken_json), UNIT(test_normal_form_is_a_fixed_point),
          UNIT(test_load_names_the_file), UNIT(test_missing_yang_directory))
