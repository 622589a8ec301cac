# SPDX-License-Identifier: BSD-3-Clause
"""What must never happen: key from the wrong fibre, traffic without key, trust in strangers."""

import json
import mmap
import os
import struct
import subprocess
import threading
import time

import pytest

from rig import ROOT


def alarms(rig, site):
    return {a["kind"] for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def test_no_key_no_plaintext(rig):
    """Ports are up, the policy is there, keys are not: nothing leaves."""
    rig.start_watch()
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    assert rig.ping(5, wait=1)[1] == 0
    status = rig.rpc("a", "status")
    assert status["drops"]["drop.no_key"] >= 5
    assert "no-key" in alarms(rig, "a")
    capture = rig.stop_watch()
    assert capture["plaintext"] == 0 and capture["other"] == 0 and capture["esp"] == 0


class Lamp(threading.Thread):
    """Drives a transmitter that no gateway drives: lit for key, over the card's registers
    (drivers/card_regs.h) and the mailbox of the shared-memory transport."""

    CTRL, WATCHDOG = 0x020, 0x03c
    TX_APPLY, TX_MODE, TX_MU1, TX_MU2, TX_P_MU1, TX_P_Z = 0x200, 0x204, 0x208, 0x20c, 0x210, 0x214
    MBOX_OFFSET, MBOX_VALUE, MBOX_SEQ, MBOX_DONE = 0xff00, 0xff04, 0xff08, 0xff0c

    def __init__(self, path):
        super().__init__(daemon=True)
        with open(path, "r+b") as f:
            self.bar = mmap.mmap(f.fileno(), 65536)
        self.stopping = threading.Event()
        self.write(self.CTRL, 1)
        for register, share in ((self.TX_MU1, 0.3), (self.TX_MU2, 0.1), (self.TX_P_MU1, 0.3),
                                (self.TX_P_Z, 0.8)):
            self.write(register, int(share * 65536))
        self.write(self.TX_MODE, 1)
        self.write(self.TX_APPLY, 1)
        self.write(self.WATCHDOG, 2000)
        self.write(self.CTRL, 3)
        self.start()

    def word(self, offset):
        return struct.unpack_from("<I", self.bar, offset)[0]

    def write(self, register, value):
        deadline = time.monotonic() + 2
        while self.word(self.MBOX_DONE) != self.word(self.MBOX_SEQ):
            assert time.monotonic() < deadline, "the card does not take writes"
            time.sleep(0.0005)
        struct.pack_into("<I", self.bar, self.MBOX_OFFSET, register)
        struct.pack_into("<I", self.bar, self.MBOX_VALUE, value)
        struct.pack_into("<I", self.bar, self.MBOX_SEQ, self.word(self.MBOX_SEQ) + 1)

    def run(self):
        while not self.stopping.wait(0.3):
            self.write(self.WATCHDOG, 2000)

    def stop(self):
        self.stopping.set()
        self.join()


@pytest.mark.long
def test_cross_wired_fibre_never_keys(rig):
    """Alice of one link and Bob of another: no alignment or 50 % errors, never key."""
    rig.start_model()
    other = rig.path("sim", "other.sock")
    # A second link; its receiver's file takes the place of ours, its transmitter is lit.
    rig.start("model-2", rig.prefer(-15) + [
        rig.program("lumengate-optics-sim"), "--alice", rig.path("sim", "alice-2"), "--bob",
        rig.path("site-b", "card"), "--control", other])
    rig.wait_for(lambda: os.path.exists(other) and os.path.exists(rig.path("sim", "alice-2")),
                 10, "the second model")
    lamp = Lamp(rig.path("sim", "alice-2"))
    try:
        for site in ("a", "b"):
            rig.start_gateway(site)
        for site in ("a", "b"):
            rig.wait_ready(site)
        rig.wait_for(lambda: rig.rpc("b", "link_show")["engine"]["detections"] > 5_000_000, 60,
                     "light on the receiver")
        rig.wait_for(lambda: "sync" in alarms(rig, "b"), 60, "the alarm")
        time.sleep(5)
    finally:
        lamp.stop()
    for site in ("a", "b"):
        engine = rig.rpc(site, "link_show")["engine"]
        assert engine["secret_bits"] == 0 and engine["blocks_ok"] == 0
        assert rig.rpc(site, "keystore_show")["available"]["rekey"] == 0


def test_mismatched_secrets_make_no_key(rig):
    with open(rig.path("site-b", "psk"), "r+b") as f:
        f.write(os.urandom(64))
    rig.start_model()
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    rig.wait_for(lambda: "authentication" in alarms(rig, "a") or
                 "authentication" in alarms(rig, "b"), 20, "the authentication alarm")
    time.sleep(3)
    for site in ("a", "b"):
        assert rig.rpc(site, "link_show")["channel"]["state"] != "up"
        assert rig.rpc(site, "link_show")["engine"]["blocks_ok"] == 0


FORGE = """
import os, socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("br0", 0))
mac = bytes.fromhex(sys.argv[1])
src, dst = (socket.inet_aton(a) for a in sys.argv[2:4])
def checksum(b):
    t = sum(struct.unpack("!10H", b)); t = (t >> 16) + (t & 0xffff); t += t >> 16
    return ~t & 0xffff
def send(proto, payload):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0, src, dst)
    h = h[:10] + struct.pack("!H", checksum(h)) + h[12:]
    s.send(mac + bytes(6) + b"\\x08\\x00" + h + payload)
for i in range(200):
    send(50, struct.pack("!II", int(sys.argv[4], 0), i + 1) + os.urandom(64))
    udp = os.urandom(i * 5)
    send(17, struct.pack("!HHHH", 4790, 4790, 8 + len(udp), 0) + udp)
"""


def test_forged_packets_are_counted_and_dropped(sites):
    rig = sites
    mac = rig.rpc("b", "status")["ports"]["wan"]["mac"].replace(":", "")
    spi = next(sa["spi"] for sa in rig.rpc("b", "sa_list")["sas"] if sa["direction"] == "receive")
    before = rig.rpc("b", "status")
    subprocess.run(rig.in_ns("wan") + ["/usr/bin/python3", "-c", FORGE, mac, "192.0.2.1",
                                       "192.0.2.2", str(spi)], check=True)
    time.sleep(1)
    after = rig.rpc("b", "status")
    channel = rig.rpc("b", "link_show")["channel"]
    forged = sum(after["drops"].get(n, 0) - before["drops"].get(n, 0)
                 for n in ("drop.auth", "drop.no_sa", "drop.replay"))
    assert forged >= 200
    assert channel["bad_format"] + channel["bad_mac"] + channel["replayed"] >= 150
    assert rig.ping(10, 0.05)[1] == 10


def test_each_site_sees_only_its_own(sites):
    """Neither the other site's files nor the model's are in a gateway's mount namespace."""
    rig = sites
    for site, other in (("a", "b"), ("b", "a")):
        def listing(path):
            return subprocess.run(rig.in_gateway(site) + ["ls", "-A", path],
                                  stdout=subprocess.PIPE, text=True).stdout.split()
        assert "card" in listing(rig.path("site-" + site))
        assert listing(rig.path("site-" + other)) == []
        assert listing(rig.path("sim")) == []


def test_no_symbol_of_the_model_in_the_gateway(rig):
    def symbols(program, *options):
        out = subprocess.run(["nm", *options, program], stdout=subprocess.PIPE, text=True).stdout
        return {line.split()[-1] for line in out.splitlines() if len(line.split()) > 1}

    ours = symbols(rig.program("lumengate"))
    # The closed form (drivers/physics) is nobody's secret: planning uses it, too.
    closed = symbols(os.path.join(rig.build, "drivers/physics/libphysics.a"),
                     "--defined-only")
    theirs = {s for s in symbols(rig.program("lumengate-optics-sim"), "--defined-only") - closed
              if s.startswith(("physics_", "shm_card_", "clicks_", "attack_", "otdr_", "sim_"))}
    assert len(theirs) > 10
    assert not ours & theirs


def test_key_bytes_show_nowhere(imported):
    rig = imported
    with open(rig.path("keys"), "rb") as f:
        key = f.read(32)
    os.unlink(rig.path("keys"))
    shown = "".join(str(rig.rpc(s, m)) for s in "ab"
                    for m in ("status", "keystore_show", "sa_list", "tunnel_list", "config_get"))
    shown += rig.log_text("gw-a") + rig.log_text("gw-b")
    assert key.hex() not in shown.lower()
    for site in "ab":
        with open(rig.path("site-" + site, "keys.db"), "rb") as f:
            assert key[:16] not in f.read()


def test_bad_configuration_is_one_line_and_status_2(rig):
    def start(config):
        with open(rig.path("bad.json"), "w") as f:
            json.dump(config, f)
        done = subprocess.run([rig.program("lumengate"), "--config", rig.path("bad.json"),
                               "--yang-dir", os.path.join(ROOT, "config")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=20)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    def changed(*path, value):
        config = rig.config("a")
        at = config["lumengate:gateway"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        return start(config)

    says = changed("port", "lan", "mtu", value=10)
    assert "port/lan/mtu" in says
    says = changed("port", "lan", "device", value="net_af_packet0,iface=nowhere0")
    assert "nowhere0" in says
    says = changed("colour", value="blue")
    assert "colour" in says
    says = changed("port", "lan", "address", value=["10.1.0.1/24", "10.1.0.1/24"])
    assert "10.1.0.1" in says
    says = changed("qkd", "receiver", value={"holdoff-ns": 1000})  # site A has none
    assert "receiver" in says
    with open(rig.path("bad.json"), "w") as f:
        f.write("{ not json")
    done = subprocess.run([rig.program("lumengate"), "--config", rig.path("bad.json"),
                           "--yang-dir", os.path.join(ROOT, "config")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
