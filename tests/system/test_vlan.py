# SPDX-License-Identifier: BSD-3-Clause
"""A gateway with an address in a VLAN of its LAN, and a station in that VLAN.

The station is a packet socket: not every kernel has VLAN interfaces.
"""

import subprocess

import pytest
from rig import Rig, run

STATION = r"""
import socket, struct, sys, time

s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("lan0", 0))
s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: tags are told apart from the frame
mac = s.getsockname()[4]
address = socket.inet_aton
us, them = address("10.1.10.2"), address("10.1.10.1")

def total(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n & 0xffff) + (n >> 16)
    return ~(n + (n >> 16)) & 0xffff

def send(to, vlan, kind, payload):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    s.send(to + mac + tag + struct.pack("!H", kind) + payload)

def receive(kind, matches):
    "The next frame: its source, tag and payload."
    end = time.monotonic() + 2
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            data, extra, _, where = s.recvmsg(4096, 256)
        except socket.timeout:
            break
        tag = 0
        for level, name, aux in extra:
            if (level, name) == (263, 8):
                status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", aux[:20])
                tag = tci & 0xfff if status & 0x10 else 0  # TP_STATUS_VLAN_VALID
        if where[2] != 4 and data[12:14] == struct.pack("!H", kind) and matches(data[14:]):
            return data[6:12], tag, data[14:]
    return None

def arp(vlan, us=us, them=them):
    send(b"\xff" * 6, vlan, 0x0806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + us
         + bytes(6) + them)
    return receive(0x0806, lambda p: p[7] == 2 and p[14:18] == them)

def send_ip(to, vlan, source, destination, protocol, payload):
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    ip += source + destination
    ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
    send(to, vlan, 0x0800, ip + payload)

def ping(to, vlan, size):
    icmp = struct.pack("!BBHHH", 8, 0, 0, 7, size) + bytes(size)
    icmp = icmp[:2] + struct.pack("!H", total(icmp)) + icmp[4:]
    send_ip(to, vlan, us, them, 1, icmp)
    return receive(0x0800, lambda p: p[9] == 1 and p[20] == 0 and p[12:16] == them)

def find():
    for _ in range(10):
        answer = arp(10)
        if answer:
            return answer
"""

HELLO = r"""
answer = find()
print("arp", answer[1])
for size in (56, 1472):
    print("echo", size, ping(answer[0], 10, size)[1])
print("other", arp(11), ping(answer[0], 11, 56))
"""

# The same packets to the other site, in VLAN 10, in VLAN 20 and without a tag.
CROSS = r"""
gateway = find()[0]
for vlan, source, n in ((10, "10.1.10.2", 3), (20, "10.1.20.2", 5)):
    for _ in range(n):
        send_ip(gateway, vlan, address(source), address("10.2.0.2"), 17, bytes(16))
"""

# From VLAN 10 to VLAN 20 and back; the tags in which they arrive.
BETWEEN = r"""
gateway = find()[0]
for vlan, source, destination in ((10, "10.1.10.2", "10.1.20.2"), (20, "10.1.20.2", "10.1.10.2")):
    send_ip(gateway, vlan, address(source), address(destination), 17, bytes(16))
    asked = receive(0x0806, lambda p: p[7] == 1 and p[24:28] == address(destination))
    if asked:
        who, tag, p = asked
        send(who, tag, 0x0806, p[:7] + b"\2" + mac + p[24:28] + p[8:18])
    seen = receive(0x0800, lambda p: p[12:20] == address(source) + address(destination))
    print(vlan, seen and seen[1])
"""

# With the address of VLAN 10's host in VLAN 20, and without a tag.
STRAY = r"""
gateway = find()[0]
for _ in range(4):
    send_ip(gateway, 20, us, address("10.2.0.2"), 17, bytes(16))
send_ip(gateway, None, us, address("10.2.0.2"), 17, bytes(16))
"""


# A network behind VLAN 10's host.
BEHIND = r"""
gateway = find()[0]
for _ in range(3):
    send_ip(gateway, 10, address("10.77.0.5"), address("10.2.0.2"), 17, bytes(16))
"""


class VlanRig(Rig):
    def config(self, site):
        config = super().config(site)
        if site == "a":
            config["lumengate:gateway"]["port"]["lan"]["vlan"] = [
                {"id": 10, "address": ["10.1.10.1/24"], "exception-interface": "lg-ten",
                 "learn-routes": 10},
                {"id": 20, "address": ["10.1.20.1/24"]}]
        return config

    def station(self, program):
        """Lines that the station prints."""
        done = subprocess.run(self.in_ns("dc-a") + ["python3", "-c", STATION + program],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)
        return done.stdout.splitlines()

    def rules(self, *rules):
        """Let the gateway have RULES from now on."""
        config = self.config("a")
        config["lumengate:gateway"]["policy"] = list(rules)
        self.rpc("a", "config_set", {"config": config})

    def decided(self):
        """Packets by rule."""
        return {r["name"]: r["packets"] for r in self.rpc("a", "policy_list")["policy"]}


@pytest.fixture
def vlan():
    with VlanRig(quantum=False) as r:
        r.wire()
        r.start_gateway("a")
        r.wait_ready("a")
        yield r


def test_station_in_a_vlan_reaches_the_gateway(vlan):
    """Answers have the tag of the question; there is none in another VLAN."""
    assert vlan.station(HELLO) == ["arp 10", "echo 56 10", "echo 1472 10", "other None None"]
    assert vlan.ping(3, target="10.1.0.1") == (3, 3)


def test_rules_tell_vlans_apart(vlan):
    vlan.rules({"name": "ten", "action": "protect", "vlan": 10},
               {"name": "plain", "action": "protect", "vlan": 0},
               {"name": "rest", "action": "discard"})
    assert vlan.station(CROSS) == []
    vlan.ping(2, target="10.2.0.2")
    vlan.wait_for(lambda: sum(vlan.decided().values()) == 10, 10, "all have been decided on")
    assert vlan.decided() == {"ten": 3, "plain": 2, "rest": 5, "(no rule)": 0}
    assert [r["from"] for r in vlan.rpc("a", "policy_list")["policy"]] == [
        "lan vlan 10", "lan untagged", "lan", ""]


def test_nothing_passes_between_vlans_but_by_a_rule(vlan):
    assert vlan.station(BETWEEN) == ["10 None", "20 None"]
    vlan.rules({"name": "ten", "action": "bypass", "vlan": 10, "destination": "10.1.20.0/24"})
    assert vlan.station(BETWEEN) == ["10 20", "20 None"]
    assert vlan.decided() == {"ten": 1, "(no rule)": 1}
    assert vlan.rpc("a", "counter_list")["drop.policy"] == 3


def test_sources_of_another_vlan_are_dropped(vlan):
    assert vlan.station(STRAY) == []
    vlan.wait_for(lambda: vlan.rpc("a", "counter_list")["drop.reverse_path"] == 5, 10,
                  "all are counted")
    assert vlan.station(HELLO)[:2] == ["arp 10", "echo 56 10"]


def test_routes_of_daemons_in_a_vlan(vlan):
    """What a daemon routes by VLAN 10 is reached there, and so a source there."""
    def routes():
        return [r for r in vlan.rpc("a", "route_list")["routes"] if r["origin"] == "learnt"]

    def strays():
        return vlan.rpc("a", "counter_list")["drop.lan_source"]

    assert vlan.station(BEHIND) == []
    vlan.wait_for(lambda: strays() == 3, 10, "all are counted")
    assert routes() == []
    run(*vlan.in_gateway("a"), "ip", "route", "add", "10.77.0.0/16", "via", "10.1.10.2", "dev",
        "lg-ten", "proto", "bgp")
    vlan.wait_for(lambda: routes() == [{"prefix": "10.77.0.0/16", "via": "lan vlan 10",
                                        "to": "10.1.10.2", "origin": "learnt"}], 10,
                  "the route is taken over")
    protected = vlan.rpc("a", "counter_list")["drop.no_key"]
    assert vlan.station(BEHIND) == []
    vlan.wait_for(lambda: vlan.rpc("a", "counter_list")["drop.no_key"] == protected + 3, 10,
                  "all come to the tunnel")
    assert strays() == 3
