# SPDX-License-Identifier: BSD-3-Clause
"""FRR as Debian has it, on a gateway's interfaces for daemons.

       AS 65001                        AS 65000                      AS 65002
    router dc-a -------- LAN port  gw-a  WAN port -------- router on the WAN
    10.1.0.2                  10.1.0.1   192.0.2.1              192.0.2.6
    behind it 10.77.0.0/24, fd00:77::/64           behind it 198.51.100.1, the tunnel's end at gw-b

BGP over IPv4 and IPv6, BFD, and OSPF's multicast hellos on the LAN; BGP on the WAN. Site B reaches
what is behind the router of site A by the routes that gw-a learned, and gw-a's ESP the other end
by what it learned on the WAN.
"""

import json
import signal
import time

import pytest
from conftest import lgctl, start_imported
from frr import Frr
from rig import Rig, run

BEHIND, BEHIND6 = "10.77.0.1", "fd00:77::1"
WAN_ROUTER, BEHIND_WAN = "192.0.2.6", "198.51.100.1"
LEARNT_MOST = 40

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
  network fd00:2::/64
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
            if site == "a":
                gateway["port"][port]["learn-routes"] = LEARNT_MOST

        gateway["port"]["wan"]["address"] = [a.replace("/30", "/29")
                                             for a in gateway["port"]["wan"]["address"]]
        tunnel = gateway["tunnel"][0]
        if site == "a":
            # No configured route leads there.
            tunnel["remote"] = BEHIND_WAN
        else:
            tunnel["local"] = BEHIND_WAN
            gateway["port"]["wan"]["address"].append(BEHIND_WAN + "/32")
            gateway["route"] += [{"prefix": "10.77.0.0/24", "tunnel": "dc"},
                                 {"prefix": "fd00:77::/64", "tunnel": "dc"}]
        return config

    def start_routers(self):
        host, wan = self.ns("dc-a"), self.ns("wan")
        # The router learns the way to site B.
        run("ip", "-n", host, "route", "del", "10.2.0.0/24")
        run("ip", "-n", host, "-6", "route", "del", "fd00:2::/64")
        run("ip", "-n", wan, "addr", "add", WAN_ROUTER + "/29", "dev", "br0")
        run(*self.in_ns("wan"), "ethtool", "-K", "br0", "tso", "off", "gso", "off", "tx", "off")
        run(*self.in_ns("wan"), "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.br0.send_redirects=0",
            "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.br0.rp_filter=0")
        run("ip", "-n", wan, "route", "add", BEHIND_WAN, "via", "192.0.2.2")
        for addr, length in ((BEHIND, "32"), (BEHIND6, "128")):
            run("ip", "-n", host, "addr", "add", f"{addr}/{length}", "dev", "lo", "nodad")
        self.router = {"lan": Frr(self, "lan", self.in_ns("dc-a")),
                       "gw": Frr(self, "gw", ["nsenter", "-t", str(self.holders["a"].pid), "-n"]),
                       "wan": Frr(self, "wan", self.in_ns("wan"))}
        for name, bgp in (("lan", LAN_BGP), ("gw", GATEWAY_BGP), ("wan", WAN_BGP)):
            frr = self.router[name]
            frr.start("zebra", ZEBRA.format(name=name))
            if name != "wan":
                frr.start_bfdd(BFDD)
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

    def learnt(self, via):
        """Prefix -> next hop of what gw-a took over on a port."""
        return {r["prefix"]: r["to"] for r in self.rpc("a", "route_list")["routes"]
                if r["origin"] == "learnt" and r["via"] == via}

    def reaches(self, target):
        return self.ping(1, source="b", target=target, wait=1)[1] == 1


@pytest.fixture(scope="module")
def routed():
    with Routed(quantum=False) as r:
        r.wire()
        start_imported(r)
        host = r.ns("dc-b")
        run("ip", "-n", host, "route", "add", "10.77.0.0/24", "via", "10.2.0.1")
        run("ip", "-n", host, "-6", "route", "add", "fd00:77::/64", "via", "fd00:2::1")
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


def test_learnt_routes_carry_traffic(routed):
    routed.wait_for(lambda: len(routed.learnt("lan")) == 2, 10, "two routes on the LAN", 0.2)
    lan = routed.learnt("lan")
    assert lan["10.77.0.0/24"] == "10.1.0.2"
    # BGP takes the link-local address of the router.
    assert lan["fd00:77::/64"].startswith("fe80::") or lan["fd00:77::/64"] == "fd00:1::2"
    for target in (BEHIND, BEHIND6):
        routed.wait_for(lambda t=target: routed.reaches(t), 20, f"dc-b reaches {target}", 0.2)
    # And by the WAN's.
    assert routed.learnt("wan") == {"198.51.100.0/24": WAN_ROUTER}
    shown = lgctl(routed, "a", "route", "list")
    assert "10.77.0.0/24" in shown and "learnt" in shown
    # The configured route stays what it is.
    enter = routed.router["gw"].enter
    run(*enter, "ip", "route", "add", "10.2.0.0/24", "via", "10.1.0.2", "dev", "lg-lan")
    routed.wait_for(lambda: "10.2.0.0/24" in routed.learnt("lan"), 10, "a second route", 0.2)
    assert routed.ping(3) == (3, 3)
    run(*enter, "ip", "route", "del", "10.2.0.0/24", "via", "10.1.0.2", "dev", "lg-lan")


def test_a_withdrawn_route_is_forgotten(routed):
    bgp = ("configure terminal", "router bgp 65001", "address-family ipv4 unicast")
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the route is used", 0.2)
    routed.router["lan"].vtysh("bgpd", *bgp, "no network 10.77.0.0/24")
    routed.wait_for(lambda: "10.77.0.0/24" not in routed.learnt("lan"), 10, "withdrawn", 0.2)
    assert not routed.reaches(BEHIND)
    assert routed.reaches(BEHIND6)
    routed.router["lan"].vtysh("bgpd", *bgp, "network 10.77.0.0/24")
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "it is back", 0.2)


def test_without_the_way_to_the_peer_nothing_leaves(routed):
    bgp = ("configure terminal", "router bgp 65002")
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the tunnel's way", 0.2)
    routed.router["wan"].vtysh("bgpd", *bgp, "no network 198.51.100.0/24")
    routed.wait_for(lambda: not routed.learnt("wan"), 10, "withdrawn", 0.2)
    assert not routed.reaches(BEHIND)
    routed.router["wan"].vtysh("bgpd", *bgp, "network 198.51.100.0/24")
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "it is back", 0.2)


def alarm(rig, kind):
    return [a for a in rig.rpc("a", "alarm_list")["alarms"] if a["kind"] == kind and a["active"]]


def test_no_more_routes_than_allowed(routed):
    enter = routed.router["gw"].enter
    batch = routed.path("routes")
    with open(batch, "w") as f:
        f.writelines(f"route add 10.200.{i}.0/24 via 10.1.0.2 dev lg-lan\n" for i in range(100))
    run(*enter, "ip", "-batch", batch)
    routed.wait_for(lambda: len(routed.learnt("lan")) == LEARNT_MOST, 10, "the limit", 0.2)
    raised = routed.wait_for(lambda: alarm(routed, "routes-left-out"), 5, "an alarm")
    assert raised[0]["resource"] == "port/lan"
    run("sed", "-i", "s/route add/route del/", batch)
    run(*enter, "ip", "-batch", batch)
    routed.wait_for(lambda: len(routed.learnt("lan")) == 2, 10, "only FRR's are left", 0.2)
    routed.wait_for(lambda: not alarm(routed, "routes-left-out"), 5, "no alarm any more")


def carrier(rig):
    links = json.loads(run(*rig.in_gateway("a"), "ip", "-j", "link", "show", "dev", "lg-lan"))
    return "NO-CARRIER" not in links[0]["flags"]


def test_a_lost_link_ends_sessions_at_once_and_they_come_back(routed):
    host = routed.ns("dc-a")
    routed.wait_for(lambda: routed.bfd_up() == ["10.1.0.2"], 10, "BFD", 0.5)
    run("ip", "-n", host, "link", "set", "lan0", "down")
    routed.wait_for(lambda: not carrier(routed), 3, "the interface has no carrier")
    routed.wait_for(lambda: not routed.learnt("lan"), 5, "the routes are gone", 0.2)
    # Sooner than BGP's own hold time of 9 s.
    routed.wait_for(lambda: routed.established() == {WAN_ROUTER}, 5, "the sessions end", 0.2)
    run("ip", "-n", host, "link", "set", "lan0", "up")
    run("ip", "-n", host, "addr", "replace", "fd00:1::2/64", "dev", "lan0", "nodad")
    routed.wait_for(lambda: carrier(routed) and len(routed.established()) == 3, 40,
                    "the sessions come back", 0.5)
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "and the routes", 0.5)


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


def test_an_interface_that_somebody_removes_is_made_anew(routed):
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the routes", 0.5)
    enter = routed.router["gw"].enter
    run(*enter, "ip", "link", "del", "lg-lan")
    routed.wait_for(lambda: routed.established() == {WAN_ROUTER}, 12, "the sessions end", 0.1)
    routed.wait_for(lambda: len(routed.established()) == 3, 30, "three sessions", 0.5)
    routed.wait_for(lambda: routed.reaches(BEHIND) and routed.reaches(BEHIND6), 20,
                    "and the routes", 0.5)
    # While its name is another's, the rest goes on.
    run(*enter, "ip", "link", "add", "another", "type", "veth", "peer", "name", "others")
    take = ["sh", "-c", "ip link del lg-wan; ip link set another name lg-wan"]
    # The gateway may be quicker.
    routed.wait_for(lambda: "File exists" not in run(*enter, *take, check=False), 10, "its name")
    with open(routed.path("gw-a.log")) as log:
        routed.wait_for(lambda: "lg-wan: cannot be made" in log.read(), 5, "it says why", 0.2)
    assert routed.rpc("a", "status")
    run(*enter, "ip", "link", "del", "lg-wan")
    routed.wait_for(lambda: len(routed.established()) == 3, 30, "three sessions", 0.5)
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the tunnel's way", 0.5)


def test_addresses_are_told_again(routed):
    """Who misses an interface's addresses when it appears hears of them later."""
    routed.stop("gw-a")
    routed.start_gateway("a")
    routed.wait_ready("a")
    # Half a second, 1 and 2 s after the start, at the latest.
    told = run(*routed.in_gateway("a"), "timeout", "4", "ip", "-o", "monitor", "address",
               check=False)
    for interface, address in (("lg-lan", "inet 10.1.0.1/24"), ("lg-lan", "inet6 fd00:1::1/64"),
                               ("lg-lan", "inet6 fe80::"), ("lg-wan", "inet 192.0.2.1/29")):
        assert any(interface in line and address in line for line in told.splitlines()), told
    assert "Deleted" not in told


@pytest.mark.parametrize("again", range(3))
def test_sessions_come_back_after_a_restart(routed, again):
    """zebra 8.4 misses the addresses of a new interface in half of the cases at first."""
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the routes", 0.5)
    routed.stop("gw-a")
    routed.wait_for(lambda: not routed.established(), 10, "the sessions end", 0.5)
    routed.start_gateway("a")
    routed.wait_ready("a")
    routed.wait_for(lambda: len(routed.established()) == 3, 30, "three sessions", 0.5)
    routed.wait_for(lambda: routed.reaches(BEHIND) and routed.reaches(BEHIND6), 20,
                    "and the routes", 0.5)


def test_sessions_come_back_to_a_zebra_that_was_busy(routed):
    routed.wait_for(lambda: routed.reaches(BEHIND), 20, "the routes", 0.5)
    zebra = routed.processes["gw-zebra"]
    zebra.send_signal(signal.SIGSTOP)
    try:
        routed.stop("gw-a")
        routed.start_gateway("a")
        routed.wait_ready("a")
        time.sleep(3)
    finally:
        zebra.send_signal(signal.SIGCONT)
    routed.wait_for(lambda: len(routed.established()) == 3, 30, "three sessions", 0.5)
    routed.wait_for(lambda: routed.reaches(BEHIND) and routed.reaches(BEHIND6), 20,
                    "and the routes", 0.5)
