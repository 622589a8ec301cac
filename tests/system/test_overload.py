# SPDX-License-Identifier: BSD-3-Clause
"""The classical channel goes first: over a WAN that carries half of what comes in, key is made."""

import json
import os

import pytest
from rig import LAN, ROOT, SITES, run

STREAM = ["/usr/bin/python3", os.path.join(ROOT, "scripts/lib/udp_stream.py")]
WAN_MBIT = 100
BYTES, RATE = 1400, 21000  # of a site's stream: 235 Mb/s, some 5 % more on the WAN
BLOCKS, BLOCK_BITS = 20, 500000


RING = 64  # frames: what waits behind the gateway takes 7 ms


def configure(rig, site):
    """Frames to the WAN go through the kernel's queue of that interface, not past it."""
    rig.memory.ring_frames = RING
    config = rig.config(site)
    gateway = config["lumengate:gateway"]
    gateway["port"]["wan"]["device"] += ",qdisc_bypass=0"
    gateway["qkd"]["block-bits"] = BLOCK_BITS
    rig.write_config(site, config)


def slow_wan(rig, site):
    """The WAN takes no more than WAN_MBIT from this gateway, and drops nothing itself.

    A queue that has room for all that the gateway's ring holds gives frames back when they were
    sent, as a slow network card does. So the gateway alone decides what is dropped.
    """
    run(*rig.in_gateway(site), "tc", "qdisc", "add", "dev", "wan0", "root", "tbf",
        "rate", f"{WAN_MBIT}mbit", "burst", "20kb", "limit", "16mb")


@pytest.fixture
def slow(rig):
    for site in SITES:
        configure(rig, site)
        slow_wan(rig, site)
    rig.start_model()
    for site in SITES:
        rig.start_gateway(site)
    for site in SITES:
        rig.wait_ready(site)
    yield rig


def standing(rig, site):
    """Packets of the LAN that were taken and that found no room; what the WAN let through."""
    ports = {port["name"]: port for port in rig.rpc(site, "port_list")["ports"]}
    counters = rig.rpc(site, "counter_list")
    (queue,) = json.loads(run(*rig.in_gateway(site), "tc", "-s", "-j", "qdisc", "show", "dev",
                              "wan0"))
    link = rig.rpc(site, "link_show")
    return {"offered": ports["lan"]["rx_packets"] + ports["lan"]["rx_missed"],
            "sealed": counters["esp.sealed"],
            "dropped": ports["lan"]["rx_missed"] + counters["drop.wan_tx_full"],
            "lost_by_queue": queue["drops"], "aborted": link["engine"]["blocks_aborted"],
            "sessions": link["channel"]["sessions"]}


def blocks(rig, site, after):
    return sorted(b["number"] for b in rig.rpc(site, "block_list")["blocks"]
                  if b["number"] > after)


@pytest.mark.long
def test_no_block_is_lost_at_twofold_overload(slow):
    rig = slow
    rig.wait_for(lambda: all(blocks(rig, s, 0) for s in SITES), 40, "the first block")
    for source, target in (("a", "b"), ("b", "a")):
        rig.start("stream-" + source, rig.in_ns("dc-" + source) + STREAM + [
            "send", f"{LAN[target]}.2", "9000", str(RATE), "120", str(BYTES)])
    idle = {site: standing(rig, site) for site in SITES}
    rig.wait_for(lambda: all(standing(rig, s)["dropped"] > idle[s]["dropped"] + RATE
                             for s in SITES), 20, "the overload", interval=0.2)
    first = max(blocks(rig, s, 0)[-1] for s in SITES)
    before = {site: standing(rig, site) for site in SITES}
    rig.wait_for(lambda: all(len(blocks(rig, s, first)) >= BLOCKS for s in SITES), 60,
                 f"{BLOCKS} blocks of key under overload", interval=0.2)
    after = {site: standing(rig, site) for site in SITES}
    made = {site: blocks(rig, site, first)[:BLOCKS] for site in SITES}
    print(json.dumps({"before": before, "after": after, "made": made}))
    for site in SITES:
        grew = {key: after[site][key] - before[site][key] for key in before[site]}
        # Of all that came in by the LAN, more was dropped than left by the WAN.
        assert grew["dropped"] > grew["offered"] / 2, grew
        assert grew["lost_by_queue"] == 0, grew
        # Each block became key at both sites, the next one after the last.
        assert made[site] == list(range(first + 1, first + 1 + BLOCKS))
        assert grew["aborted"] == 0 and grew["sessions"] == 0, grew
