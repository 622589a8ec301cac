# SPDX-License-Identifier: BSD-3-Clause
"""SIGKILL at any moment: nothing twice, nothing in the clear, nobody has to help."""

import random
import shutil
import sqlite3
import struct
import time

import pytest


def keys_left(rig, site, tmp_path):
    """Block identity -> bitmap of the keys that are left, from the dead gateway's store."""
    copy = tmp_path / "keys.db"
    for suffix in ("", "-wal"):
        try:
            shutil.copy(rig.path("site-" + site, "keys.db" + suffix), str(copy) + suffix)
        except FileNotFoundError:
            pass
    db = sqlite3.connect(copy)
    try:
        return {bytes(i): bytes(b) for i, b in
                db.execute("SELECT id, bitmap FROM block WHERE sealed IS NOT NULL")}
    finally:
        db.close()
        for f in tmp_path.glob("keys.db*"):
            f.unlink()


def check_nothing_came_back(snapshots):
    """A key that was used at one crash is not available at a later one."""
    gone = set()
    for before, after in zip(snapshots, snapshots[1:]):
        gone |= set(before) - set(after)
        assert not gone & set(after)
        for block in set(before) & set(after):
            assert all(new & ~old == 0 for new, old in zip(after[block], before[block]))


# Behind ESP's header and explicit IV (RFC 4303, RFC 4106): an IPv4 header, ICMP's and ping's time
# stamp, then bytes that every ping has in common (the capture keeps 94 of ESP).
PING_FIXED = slice(8 + 8 + 20 + 8 + 16, 8 + 8 + 20 + 8 + 48)


def esp_payloads(path):
    """ESP header and payload of every ESP frame in a capture."""
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at < len(data):
        _, _, captured, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        if frame[12:14] == b"\x08\x00" and frame[23] == 50:
            yield frame[14 + (frame[14] & 15) * 4:]


def check_no_keystream_twice(capture, frames):
    """The same plaintext never has the same ciphertext: no key met a nonce twice, under any SPI.

    SPIs prove nothing: their 16 random bits do meet again, with another key.
    """
    payloads = list(esp_payloads(capture))
    assert len(payloads) == frames
    pings = [p[PING_FIXED] for p in payloads if len(p) >= PING_FIXED.stop]
    assert len(pings) > 40
    assert len(set(pings)) == len(pings)


def secret_bits(rig):
    return rig.rpc("b", "link_show")["engine"]["secret_bits"]


def blocks_stored(rig, site):
    return rig.rpc(site, "status")["optics"]["blocks_stored"]


@pytest.mark.parametrize("victim", [
    "gw-a", pytest.param("gw-b", marks=pytest.mark.long),
    pytest.param("model", marks=pytest.mark.long)])
def test_kill_and_restart(rig, tmp_path, victim):
    capture = rig.path("wan.pcap")
    rig.start_watch(capture)
    rig.start_model()
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 60, "the first encrypted ping")
    dice = random.Random(victim)
    snapshots = []
    for _ in range(2):
        time.sleep(dice.uniform(0.2, 2.5))
        rig.kill(victim)
        if victim != "model":
            snapshots.append(keys_left(rig, victim[-1], tmp_path))
        time.sleep(dice.uniform(0.0, 1.0))
        if victim == "model":
            rig.start_model()
        else:
            rig.start_gateway(victim[-1])
            rig.wait_ready(victim[-1])
        rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 60, "traffic after the crash")
        for site in ("a", "b"):
            stored = blocks_stored(rig, site)
            rig.wait_for(lambda: blocks_stored(rig, site) > stored, 60, "key after the crash")
    check_nothing_came_back(snapshots)

    # Both stores agree: whatever A offers, B has.
    tunnel = rig.rpc("a", "tunnel_list")["tunnels"][0]
    rig.wait_for(lambda: rig.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"] >=
                 tunnel["rekeys"] + 5, 30, "five more rekeys")
    assert rig.rpc("a", "tunnel_list")["tunnels"][0]["rejects"] == tunnel["rejects"]
    assert rig.ping(20, 0.05)[1] == 20

    account = rig.stop_watch()
    assert account["plaintext"] == 0 and account["other"] == 0
    check_no_keystream_twice(capture, account["esp"])
