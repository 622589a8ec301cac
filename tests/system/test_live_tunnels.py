# SPDX-License-Identifier: BSD-3-Clause
"""Routes, a tunnel, a rekey policy and a QKD threshold change under traffic, and no packet is lost."""

import json
import os
import signal
import subprocess
import time

from rig import LAN, ROOT, SITES, WAN, run

STREAM = ["/usr/bin/python3", os.path.join(ROOT, "scripts/lib/udp_stream.py")]
RATE, BYTES, PORT = 8000, 1200, 9000  # each way: 77 Mb/s
OTHER = {"a": "b", "b": "a"}
# Networks behind the hosts, for the second tunnel.
FAR = {"a": "10.11.0", "b": "10.12.0"}
# What the gateways do not count as lost on the way of a stream's packets.
NOT_OURS = {"drop.arp", "drop.nd", "drop.multicast", "drop.not_our_mac", "drop.overload", "drop.exception"}


def change(rig, site, edit):
    config = rig.rpc(site, "config_get")
    edit(config["lumengate:gateway"], site)
    rig.rpc(site, "config_set", {"config": config})


def add_tunnel(gateway, site):
    gateway["tunnel"].insert(0, {"name": "second", "local": WAN[site], "remote": WAN[OTHER[site]],
                                 "encapsulation": "udp", "mtu-discovery": True})


def add_routes(gateway, site):
    gateway["route"] += [{"prefix": f"{FAR[site]}.0/24", "via": "lan", "next-hop": f"{LAN[site]}.2"},
                         {"prefix": f"{FAR[OTHER[site]]}.0/24", "tunnel": "second"}]


def remove_both(gateway, site):
    gateway["route"] = [r for r in gateway["route"] if not r["prefix"].startswith(("10.11.", "10.12."))]
    gateway["tunnel"] = [t for t in gateway["tunnel"] if t["name"] != "second"]


def ratchet(gateway, site):
    (dc,) = (t for t in gateway["tunnel"] if t["name"] == "dc")
    dc["policy"] = "ratchet"
    dc["rekey"]["period-ms"] = 700


def threshold(gateway, site):
    gateway["qkd"]["qber-alarm"] = "0.045"


def tunnels(rig, site):
    return {t["name"]: t for t in rig.rpc(site, "tunnel_list")["tunnels"]}


def state(rig, site, tunnel):
    return tunnels(rig, site)[tunnel]["state"]


def drops(rig, site):
    return {name: n for name, n in rig.rpc(site, "counter_list", {"prefix": "drop."}).items()
            if name.startswith("drop.") and name not in NOT_OURS and n}


def overrun(rig):
    """Packets that the machine lost: no core came in time to take them from the kernel's rings."""
    lost = rig.wire_dropped()
    for site in SITES:
        lost += sum(port["rx_missed"] for port in rig.rpc(site, "port_list")["ports"])
        lost += rig.rpc(site, "counter_list", {"prefix": "drop."}).get("drop.overload", 0)
    return lost


def ping_far(rig):
    out = run(*rig.in_ns("dc-a"), "ping", "-q", "-c", "5", "-i", "0.1", "-W", "2", "-I", f"{FAR['a']}.2",
              f"{FAR['b']}.2", check=False)
    return "5 packets transmitted, 5 received" in out


def receivers(rig):
    started = {}
    for site in SITES:
        p = subprocess.Popen(rig.in_ns("dc-" + site) + STREAM + ["recv", str(PORT)], stdout=subprocess.PIPE,
                             text=True)
        assert p.stdout.readline().strip() == "ready"
        started[site] = p
    return started


def senders(rig):
    return {site: subprocess.Popen(rig.in_ns("dc-" + site) + STREAM + [
        "send", f"{LAN[OTHER[site]]}.2", str(PORT), str(RATE), "60", str(BYTES)], stdout=subprocess.PIPE,
        text=True) for site in SITES}


def finish(process):
    process.send_signal(signal.SIGTERM)
    return json.loads(process.communicate(timeout=20)[0].splitlines()[-1])


def the_changes(rig):
    # A tunnel at one end only: said so, and nothing falls over.
    change(rig, "a", add_tunnel)
    rig.wait_for(lambda: state(rig, "a", "second") == "not-at-peer", 5, "the answer that the peer has none")
    assert tunnels(rig, "a")["second"]["rekeys"] == 0
    change(rig, "b", add_tunnel)
    rig.wait_for(lambda: all(state(rig, s, "second") == "up" for s in SITES), 10, "keys of the new tunnel")
    for site in SITES:
        change(rig, site, add_routes)
    assert ping_far(rig)
    for site in SITES:
        change(rig, site, ratchet)
        change(rig, site, threshold)
    # The new tunnel went ahead of the other in the file; traffic went on through each.
    assert [t["name"] for t in rig.rpc("b", "config_get")["lumengate:gateway"]["tunnel"]] == ["second", "dc"]
    assert tunnels(rig, "a")["second"]["packets_sealed"] >= 5
    assert tunnels(rig, "b")["dc"]["packets_opened"] > 1000
    change(rig, "b", remove_both)
    rig.wait_for(lambda: state(rig, "a", "second") == "not-at-peer", 5, "the word that the tunnel went")
    change(rig, "a", remove_both)
    assert [set(tunnels(rig, s)) for s in SITES] == [{"dc"}, {"dc"}]
    # And once more, into the same place.
    for site in ("b", "a"):
        change(rig, site, add_tunnel)
    rig.wait_for(lambda: all(state(rig, s, "second") == "up" for s in SITES), 10, "keys once more")


def test_changes_under_traffic_lose_nothing(sites):
    rig = sites
    for site in SITES:
        run("ip", "-n", rig.ns("dc-" + site), "address", "add", f"{FAR[site]}.2/32", "dev", "lo")
        run("ip", "-n", rig.ns("dc-" + site), "route", "replace", f"{FAR[OTHER[site]]}.0/24", "via",
            f"{LAN[site]}.1", "src", f"{FAR[site]}.2")
    listening = receivers(rig)
    before, lost_before = {s: drops(rig, s) for s in SITES}, overrun(rig)
    sending = senders(rig)
    time.sleep(1)
    the_changes(rig)
    time.sleep(1)
    sent = {site: finish(p)["sent"] for site, p in sending.items()}
    time.sleep(0.5)
    got = {site: finish(p) for site, p in listening.items()}
    lost = sum(sent[s] - got[OTHER[s]]["received"] for s in SITES)
    missed = overrun(rig) - lost_before
    print(f"sent {sent}, lost {lost}, of which the machine missed {missed}")
    assert min(sent.values()) > 3 * RATE
    assert lost <= missed and missed < sum(sent.values()) / 100
    assert all(g["twice"] == 0 for g in got.values())
    # No drop has another reason: none for want of a key, of a route, of an SA or of a tunnel.
    assert {s: drops(rig, s) for s in SITES} == before
    assert rig.stop_watch()["plaintext"] == 0
