# SPDX-License-Identifier: BSD-3-Clause
"""Gateways between two memif ports: no-drop rate and latency after RFC 2544.

A load on a CPU of its own offers frames at a rate and counts what comes; on another CPU is
what it goes through: one gateway, two back to back, or testpmd that forwards as it is (io).
testpmd itself can neither pace what it sends nor tell how long it was under way, so that load
is a program of ours, tests/bench/dataplane/load.c; testpmd as generator and sink gives the rate
at full load.
"""

import json
import os
import select
import shutil
import socket as socket_module
import statistics
import subprocess
import tempfile
import time

from programs import program

STEPS = 7           # of the binary search: to a hundredth of the first guess
TRIALS = 3          # of which two must lose nothing
TRIAL_S = 0.3
MEMORY_MB = {"gateway": 512, "load": 128, "io": 256}
FREE_MB = sum(MEMORY_MB.values()) + 64


class LoadError(Exception):
    pass


class Program:
    """A program that is ended with the block."""

    def __init__(self, argv, log, **options):
        self.log = log
        self.text = b""
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, bufsize=0, **options)

    def fail(self, why):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            last = " / ".join(f.read().strip().splitlines()[-3:])
        raise LoadError(f"{os.path.basename(self.process.args[0])} {why}: {last}")

    def line(self, seconds=30):
        """What it says next."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                self.fail(f"says nothing for {seconds} s")
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                self.fail("ended")
            self.text += piece
        text, self.text = self.text.split(b"\n", 1)
        return text.decode()

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def memory(kind, huge):
    return ["-m", str(MEMORY_MB[kind]), "--in-memory" if huge else "--no-huge"]


def between(what, socket, directory, cpu, huge, options):
    """WHAT goes between the ports: "one", "pair" or "io"."""
    log = os.path.join(directory, f"{what}.log")
    if what != "io":
        argv = [program("tests/bench/dataplane_gateway"), "--socket", socket, "--cpu", str(cpu),
                "--memory", str(MEMORY_MB["gateway"]), *options]
        argv += ["--pair"] if what == "pair" else []
        argv += ["--hugepages"] if huge else []
        found = Program(argv, log)
        found.line()
        return found
    argv = ["dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", *memory("io", huge), "--no-pci",
            "--no-telemetry", f"--file-prefix=lumengate-io-{os.getpid()}"]
    for i in range(2):
        argv += ["--vdev",
                 f"net_memif{i},role=server,id={i},socket={socket},socket-abstract=no"]
    found = Program(argv + ["--", "--forward-mode=io", "--auto-start",
                            "--total-num-mbufs=16384", "--no-lsc-interrupt"], log)
    # Its output is buffered; that its socket is there says that it runs.
    for _ in range(200):
        if os.path.exists(socket):
            return found
        if found.process.poll() is not None:
            found.fail("ended")
        time.sleep(0.1)
    found.fail("does not listen")
    return None


class Load(Program):
    def __init__(self, socket, directory, size, cpu, huge):
        argv = [program("tests/bench/dataplane_load"), "--socket", socket, "--size", size,
                "--cpu", str(cpu), "--memory", str(MEMORY_MB["load"])]
        super().__init__(argv + (["--hugepages"] if huge else []),
                         os.path.join(directory, "load.log"))
        self.line()

    def trial(self, mpps, seconds=TRIAL_S):
        self.say(f"{mpps} {seconds}")
        return json.loads(self.line())

    def warm_up(self):
        """Until ports are connected and neighbours known."""
        for _ in range(50):
            result = self.trial(0.01, 0.1)
            if result["sent"] > result["lost"]:
                return
            time.sleep(0.1)
        raise LoadError("no frame comes through")

    def passes(self, mpps):
        """Do most of three trials lose nothing? One may be the scheduler's fault."""
        bad = 0
        for i in range(TRIALS):
            bad += self.trial(mpps)["lost"] > 0
            if bad > TRIALS // 2:
                return False
            if i + 1 - bad > TRIALS // 2:
                return True
        return True

    def no_drop_rate(self):
        """In millions a second; 0 when even the lowest rate tried loses frames."""
        low, high = 0.0, 1.2 * max(self.trial(0)["mpps"] for _ in range(TRIALS))
        for _ in range(STEPS):
            middle = (low + high) / 2
            if self.passes(middle):
                low = middle
            else:
                high = middle
        return low

    def latency(self, mpps):
        """(p50, p99) in us of the trials that lost nothing, in less than 10 ms; None: none."""
        good = [t for t in (self.trial(mpps) for _ in range(TRIALS)) if t["p99_us"] >= 0]
        if not good:
            return None
        return tuple(statistics.median(t[key] for t in good) for key in ("p50_us", "p99_us"))


class Testpmd(Program):
    """testpmd as generator and sink: a pcap file over and over into one port, and what comes
    out of the other to nowhere, as fast as it goes."""

    def __init__(self, socket, directory, size, cpu, huge):
        pcap = os.path.join(directory, "frames.pcap")
        subprocess.run([program("tests/bench/dataplane_load"), "--pcap", pcap, "--size", size],
                       check=True)
        self.prefix = f"lumengate-testpmd-{os.getpid()}"
        argv = ["dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", *memory("io", huge), "--no-pci",
                f"--file-prefix={self.prefix}"]
        devices = [f"net_pcap0,rx_pcap={pcap},infinite_rx=1",
                   f"net_memif0,role=client,id=0,socket={socket},socket-abstract=no",
                   f"net_memif1,role=client,id=1,socket={socket},socket-abstract=no",
                   "net_null0,no-rx=1"]
        # In pairs: from the first to the second, from the third to the fourth.
        for device in devices:
            argv += ["--vdev", device]
        super().__init__(argv + ["--", "--forward-mode=io", "--auto-start",
                                 "--total-num-mbufs=16384", "--no-lsc-interrupt"],
                         os.path.join(directory, "testpmd.log"))

    def received(self):
        """Packets that came by the third port."""
        with socket_module.socket(socket_module.AF_UNIX, socket_module.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            s.connect(f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2")
            s.recv(1 << 16)
            s.send(b"/ethdev/list")
            ports = json.loads(s.recv(1 << 16))["/ethdev/list"]
            for port in ports:
                s.send(f"/ethdev/info,{port}".encode())
                if json.loads(s.recv(1 << 16))["/ethdev/info"]["name"] == "net_memif1":
                    s.send(f"/ethdev/stats,{port}".encode())
                    return json.loads(s.recv(1 << 16))["/ethdev/stats"]["ipackets"]
        return 0

    def rate(self):
        """In millions a second, the median of some spells, once packets come."""
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.received() > 0:
                    break
            except OSError:
                pass
            if self.process.poll() is not None:
                self.fail("ended")
            if time.monotonic() > deadline:
                self.fail("lets no frame through")
            time.sleep(0.1)
        found = []
        for _ in range(TRIALS):
            before, start = self.received(), time.monotonic()
            time.sleep(TRIAL_S)
            found.append((self.received() - before) / (time.monotonic() - start) / 1e6)
        return statistics.median(found)

    def __exit__(self, *exc):
        super().__exit__(*exc)
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)


def saturate(what, size, cpus, huge, options=()):
    """What testpmd as generator and sink brings through WHAT."""
    with tempfile.TemporaryDirectory(prefix="lumengate-load-") as directory:
        socket = os.path.join(directory, "memif.sock")
        with between(what, socket, directory, cpus[0], huge, list(options)), \
                Testpmd(socket, directory, size, cpus[1], huge) as generator:
            return generator.rate()


def measure(what, size, rates, cpus, huge, options=()):
    """No-drop rate of WHAT, and latencies at RATES, or at half of what was found."""
    with tempfile.TemporaryDirectory(prefix="lumengate-load-") as directory:
        socket = os.path.join(directory, "memif.sock")
        with between(what, socket, directory, cpus[0], huge, list(options)), \
                Load(socket, directory, size, cpus[1], huge) as load:
            load.warm_up()
            rate = load.no_drop_rate()
            return rate, [load.latency(r) for r in rates or [rate / 2] if r > 0]


def rows(wanted, cpus, huge, options=()):
    """A row for each (kind, size) of WANTED, kind "one" or "pair"; sizes are run together."""
    for size in dict.fromkeys(size for _, size in wanted):
        kinds = [kind for kind, s in wanted if s == size]
        found = {kind: measure(kind, size, None, cpus, huge, options) for kind in kinds}
        full = {kind: saturate(kind, size, cpus, huge, options) for kind in kinds}
        halves = [rate / 2 for rate, _ in found.values()]
        io_rate, io_times = measure("io", size, halves, cpus, huge)
        io_times = dict(zip((h for h in halves if h > 0), io_times))
        for kind in kinds:
            rate, times = found[kind]
            row = {"kind": kind, "size": size, "mpps": round(rate, 4),
                   "io_mpps": round(io_rate, 4)}
            if io_rate > 0:
                row["ratio_to_io"] = round(rate / io_rate, 4)
            row["testpmd_mpps"] = round(full[kind], 4)
            beside = io_times.get(rate / 2)
            if times and times[0] and beside:
                row.update({"p50_us": times[0][0], "p99_us": times[0][1],
                            "added_p50_us": round(times[0][0] - beside[0], 1),
                            "added_p99_us": round(times[0][1] - beside[1], 1)})
            yield row
