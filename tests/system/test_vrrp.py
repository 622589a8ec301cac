# SPDX-License-Identifier: BSD-3-Clause
"""keepalived as Debian has it, on two gateways of one site.

    host --- switch --- gw-a   10.1.0.3, priority 200
    10.1.0.2   |    \\-- gw-b   10.1.0.4, priority 100
             router
            10.1.0.9, behind it 10.9.0.2

The host's way to 10.9.0.2 is by the virtual address 10.1.0.254, which is on no machine but by
VRRP (RFC 5798). In VLAN 10 of the switch the gateways have 10.1.10.3 and 10.1.10.4, and a virtual
address of their own, of which gw-b is the master.
"""

import json
import re
import signal
import subprocess
import time

import pytest
from rig import Rig, run

VIP = "10.1.0.254"
BEHIND = "10.9.0.2"
GATEWAY = {"a": "10.1.0.3", "b": "10.1.0.4"}
PRIORITY = {"a": 200, "b": 100}
ADVERT = 0.2  # seconds; version 3 has fractions
VMAC, VMAC_INTERFACE = "00:00:5e:00:01:33", "vrrp.51"  # of router 51
VLAN = 10
VLAN_VIP = "10.1.10.254"

KEEPALIVED = """
global_defs {{
    dynamic_interfaces
    vrrp_version 3
}}
vrrp_instance lan {{
    state BACKUP
    interface lg-lan
    virtual_router_id 51
    {vmac}
    priority {priority}
    advert_int {advert}
    virtual_ipaddress {{
        {vip}/24
    }}
}}
vrrp_instance vlan {{
    state BACKUP
    interface lg-vlan
    virtual_router_id 52
    priority {vlan_priority}
    advert_int {advert}
    virtual_ipaddress {{
        {vlan_vip}/24
    }}
}}
"""

# A host in the VLAN, as a packet socket: whose address is the virtual one, and does it answer?
STATION = r"""
import socket, struct, sys, time

s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("br0", 0))
s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
mac, us, them = s.getsockname()[4], socket.inet_aton("10.1.10.2"), socket.inet_aton("VIP")
end = time.monotonic() + 5
while time.monotonic() < end:
    s.send(b"\xff" * 6 + mac + struct.pack("!HHHHHBBH", 0x8100, VLAN, 0x0806, 1, 0x800, 6, 4, 1)
           + mac + us + bytes(6) + them)
    s.settimeout(0.5)
    try:
        while True:
            data, extra, _, where = s.recvmsg(4096, 256)
            tag = [struct.unpack("=IIIHHHH", aux[:20])[5] & 0xfff for level, name, aux in extra
                   if (level, name) == (263, 8)]
            if where[2] != 4 and data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2" \
                    and data[28:32] == them:
                sys.exit(print(data[6:12].hex(":"), tag[0]))
    except socket.timeout:
        pass
""".replace("VIP", VLAN_VIP).replace("VLAN", str(VLAN))


class OneSite(Rig):
    """The rig's two gateways with their LAN ports on one switch."""

    vmac = False  # does router 51 have its own MAC address?

    def config(self, site):
        config = super().config(site)
        gateway = config["lumengate:gateway"]
        gateway["port"]["lan"].update({"address": [GATEWAY[site] + "/24"],
                                       "exception-interface": "lg-lan"})
        gateway["port"]["lan"]["vlan"] = [
            {"id": VLAN, "address": [GATEWAY[site].replace("10.1.0.", "10.1.10.") + "/24"],
             "exception-interface": "lg-vlan"}]
        gateway["route"] = [{"prefix": "10.9.0.0/24", "via": "lan", "next-hop": "10.1.0.9"}]
        return config

    def wire(self):
        super().wire()
        host, router = self.ns("dc-a"), self.ns("dc-b")
        run("ip", "-n", router, "link", "set", "lan0", "netns", host, "name", "lan1")
        run("ip", "-n", host, "link", "add", "up0", "type", "veth", "peer", "name", "up0",
            "netns", router)
        run("ip", "-n", host, "addr", "flush", "dev", "lan0")
        run("ip", "-n", host, "link", "add", "br0", "type", "bridge", "stp_state", "0",
            "mcast_snooping", "0")
        for port in ("lan0", "lan1", "up0"):
            run("ip", "-n", host, "link", "set", port, "master", "br0", "up")
        for ns, port in ((host, "lan1"), (host, "up0"), (router, "up0")):
            run("ip", "netns", "exec", ns, "ethtool", "-K", port, "tso", "off", "gso", "off",
                "tx", "off", "gro", "off")
        run("ip", "-n", host, "addr", "add", "10.1.0.2/24", "dev", "br0")
        run("ip", "-n", host, "link", "set", "br0", "up")
        run("ip", "-n", host, "route", "add", "10.9.0.0/24", "via", VIP)
        run("ip", "-n", router, "addr", "add", "10.1.0.9/24", "dev", "up0")
        run("ip", "-n", router, "addr", "add", BEHIND + "/32", "dev", "lo")
        run("ip", "-n", router, "link", "set", "up0", "up")

    def start_keepalived(self, site):
        name = "keepalived-" + site
        path = self.path("site-" + site, "keepalived.conf")
        with open(path, "w") as f:
            f.write(KEEPALIVED.format(priority=PRIORITY[site], advert=ADVERT, vip=VIP,
                                      vmac=f"use_vmac {VMAC_INTERFACE}" if self.vmac else "",
                                      vlan_priority=300 - PRIORITY[site], vlan_vip=VLAN_VIP))
        # Of each kind of its processes one at a time, by locked files: 2.3 has one for BFD at its
        # start, even where there is none.
        pids = [f"--{kind}pid={self.path(name + kind + '.pid')}"
                for kind in ("", "vrrp_", "bfd_", "checkers_")]
        self.start(name, self.in_gateway(site) + [
            "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp",
            "--use-file", path, *pids])

    def addresses(self, site, interface="lg-lan"):
        """IPv4, of a gateway's interface for daemons; none while it is not there."""
        out = run(*self.in_gateway(site), "ip", "-4", "-j", "addr", "show", "dev", interface,
                  check=False)
        try:
            return {a["local"] for link in json.loads(out) for a in link.get("addr_info", [])}
        except json.JSONDecodeError:
            return set()

    def is_master(self, site):
        return VIP in self.addresses(site, VMAC_INTERFACE if self.vmac else "lg-lan")

    def is_master_in_vlan(self, site):
        return VLAN_VIP in self.addresses(site, "lg-vlan")


def start_site(r):
    r.wire()
    for name in ("a", "b"):
        r.start_gateway(name)
    for name in ("a", "b"):
        r.wait_ready(name)
    for name in ("a", "b"):
        r.start_keepalived(name)
    r.wait_for(lambda: r.is_master("a") and not r.is_master("b"), 20, "gw-a is master")


@pytest.fixture
def site():
    with OneSite(quantum=False) as r:
        start_site(r)
        yield r


@pytest.fixture
def virtual_mac_site():
    with OneSite(quantum=False) as r:
        r.vmac = True
        start_site(r)
        yield r


def link_address(rig, address):
    """What the host has learned for ADDRESS."""
    out = json.loads(run("ip", "-n", rig.ns("dc-a"), "-j", "neigh", "show", address))
    return out[0].get("lladdr") if out else None


def port_mac(rig, site):
    return rig.rpc(site, "status")["ports"]["lan"]["mac"]


def test_master_answers_for_the_virtual_address(site):
    assert site.addresses("a") == {GATEWAY["a"], VIP}
    assert site.addresses("b") == {GATEWAY["b"]}
    assert site.ping(5, target=VIP) == (5, 5)
    assert link_address(site, VIP) == port_mac(site, "a")
    for name in ("a", "b"):
        assert site.ping(3, target=GATEWAY[name]) == (3, 3)
    # The data plane answered, not the kernel: each echo was counted.
    before = site.rpc("a", "counter_list")["icmp.echoes"]
    assert site.ping(3, target=VIP) == (3, 3)
    assert site.rpc("a", "counter_list")["icmp.echoes"] == before + 3
    # Daemons' connections: the kernel refuses a port that nobody has, and says so.
    probe = subprocess.run(
        site.in_ns("dc-a") + ["python3", "-c",
                              "import socket; s = socket.socket(); s.settimeout(5); "
                              f"print(s.connect_ex(('{GATEWAY['a']}', 179)))"],
        stdout=subprocess.PIPE, text=True, timeout=20)
    assert probe.stdout.strip() == "111"  # ECONNREFUSED


def test_each_vlan_has_its_master(site):
    """gw-b is heard by gw-a in the VLAN, and answers there, in the data plane."""
    site.wait_for(lambda: site.is_master_in_vlan("b") and not site.is_master_in_vlan("a"), 20,
                  "gw-b is master in the VLAN")
    assert site.addresses("b") == {GATEWAY["b"]}
    answer = subprocess.run(site.in_ns("dc-a") + ["python3", "-c", STATION],
                            stdout=subprocess.PIPE, text=True, timeout=20).stdout.split()
    assert answer == [port_mac(site, "b"), str(VLAN)]
    assert site.addresses("a", "lg-vlan") == {"10.1.10.3"}
    site.kill("gw-b")
    site.wait_for(lambda: site.is_master_in_vlan("a"), 10, "gw-a takes over in the VLAN")


def longest_gap(text, interval):
    """Seconds without an answer between two answers of ping's."""
    seen = [int(n) for n in re.findall(r"icmp_seq=(\d+) ttl", text)]
    assert len(seen) > 10, text
    return max(b - a for a, b in zip(seen, seen[1:])) * interval


def test_traffic_goes_on_when_the_master_is_killed(site):
    interval = 0.05
    site.wait_for(lambda: site.ping(1, target=BEHIND, wait=1)[1] == 1, 10, "the way by the VIP")
    ping = subprocess.Popen(site.in_ns("dc-a") + ["ping", "-n", "-i", str(interval), BEHIND],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(1)
        site.kill("gw-a")
        site.wait_for(lambda: site.is_master("b"), 10, "gw-b takes over")
        time.sleep(2)
        assert link_address(site, VIP) == port_mac(site, "b")
        assert site.ping(5, target=VIP) == (5, 5)
        site.start_gateway("a")
        site.wait_ready("a")
        site.wait_for(lambda: site.is_master("a") and not site.is_master("b"), 20,
                      "gw-a is master again")
        time.sleep(2)
    finally:
        ping.send_signal(signal.SIGINT)
        text = ping.communicate(timeout=10)[0]
    assert link_address(site, VIP) == port_mac(site, "a")
    gap = longest_gap(text, interval)
    print(f"longest gap {gap:.2f} s")
    # 3 advertisements and the skew time (RFC 5798 section 6.1), and what a busy machine adds.
    assert gap < 3 * ADVERT + ADVERT + 3


@pytest.mark.long
def test_the_virtual_mac_address_moves_with_the_master(virtual_mac_site):
    site = virtual_mac_site
    site.wait_for(lambda: site.ping(1, target=BEHIND, wait=1)[1] == 1, 10, "the way by the VIP")
    assert site.ping(5, target=VIP) == (5, 5)
    assert link_address(site, VIP) == VMAC
    # The data plane answered, not the kernel: each echo was counted.
    before = site.rpc("a", "counter_list")["icmp.echoes"]
    assert site.ping(3, target=VIP) == (3, 3)
    assert site.rpc("a", "counter_list")["icmp.echoes"] == before + 3
    assert site.ping(3, target=GATEWAY["a"]) == (3, 3)
    assert link_address(site, GATEWAY["a"]) == port_mac(site, "a")
    # Hosts keep what they have learned: nothing but the switch sees another master.
    run("ip", "-n", site.ns("dc-a"), "neigh", "replace", VIP, "lladdr", VMAC, "dev", "br0", "nud",
        "permanent")
    site.kill("gw-a")
    site.wait_for(lambda: site.is_master("b"), 10, "gw-b takes over")
    site.wait_for(lambda: site.ping(1, target=BEHIND, wait=1)[1] == 1, 10, "the way by gw-b")
    assert site.ping(5, target=BEHIND) == (5, 5)
    assert site.ping(5, target=VIP) == (5, 5)
    site.start_gateway("a")
    site.wait_ready("a")
    site.wait_for(lambda: site.is_master("a") and not site.is_master("b"), 20,
                  "gw-a is master again")
    site.wait_for(lambda: site.ping(1, target=BEHIND, wait=1)[1] == 1, 10, "the way by gw-a")
    assert site.ping(5, target=VIP) == (5, 5)
