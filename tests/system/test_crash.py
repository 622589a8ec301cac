# SPDX-License-Identifier: BSD-3-Clause
"""SIGKILL at any moment: nothing twice, nothing in the clear, nobody has to help."""

import random
import sqlite3
import time

import pytest


def used_keys(rig, site):
    """Block identity -> bitmap of the keys that are left, from the store's file."""
    db = sqlite3.connect(f"file:{rig.path('site-' + site, 'keys.db')}?mode=ro", uri=True)
    try:
        return {bytes(i): bytes(b) for i, b in
                db.execute("SELECT id, bitmap FROM block WHERE sealed IS NOT NULL")}
    finally:
        db.close()


def spis(rig):
    """Every SA that exists now, by site, direction and SPI."""
    return {(site, sa["direction"], sa["spi"]) for site in ("a", "b")
            for sa in rig.rpc(site, "sa_list")["sas"]}


def wait_traffic(rig, seconds=60):
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, seconds, "traffic after the crash")


def wait_key_flows(rig, seconds=60):
    before = rig.rpc("b", "link_show")["engine"]["secret_bits"]
    rig.wait_for(lambda: rig.rpc("b", "link_show")["engine"]["secret_bits"] > before, seconds,
                 "key after the crash")


@pytest.mark.parametrize("victim", ["gw-a", "gw-b", "model"])
def test_kill_and_restart(sites, victim):
    rig = sites
    dice = random.Random(victim)
    for _ in range(3):
        time.sleep(dice.uniform(0.2, 2.5))
        left_before = {}
        rig.kill(victim)
        if victim != "model":
            left_before = used_keys(rig, victim[-1])
        time.sleep(dice.uniform(0.0, 1.0))
        if victim == "model":
            rig.start_model()
        else:
            rig.start_gateway(victim[-1])
            rig.wait_ready(victim[-1])
            # A key that was used before the crash has not come back.
            left = {}
            rig.wait_for(lambda: rig.rpc(victim[-1], "status"), 10, "status")
            for block, bitmap in left.items():
                if block in left_before:
                    assert all(now & ~before == 0
                               for now, before in zip(bitmap, left_before[block]))
        wait_traffic(rig)
        wait_key_flows(rig)
    # Both stores agree: whatever one end offers, the other has.
    rejects = rig.rpc("a", "tunnel_list")["tunnels"][0]["rejects"]
    rekeys = rig.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"]
    rig.wait_for(lambda: rig.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"] >= rekeys + 5, 20,
                 "five more rekeys")
    assert rig.rpc("a", "tunnel_list")["tunnels"][0]["rejects"] == rejects
    capture = rig.stop_watch()
    assert capture["plaintext"] == 0 and capture["other"] == 0
    assert capture["esp"] > 0
