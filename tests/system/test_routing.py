# SPDX-License-Identifier: BSD-3-Clause
"""FRR as Debian has it, on a gateway's interfaces for daemons.

       AS 65001                        AS 65000                      AS 65002
    router dc-a -------- LAN port  gw-a  WAN port -------- router on the WAN
    10.1.0.2                  10.1.0.1   192.0.2.1              192.0.2.6
    behind it 10.77.0.0/24, fd00:77::/64                        behind it 198.51.100.0/24

BGP over IPv4 and IPv6, BFD, and OSPF's multicast hellos on the LAN; BGP on the WAN.
"""

import json
import signal

import pytest
from frr import Frr
from rig import Rig, run

BEHIND, BEHIND6 = "10.77.0.1", "fd00:77::1"
WAN_ROUTER = "192.0.2.6"

ZEBRA = "hostname {name}\n"
BFDD = """
bfd
 profile fast
  receive-interval 300
  transmit-interval 300
 !
"""
GATEWAY_BGP = """
router bgp 65000
 bgp router-id 10.1.0.1
 no bgp network import-check
 no bgp ebgp-requires-policy
 timers bgp 3 9
 neighbor 10.1.0.2 remote-as 65001
 neighbor 10.1.0.2 bfd profile fast
 neighbor 10.1.0.2 timers connect 1
 neighbor fd00:1::2 remote-as 65001
 neighbor fd00:1::2 timers connect 1
 neighbor 192.0.2.6 remote-as 65002
 neighbor 192.0.2.6 timers connect 1
 address-family ipv4 unicast
  no neighbor fd00:1::2 activate
  network 10.2.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor fd00:1::2 activate
 exit-address-family
"""
LAN_BGP = """
router bgp 65001
 bgp router-id 10.1.0.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 3 9
 neighbor 10.1.0.1 remote-as 65000
 neighbor 10.1.0.1 bfd profile fast
 neighbor 10.1.0.1 timers connect 1
 neighbor fd00:1::1 remote-as 65000
 neighbor fd00:1::1 timers connect 1
 address-family ipv4 unicast
  no neighbor fd00:1::1 activate
  network 10.77.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor fd00:1::1 activate
  network fd00:77::/64
 exit-address-family
"""
WAN_BGP = """
router bgp 65002
 bgp router-id 192.0.2.6
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 3 9
 neighbor 192.0.2.1 remote-as 65000
 neighbor 192.0.2.1 timers connect 1
 network 198.51.100.0/24
"""
OSPF = """
interface {interface}
 ip ospf area 0
 ip ospf hello-interval 1
 ip ospf dead-interval 4
router ospf
 ospf router-id {id}
"""


class Routed(Rig):
    def config(self, site):
        config = super().config(site)
        gateway = config["lumengate:gateway"]
        for port in ("lan", "wan"):
            gateway["port"][port]["exception-interface"] = "lg-" + port

        gateway["port"]["wan"]["address"] = [a.replace("/30", "/29")
                                             for a in gateway["port"]["wan"]["address"]]
        return config

    def start_routers(self):
        host, wan = self.ns("dc-a"), self.ns("wan")
        run("ip", "-n", wan, "addr", "add", WAN_ROUTER + "/29", "dev", "br0")
        run(*self.in_ns("wan"), "ethtool", "-K", "br0", "tso", "off", "gso", "off", "tx", "off")
        for addr, length in ((BEHIND, "32"), (BEHIND6, "128")):
            run("ip", "-n", host, "addr", "add", f"{addr}/{length}", "dev", "lo", "nodad")
        self.router = {"lan": Frr(self, "lan", self.in_ns("dc-a")),
                       "gw": Frr(self, "gw", ["nsenter", "-t", str(self.holders["a"].pid), "-n"]),
                       "wan": Frr(self, "wan", self.in_ns("wan"))}
        for name, bgp in (("lan", LAN_BGP), ("gw", GATEWAY_BGP), ("wan", WAN_BGP)):
            frr = self.router[name]
            frr.start("zebra", ZEBRA.format(name=name))
            if name != "wan":
                frr.start("bfdd", BFDD, "--bfdctl", frr.path("bfdd.sock"))
                frr.start("ospfd", OSPF.format(interface="lg-lan" if name == "gw" else "lan0",
                                               id="10.1.0.1" if name == "gw" else "10.1.0.2"))
            frr.start("bgpd", bgp)

    def established(self):
        """The neighbours with which the gateway's BGP has a session."""
        peers = {}
        for family in ("ipv4", "ipv6"):
            summary = self.router["gw"].show("bgpd", "bgp", family, "unicast", "summary")
            peers.update(summary.get("peers", {}))
        return {p for p, v in peers.items() if v["state"] == "Established"}

    def bfd_up(self):
        return [p["peer"] for p in self.router["gw"].show("bfdd", "bfd", "peers")
                if p["status"] == "up"]


@pytest.fixture(scope="module")
def routed():
    with Routed(quantum=False) as r:
        r.wire()
        r.start_gateway("a")
        r.wait_ready("a")
        r.start_routers()
        r.wait_for(lambda: len(r.established()) == 3, 40, "three BGP sessions", 0.5)
        yield r


def test_sessions(routed):
    assert routed.established() == {"10.1.0.2", "fd00:1::2", WAN_ROUTER}
    routed.wait_for(lambda: routed.bfd_up() == ["10.1.0.2"], 10, "BFD", 0.5)
    ospf = routed.wait_for(
        lambda: routed.router["gw"].show("ospfd", "ip", "ospf", "neighbor").get("neighbors"),
        10, "OSPF sees a neighbour", 0.5)
    routed.wait_for(lambda: "Full" in json.dumps(
        routed.router["gw"].show("ospfd", "ip", "ospf", "neighbor")), 20, "OSPF is full", 0.5)
    assert list(ospf) == ["10.1.0.2"]


def carrier(rig):
    links = json.loads(run(*rig.in_gateway("a"), "ip", "-j", "link", "show", "dev", "lg-lan"))
    return "NO-CARRIER" not in links[0]["flags"]


def test_a_lost_link_ends_sessions_at_once_and_they_come_back(routed):
    host = routed.ns("dc-a")
    routed.wait_for(lambda: routed.bfd_up() == ["10.1.0.2"], 10, "BFD", 0.5)
    run("ip", "-n", host, "link", "set", "lan0", "down")
    routed.wait_for(lambda: not carrier(routed), 3, "the interface has no carrier")
    # Sooner than BGP's own hold time of 9 s.
    routed.wait_for(lambda: routed.established() == {WAN_ROUTER}, 5, "the sessions end", 0.2)
    run("ip", "-n", host, "link", "set", "lan0", "up")
    run("ip", "-n", host, "addr", "replace", "fd00:1::2/64", "dev", "lan0", "nodad")
    routed.wait_for(lambda: carrier(routed) and len(routed.established()) == 3, 40,
                    "the sessions come back", 0.5)


def test_bfd_sees_a_silent_router(routed):
    routed.wait_for(lambda: routed.bfd_up() == ["10.1.0.2"], 20, "BFD", 0.5)
    bfdd = routed.processes["lan-bfdd"]
    bfdd.send_signal(signal.SIGSTOP)
    try:
        # 3 times 300 ms, and what a busy machine adds; the hold time is 9 s.
        routed.wait_for(lambda: "10.1.0.2" not in routed.established(), 4, "BFD ends BGP", 0.1)
    finally:
        bfdd.send_signal(signal.SIGCONT)
    routed.wait_for(lambda: len(routed.established()) == 3, 40, "the session comes back", 0.5)
