# SPDX-License-Identifier: BSD-3-Clause
"""Key delivery when the other site, the disk or the clock is not as it should be. docs/kms.md has
what it does then; whatever it does, no key is given twice and none differs."""

import os
import random
import signal
import struct
import subprocess
import time

import pytest

import kms_gateways
from conftest import ROOT
from kme import KmeError, Lab
from kms import NOT_FOUND, deliver, fetch, is_error, issue, keys_of, stored

AB, BA = ("a-1", "b-1"), ("b-1", "a-1")


def clients(lab):
    return lab.client("a-1"), lab.client("b-1")


def alarms(kme):
    return [x["kind"] for x in kme.call("alarm_list")["alarms"] if x["active"]]


# --- the other site ----------------------------------------------------------------------------

def test_partition(capsys):
    """What both have goes on being delivered; what needs the peer's word is refused in time."""
    with Lab(saes=("a-1", "b-1", "b-2"), rate=200_000) as lab:
        lab.wait_key(1000)
        a, b = clients(lab)
        keys = issue(a, "b-1", 20)
        lab.gateways.part()
        lab.wait_for(lambda: a.status("b-1").json["status_extension"]["lumengate_link_state"] != "up",
                     5, "the state of the link")
        assert fetch(b, "a-1", [i for i, _ in keys]) == keys
        deliver(a, b, AB, 20)
        deliver(b, a, BA, 20)
        began = time.monotonic()
        reply = a.enc("b-1", additional_slave_SAE_IDs=["b-2"])
        is_error(reply, 503)
        assert time.monotonic() - began < 8
        assert int(reply.headers["retry-after"]) >= 1
        lab.gateways.join()
        lab.wait_for(lambda: a.enc("b-1", additional_slave_SAE_IDs=["b-2"]).status == 200, 10,
                     "grants again")
        deliver(a, b, AB, 20)


def test_silence_between_the_sites():
    """Nobody says that the session is gone, but no message comes through."""
    with Lab(saes=("a-1", "b-1", "b-2")) as lab:
        lab.wait_key()
        a, b = clients(lab)
        lab.gateways.part(silent=True)
        began = time.monotonic()
        reply = a.enc("b-1", 3, additional_slave_SAE_IDs=["b-2"])
        assert reply.status == 503 and time.monotonic() - began < 8
        is_error(reply, 503)
        deliver(a, b, AB, 5)
        lab.gateways.join()
        lab.wait_for(lambda: a.enc("b-1", additional_slave_SAE_IDs=["b-2"]).status == 200, 15,
                     "grants again")


def test_a_gateway_that_goes_and_comes():
    with Lab() as lab:
        lab.wait_key()
        a, b = clients(lab)
        for _ in range(3):
            with lab.gateways.lock:
                lab.gateways.sides["a"].lose()
            deliver(a, b, AB, 5)
            lab.wait_for(lambda: lab.gateways.sides["a"].greeted, 10, "a new connection")
        before = lab.gateways.sides["a"].stats["stored"]
        # There is no room until a part of what is stored has gone.
        lab.wait_for(lambda: deliver(a, b, AB, 128, 1024) and deliver(b, a, BA, 128, 1024) and
                     lab.gateways.sides["a"].stats["stored"] > before, 10, "fresh key")
        assert lab.gateways.sides["a"].stats["refused"] == 0


def test_a_start_without_the_gateway():
    """What is stored is given and fetched: the link is known from before."""
    with Lab() as lab:
        lab.wait_key(16000)  # more than a crash loses of what was reserved
        a, b = clients(lab)
        keys = issue(a, "b-1", 5)
        for site, kme in lab.kme.items():
            os.rename(lab.gateway_socket(site), lab.gateway_socket(site) + ".away")
            kme.kill()
            kme.start(wait=False)
            lab.wait_for(kme.answers, 20, "the KME without its gateway")
        a, b = clients(lab)
        assert fetch(b, "a-1", [i for i, _ in keys]) == keys
        # What may be given is reserved within a moment of the start.
        for c, peer in ((a, "b-1"), (b, "a-1")):
            lab.wait_for(lambda: c.enc(peer).status == 200, 3, "key to give")
        deliver(a, b, AB, 5)
        deliver(b, a, BA, 5)
        assert a.status("b-1").json["status_extension"]["lumengate_link_state"] != "up"
        for site in "ab":
            os.rename(lab.gateway_socket(site) + ".away", lab.gateway_socket(site))
        lab.wait_for(lambda: a.status("b-1").json["status_extension"]["lumengate_link_state"] == "up",
                     10, "the gateways")


def test_a_gateway_that_is_not_understood(monkeypatch):
    """It is named in an alarm, and asked again without filling the log."""
    with Lab(saes=()) as lab:
        kme = lab.kme["a"]
        monkeypatch.setattr(kms_gateways, "SAID_VERSION", kms_gateways.VERSION + 1)
        with lab.gateways.lock:
            lab.gateways.sides["a"].lose()
        lab.wait_for(lambda: "kms-gateway" in alarms(kme), 10, "the alarm")
        lines = len(kme.log().splitlines())
        assert kme.call("kms_status")["gateway"]["bad_packets"] > 0
        time.sleep(1)
        assert len(kme.log().splitlines()) - lines < 4
        monkeypatch.undo()
        lab.wait_for(lambda: "kms-gateway" not in alarms(kme), 10, "a gateway that is understood")
        with lab.gateways.lock:
            lab.gateways.sides["a"].send(bytes([kms_gateways.PEER, 255]))
        lab.wait_for(lambda: kme.call("kms_status")["gateway"]["peer_unknown"] == 1, 5,
                     "the count of what the other KME says")


@pytest.mark.long
def test_divergence_is_seen_and_voided():
    """A segment that one end alone has, and one that differs, are given by nobody once the audit has
    compared them; both operators learn of it; what is alike is delivered as before."""
    with Lab(saes=("a-1", "b-1"), rate=0) as lab:
        good = os.urandom(512 * 8)
        lab.gateways.give(2, good)
        lab.gateways.give(2, os.urandom(512 * 8), sites=("a",))
        lab.gateways.give(2, os.urandom(512 * 8), other=os.urandom(512 * 8))
        lab.gateways.give(3, good[::-1])
        a, b = clients(lab)
        lab.wait_for(lambda: stored(a, "b-1") == 3 * 128, 10, "key")
        for site in "ab":
            lab.wait_for(lambda: "kms-divergence" in alarms(lab.kme[site]), 30, "the alarm")
        lab.wait_for(lambda: stored(a, "b-1") == 128, 5, "no more than what both have")
        assert b"".join(k for _, k in deliver(a, b, AB, 128)) == good
        is_error(a.enc("b-1"), 503)
        deliver(b, a, BA, 128)


# --- the disk ----------------------------------------------------------------------------------

class SmallDisk:
    """A file system of a few megabytes under a KME's folder."""

    def __init__(self, path, megabytes):
        self.path = path
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", path],
                       check=True)

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as f:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while f.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        os.unlink(os.path.join(self.path, "filler"))

    def umount(self):
        subprocess.run(["umount", "-l", self.path], check=False)


@pytest.fixture
def disk_lab():
    """A lab whose databases are on small disks: {site: SmallDisk}."""
    if os.geteuid() != 0:
        pytest.skip("mounts a file system: as root")
    with Lab(start=False, rate=300_000) as lab:
        disks = {}
        try:
            for site, kme in lab.kme.items():
                os.mkdir(kme.path("disk"))
                disks[site] = SmallDisk(kme.path("disk"), 24)
                kme.settings = {"store": {"path": kme.path("disk/kms.db")}}
            lab.start()
            for sae in ("a-1", "b-1"):
                lab.add_sae(sae)
            lab.wait_key(200)
            yield lab, disks
        finally:
            for kme in lab.kme.values():
                kme.end()
            for disk in disks.values():
                disk.umount()


def test_full_disk(disk_lab):
    """No fetch is answered that could be repeated, no key is lost, and it goes on by itself."""
    lab, disks = disk_lab
    a, b = clients(lab)
    keys = issue(a, "b-1", 10)
    disks["a"].fill(), disks["b"].fill()
    replies = [b.dec("a-1", [i]) for i, _ in keys]
    undone = [k for k, r in zip(keys, replies) if r.status != 200]
    for k, r in zip(keys, replies):
        if r.status == 200:
            assert keys_of(r) == [k]
            is_error(b.dec("a-1", k[0]), 400, NOT_FOUND)
        else:
            is_error(r, 503)
    # What was reserved ahead may be given still; then there is none.
    for _ in range(200):
        r = a.enc("b-1", 128, 1024)
        if r.status != 200:
            break
    is_error(r, 503)
    lab.wait_for(lambda: any("store" in k or "disk" in k for s in "ab" for k in alarms(lab.kme[s])),
                 10, "an alarm")
    disks["a"].free(), disks["b"].free()
    lab.wait_for(lambda: a.enc("b-1").status == 200, 20, "key again")
    assert undone
    for k in undone:
        assert fetch(b, "a-1", k[0]) == [k]
    lab.wait_for(lambda: deliver(a, b, AB, 20), 10, "delivery")


def test_read_only_disk_at_start(disk_lab):
    lab, disks = disk_lab
    kme = lab.kme["a"]
    kme.end()
    subprocess.run(["mount", "-o", "remount,ro", disks["a"].path], check=True)
    kme.start(wait=False)
    assert kme.process.wait(10) != 0
    kme.process = None
    assert "read-only" in kme.log().lower()
    subprocess.run(["mount", "-o", "remount,rw", disks["a"].path], check=True)
    kme.start()
    a, b = clients(lab)
    lab.wait_key()
    deliver(a, b, AB, 20)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_database(seed):
    """Bytes of the file change while nobody looks: it says so, or gives only what is right."""
    with Lab() as lab:
        lab.wait_key()
        a, b = clients(lab)
        old = deliver(a, b, AB, 64) + deliver(b, a, BA, 64)
        left = issue(a, "b-1", 64)
        a.close(), b.close()
        kme = lab.kme["a" if seed % 2 else "b"]
        assert kme.end() == 0
        dice = random.Random(seed)
        size = os.path.getsize(kme.path("kms.db"))
        with open(kme.path("kms.db"), "r+b") as f:
            for _ in range(4):
                f.seek(dice.randrange(4096, size - 64))
                f.write(dice.randbytes(64))
        kme.start(wait=False)
        try:
            kme.wait_ready(10)
        except KmeError:
            assert kme.process is None or kme.process.poll() not in (None, 0, -11, -6)
            kme.process = None
            assert "damaged" in kme.log() or "malformed" in kme.log() or "corrupt" in kme.log()
            return
        got = b.dec("a-1", [i for i, _ in left])
        if got.status == 200:
            assert [(k["key_ID"]) for k in got.json["keys"]] == [i for i, _ in left]
        for i, _ in old[:8]:
            assert b.dec("a-1", i).status in (400, 503)
        lab.wait_for(lambda: a.enc("b-1", 8).status == 200, 20, "key from what is whole")
        fresh = issue(a, "b-1", 32)
        assert not {k for _, k in fresh} & {k for _, k in old + left}


def test_wrong_storage_key():
    with Lab() as lab:
        lab.wait_key()
        kme = lab.kme["a"]
        kme.end()
        with open(kme.path("storage.key"), "wb") as f:
            f.write(os.urandom(32))
        kme.start(wait=False)
        assert kme.process.wait(10) != 0
        kme.process = None
        assert "storage key" in kme.log() or "storage-key" in kme.log()


# --- the clock ---------------------------------------------------------------------------------

def test_clock_that_jumps():
    """While it runs, the wall clock is not asked how old keys are. Over a stop it is: forward, keys
    expire; back, none comes to life again."""
    module = os.path.join(ROOT, "build/tests/system/clock_shift.so")
    with Lab(saes=("a-1", "b-1"), start=False, settings={"store": {"ttl-s": 3600}}) as lab:
        shift = os.path.join(lab.folder, "shift")

        def jump(hours):
            with open(shift, "r+b" if os.path.exists(shift) else "wb") as f:
                f.write(struct.pack("q", hours * 3600))
            lab.gateways.clock_shift = hours * 3600

        def restart(hours):
            # A segment that one end has and the other gets after the jump is of two ages.
            lab.gateways.set_rate(0)
            lab.wait_for(lambda: not any(x.pending for x in lab.gateways.sides.values()), 5, "quiet")
            for kme in lab.kme.values():
                assert kme.end() == 0
            a.close(), b.close()
            jump(hours)
            lab.start()
            lab.gateways.set_rate(None)
            lab.wait_key()

        jump(0)
        for kme in lab.kme.values():
            kme.prefix = ("env", f"LD_PRELOAD={module}", f"CLOCK_SHIFT={shift}")
        lab.start()
        for sae in ("a-1", "b-1"):
            lab.add_sae(sae)
        lab.wait_key(200)
        a, b = clients(lab)
        old = deliver(a, b, AB, 8)
        left = issue(a, "b-1", 8)
        for hours, some in ((3, left[:4]), (0, left[4:])):
            jump(hours)
            time.sleep(1.2)  # some work of each second
            assert fetch(b, "a-1", [i for i, _ in some]) == some
            deliver(b, a, BA, 8)
        restart(0)
        left = issue(a, "b-1", 8)
        restart(3)
        for i, _ in left + old:
            is_error(b.dec("a-1", i), 400, NOT_FOUND)
        restart(0)
        for i, _ in left + old:
            is_error(b.dec("a-1", i), 400, NOT_FOUND)
        lab.wait_key(200)
        fresh = deliver(a, b, AB, 64) + deliver(b, a, BA, 64)
        assert not {k for _, k in fresh} & {k for _, k in old + left}


# --- the process -------------------------------------------------------------------------------

@pytest.mark.parametrize("site", ["a", "b"])
def test_a_stop_gives_everything_back(site):
    """A clean stop loses no key at all."""
    with Lab(saes=("a-1", "b-1"), rate=0) as lab:
        for kind in (2, 3):
            lab.gateways.give(kind, os.urandom(4096 * 8))
        a, b = clients(lab)
        lab.wait_for(lambda: stored(a, "b-1") + stored(b, "a-1") == 2 * 1024, 10, "key")
        keys = issue(a, "b-1", 100)
        a.close(), b.close()
        kme = lab.kme[site]
        assert kme.end(signal.SIGTERM) == 0
        kme.start()
        # Who may take how much is reckoned within a moment of the start.
        lab.wait_for(lambda: stored(a, "b-1") == 1024 - 100, 3, "all that was left")
        assert fetch(b, "a-1", [i for i, _ in keys]) == keys
        while stored(a, "b-1") > 0:
            n = min(128, stored(a, "b-1"))
            more = issue(a, "b-1", n)
            assert fetch(b, "a-1", [i for i, _ in more]) == more
