# SPDX-License-Identifier: BSD-3-Clause
"""Two gateways for scripts/bench control, without a kernel or a NIC between them.

    frames of a file, over and over (net_pcap) --> gw-a ==memif==> wire ==memif== gw-b

They are the product's own program, started as it is in operation, with keys that are imported.
What is measured is gw-a: its forwarding core seals all that comes, as fast as it goes.
"""

import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from ipsec_mb import newer_library
from programs import program
from rfc2544 import Program
from rig import RigError, call

SITES = ("a", "b")
LAN = {"a": "10.1.0", "b": "10.2.0"}
WAN = {"a": "192.0.2.1", "b": "192.0.2.2"}
LAN_MAC = b"\x02pcap\x00"  # of DPDK's first net_pcap
FLOWS = 256
SIZE = 512             # of a frame
KEYS = 2048            # of one import: 64 KiB
MEMORY_MB = 192        # a gateway's packets
SECRET_MB = 64         # a gateway's keys
FREE_MB = len(SITES) * (MEMORY_MB + SECRET_MB) + 128
REKEY_MS = 500
WIRE_MB = 128
OTHERS, MEASURED = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
FORWARDER = "rte-worker-1"
HERE = os.path.dirname(os.path.abspath(__file__))
PRIORITY = -15         # nice, of what is measured and what it needs


def prefer(pid, realtime=False):
    """PID, which leads a session, goes before what else the machine does, where that is allowed."""
    try:
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as f:
            f.write(str(PRIORITY))
    except OSError:
        pass
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            os.setpriority(os.PRIO_PROCESS, int(tid), PRIORITY)
            if realtime:
                os.sched_setscheduler(int(tid), os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            pass


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def frame(size, flow):
    """UDP of flow number FLOW from site a's LAN to site b's, SIZE bytes without FCS."""
    host = bytes((10, 1, 0, 2 + flow % 250)), bytes((10, 2, 0, 2 + flow % 250))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size - 14, flow, 0, 64, 17, 0, *host)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 1024 + flow, 4000, size - 34, 0)
    return LAN_MAC + b"\x02\0\0\0\0\x01\x08\0" + ip + udp + bytes(size - 42)


def write_pcap(path, size):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for flow in range(FLOWS):
            data = frame(size, flow)
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


class Pair:
    def __init__(self, build, config_dir, huge):
        self.build, self.config_dir, self.huge = build, config_dir, huge
        self.folder = tempfile.mkdtemp(prefix="lumengate-bench-")
        self.processes = {}
        self.wire = None
        self.swarms = []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def socket(self, site):
        return self.path(site, "control.sock")

    def prefix(self, site):
        return f"lumengate-bench-{os.getpid()}-{site}"

    def config(self, site):
        other = "b" if site == "a" else "a"
        wire = f"net_memif0,role=client,id={SITES.index(site)},socket={self.path('wan.sock')}," \
               "socket-abstract=no"
        lan = f"net_pcap0,rx_pcap={self.path('lan.pcap')},infinite_rx=1" if site == "a" else \
            "net_null0,no-rx=1"
        gateway = {
            "name": f"gw-{site}", "site": site, "link": "bench",
            "resources": {"forward-lcores": 1, "memory-mib": MEMORY_MB, "hugepages": self.huge,
                          "file-prefix": self.prefix(site)},
            "port": {"lan": {"device": lan, "mtu": 1400, "address": [f"{LAN[site]}.1/24"]},
                     "wan": {"device": wire, "mtu": 1500, "address": [f"{WAN[site]}/30"]}},
            "tunnel": [{"name": "dc", "local": WAN[site], "remote": WAN[other], "liveness-losses": 0,
                        "rekey": {"period-ms": REKEY_MS, "hard-life-ms": 60000, "profile": "lan"}}],
            "route": [{"prefix": f"{LAN[other]}.0/24", "tunnel": "dc"}],
            "channel": {"local": WAN[site], "remote": WAN[other], "port": 4790,
                        "psk-file": self.path(site, "psk")},
            "qkd": {"enabled": False, "source": {"mu1": "0.3", "mu2": "0.1", "p-mu1": "0.3", "p-z": "0.8"},
                    "block-bits": 1000000},
            "keystore": {"path": self.path(site, "keys.db"),
                         "storage-key": self.path(site, "storage.key")},
            "control": {"socket": self.socket(site)},
        }
        if newer_library() is not None:
            gateway["resources"]["ipsec-mb"] = newer_library()
        return {"lumengate:gateway": gateway}

    def write_secret(self, site, name, data):
        fd = os.open(self.path(site, name), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.close(fd)

    def start(self):
        write_pcap(self.path("lan.pcap"), SIZE)
        self.wire = Program([program("tests/bench/dataplane_wire"), "--socket", self.path("wan.sock"), "--cpu",
                             str(OTHERS), "--memory", str(WIRE_MB), *(["--hugepages"] if self.huge else [])],
                            self.path("wire.log"), start_new_session=True)
        self.wire.line()
        psk = os.urandom(65536)
        for site in SITES:
            os.mkdir(self.path(site), 0o700)
            self.write_secret(site, "psk", psk)
            self.write_secret(site, "storage.key", os.urandom(32))
            with open(self.path(site, "config.json"), "w", encoding="utf-8") as f:
                json.dump(self.config(site), f)
            with open(self.path(site, "log"), "wb") as log:
                self.processes[site] = subprocess.Popen(
                    [os.path.join(self.build, "control/lumengate"), "--config",
                     self.path(site, "config.json"), "--yang-dir", self.config_dir],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            self.wait(lambda site=site: self.rpc(site, "status"), 30, f"gw-{site} answers")
        self.wait(lambda: self.rpc("a", "link_show")["channel"]["state"] == "up", 30, "the channel is up")
        self.import_keys()
        self.wait(lambda: self.sealed() > 0, 30, "the first packet is sealed")
        # Who sends garbage is not held up by the others.
        self.swarms = [Program([sys.executable, os.path.join(HERE, "control_clients.py"), self.socket("a")],
                               self.path(f"clients-{i}.log"), start_new_session=True) for i in range(2)]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket("a"))
            self.line = s.makefile("rwb", buffering=0)
        self.forwarder = self.thread("a", FORWARDER)

    def import_keys(self):
        """Keys for some twenty minutes."""
        data = base64.b64encode(os.urandom(32 * KEYS)).decode()
        for site in SITES:
            self.rpc(site, "keystore_import", {"data": data})

    def rpc(self, site, method, params=None):
        return call(self.socket(site), method, params)

    def sealed(self, site="a"):
        return self.rpc(site, "counter_list", {"prefix": "esp.sealed"})["esp.sealed"]

    def thread(self, site, name):
        pid = self.processes[site].pid
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    return int(tid)
        raise RigError(f"gw-{site} has no thread {name}")

    def place(self, together):
        """The forwarding core of gw-a gets a CPU; the rest of gw-a, TOGETHER, too; all else the other."""
        for process in (*self.processes.values(), self.wire.process, *(s.process for s in self.swarms)):
            for tid in os.listdir(f"/proc/{process.pid}/task"):
                measured = int(tid) == self.forwarder or together and process is self.processes["a"]
                os.sched_setaffinity(int(tid), {MEASURED if measured else OTHERS})
        # The wire and the other gateway need little, and are never what gw-a waits for.
        for process in (self.wire.process, self.processes["b"]):
            prefer(process.pid, realtime=True)
        for process in (self.processes["a"], *(s.process for s in self.swarms)):
            prefer(process.pid)

    def clients(self, kinds):
        """These KINDS of clients connect; none: all go. What those that went did and saw."""
        counts = {}
        for some, swarm in zip(([k for k in kinds if k != "garbage"], [k for k in kinds if k == "garbage"]),
                               self.swarms):
            swarm.say(" ".join(("on", *some)) if some else "off")
            counts.update(json.loads(swarm.line()))
        return counts

    def cpu_ns(self, tid):
        with open(f"/proc/{self.processes['a'].pid}/task/{tid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])

    def ask(self, method, params=None):
        """A call on a connection to gw-a that stays, as an operator's program has one."""
        self.line.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}).encode())
        return json.loads(self.line.readline())["result"]

    def reading(self):
        return (time.monotonic(), self.cpu_ns(self.forwarder), self.cpu_ns(self.processes["a"].pid),
                self.ask("counter_list", {"prefix": "esp.sealed"})["esp.sealed"],
                self.ask("tunnel_list")["tunnels"][0]["rekeys"])

    def spell(self, seconds):
        """What gw-a did for so long; a call of another client's each 50 ms meanwhile."""
        before, slowest = self.reading(), 0.0
        while (now := time.monotonic()) < before[0] + seconds:
            self.ask("tunnel_list")
            slowest = max(slowest, time.monotonic() - now)
            time.sleep(0.05)
        wall, cpu, control, sealed, rekeys = (b - a for a, b in zip(before, self.reading()))
        return {"per_cpu_s": sealed / cpu * 1e9, "per_s": sealed / wall,
                "control": control / wall / 1e9, "call_ms": slowest * 1e3, "rekeys": rekeys,
                "cpu_share": cpu / wall / 1e9}

    def wait(self, condition, seconds, what):
        until = time.monotonic() + seconds
        while True:
            for site, process in self.processes.items():
                if process.poll() is not None:
                    raise RigError(f"gw-{site} ended with status {process.returncode}: {self.last(site)}")
            try:
                if condition():
                    return
            except (OSError, RigError):
                pass
            if time.monotonic() > until:
                raise RigError(f"{what}: not within {seconds} s: {self.last('a')} / {self.last('b')}")
            time.sleep(0.05)

    def last(self, site):
        with open(self.path(site, "log"), encoding="utf-8", errors="replace") as f:
            return " / ".join(f.read().strip().splitlines()[-3:])

    def stop(self):
        for helper in (*self.swarms, *([self.wire] if self.wire else [])):
            helper.__exit__()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        for site in SITES:
            shutil.rmtree(f"/var/run/dpdk/{self.prefix(site)}", ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()
