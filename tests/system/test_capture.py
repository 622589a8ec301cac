# SPDX-License-Identifier: BSD-3-Clause
"""What captures show of both sides of a gateway, as tshark reads them; and latency."""

import os
import pwd
import subprocess

from conftest import lgctl
from rig import LAN, WAN


def tshark(path, *fields, show=""):
    """One list of fields a packet."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    if show:
        command += ["-Y", show]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def captures(rig, site):
    return {c["port"]: c for c in rig.rpc(site, "capture_show")["captures"]}


def stopped(rig, site, port):
    rig.wait_for(lambda: captures(rig, site)[port]["state"] == "stopped", 10, "the capture's end")
    return captures(rig, site)[port]


def test_lan_is_plain_and_wan_is_esp(imported):
    rig = imported
    marker = b"in-the-clear"
    lgctl(rig, "a", "capture", "start", "--port", "lan", "--filter", "icmp", "--file", "l.pcapng")
    lgctl(rig, "a", "capture", "start", "--port", "wan", "--file", "w.pcapng")
    subprocess.run(rig.in_ns("dc-a") + ["ping", "-q", "-c", "10", "-i", "0.05", "-p",
                                        marker.hex(), f"{LAN['b']}.2"],
                   stdout=subprocess.DEVNULL, check=True)
    lgctl(rig, "a", "capture", "stop")
    lan, wan = stopped(rig, "a", "lan"), stopped(rig, "a", "wan")
    assert lan["dropped"] == wan["dropped"] == 0
    paths = {c["port"]: os.path.join(c["directory"], c["file"]) for c in (lan, wan)}
    for path in paths.values():
        assert os.stat(path).st_mode & 0o777 == 0o600

    # Plaintext on the LAN: ten requests came in, ten replies went out.
    rows = tshark(paths["lan"], "icmp.type", "ip.src", "frame.packet_flags_direction",
                  "frame.interface_name")
    there, back = f"{LAN['a']}.2", f"{LAN['b']}.2"
    assert sorted((r[0], r[1], int(r[2], 0), r[3]) for r in rows) == sorted(
        [("8", there, 1, "lan")] * 10 + [("0", back, 2, "lan")] * 10)
    assert len(rows) == lan["packets"] == 20
    with open(paths["lan"], "rb") as f:
        assert marker in f.read()

    # The WAN has each of them in ESP, the classical channel, ARP, and nothing else.
    esp = tshark(paths["wan"], "ip.src", "frame.packet_flags_direction", show="esp")
    assert len([r for r in esp if r[0] == WAN["a"] and int(r[1], 0) == 2]) >= 10
    assert len([r for r in esp if r[0] == WAN["b"] and int(r[1], 0) == 1]) >= 10
    assert tshark(paths["wan"], "frame.number", show="not (esp or udp.port == 4790 or arp)") == []
    assert tshark(paths["wan"], "frame.number", show="icmp") == []
    with open(paths["wan"], "rb") as f:
        assert marker not in f.read()

    # Both are in the history, with who it was.
    history = rig.rpc("a", "alarm_list", {"history": 20})["history"]
    texts = [h["text"] for h in history if h["kind"] == "capture-active"]
    assert any("by uid 0" in t and "l.pcapng" in t for t in texts)
    # Off again, the cores do nothing for it.
    rig.ping(3, interval=0.05)
    assert captures(rig, "a")["lan"]["seen"] == lan["seen"]


def test_packets_snap_length_and_refusals(imported):
    rig = imported
    lgctl(rig, "b", "capture", "start", "--port", "lan", "--direction", "tx", "--snap-length",
          "34", "--packets", "3", "--filter", f"icmp and host {LAN['a']}.2")
    rig.ping(6, interval=0.05)
    done = stopped(rig, "b", "lan")
    assert done["packets"] == 3 and "number of packets" in done["reason"]
    rows = tshark(os.path.join(done["directory"], done["file"]), "frame.cap_len", "frame.len")
    assert rows == [["34", "98"]] * 3

    for words, part in ((["--port", "lan", "--filter", "tcp port"], "/params/filter: "),
                        (["--port", "lan", "--filter", "host example.com"], "example.com"),
                        (["--port", "dmz"], "/params/port: "),
                        (["--port", "lan", "--file", "../x"], "/params/file: ")):
        refused = lgctl(rig, "b", "capture", "start", *words, check=False)
        assert refused.returncode == 1 and part in refused.stderr

    # Who may not use the socket learns nothing from the files either.
    nobody = pwd.getpwnam("nobody").pw_uid
    read = subprocess.run(["cat", os.path.join(done["directory"], done["file"])], user=nobody,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert read.returncode != 0


def test_latency_of_pings(imported):
    rig = imported
    lgctl(rig, "a", "latency", "start")
    assert rig.ping(20, interval=0.02)[1] == 20
    lgctl(rig, "a", "latency", "stop")
    shown = rig.rpc("a", "latency_show")
    by_port = {d["to"]: d for d in shown["latency"]}
    for port in ("lan", "wan"):
        d = by_port[port]
        assert d["packets"] >= 20
        assert 0 < d["p50_ns"] <= d["p99_ns"] <= d["max_ns"] < 1_000_000_000
    assert shown["running"] is False
