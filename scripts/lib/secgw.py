# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's ipsec-secgw, for comparison: fetched as Debian's source, built, run and read.

The source is that of the DPDK which is installed, from the machine's own apt sources, with
apt state of its own, so that nothing of the system changes. It is built once, in build/secgw,
by the compiler and the flags of the gateway.
"""

import glob
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from programs import BUILD

DIR = os.path.join(BUILD, "secgw")
# As meson's release build has them; what libdpdk.pc asks for, -march too, comes on top.
CFLAGS = "-fno-strict-aliasing -fno-omit-frame-pointer"
# A port is asked for no offload that it has not: virtual ones have hardly any.
OFFLOADS = "\tlocal_port_conf.txmode.offloads |= req_tx_offloads;\n"
PATCH = OFFLOADS + ("\tlocal_port_conf.rxmode.offloads &= dev_info.rx_offload_capa;\n"
                    "\tlocal_port_conf.txmode.offloads &= dev_info.tx_offload_capa;\n")
KEY = ":".join(f"{i:02x}" for i in range(36))
# All that examples/ipsec-secgw has: an LPM table and an SPD of fixed sizes.
ROUTES_MAX = 1024


class SecgwError(Exception):
    pass


def run(argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        last = done.stdout.strip().splitlines()[-3:]
        raise SecgwError(f"{argv[0]}: {' / '.join(last)}")
    return done.stdout


# --- the source -----------------------------------------------------------------------------

def source_lists(directory):
    """The machine's own apt sources, as sources of source packages."""
    files = glob.glob("/etc/apt/sources.list") + sorted(glob.glob("/etc/apt/sources.list.d/*"))
    count = 0
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        if path.endswith(".sources"):
            text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", text)
        elif path.endswith(".list"):
            text = re.sub(r"(?m)^deb\s", "deb-src ", text)
        else:
            continue
        name = f"{count}.{path.rsplit('.', 1)[1]}"
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)
        count += 1
    if count == 0:
        raise SecgwError("this machine has no apt sources")


def fetch(directory):
    """The orig tarball of the installed DPDK, into DIRECTORY."""
    state = os.path.join(directory, "apt")
    for folder in ("parts", "lists/partial", "archives/partial"):
        os.makedirs(os.path.join(state, folder), exist_ok=True)
    source_lists(os.path.join(state, "parts"))
    options = [f"Dir::Etc::sourcelist={state}/none", f"Dir::Etc::sourceparts={state}/parts",
               f"Dir::State::lists={state}/lists", f"Dir::Cache::archives={state}/archives",
               "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "APT::Sandbox::User=root"]
    options = [word for option in options for word in ("-o", option)]
    version = run(["dpkg-query", "-W", "-f", "${source:Version}", "libdpdk-dev"]).strip()
    run(["apt-get", *options, "-qq", "update"], timeout=300)
    run(["apt-get", *options, "-qq", "source", "--download-only", f"dpdk={version}"],
        cwd=directory, timeout=300)
    shutil.rmtree(state)
    tarballs = glob.glob(os.path.join(directory, "dpdk_*.orig.tar.*"))
    if not tarballs:
        raise SecgwError("apt brought no source")
    return tarballs[0]


def patch(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.count(OFFLOADS) != 1:
        raise SecgwError("ipsec-secgw.c: the place of the patch is not there")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(OFFLOADS, PATCH))


def build():
    """The path of the program; SecgwError when it cannot be had."""
    program = os.path.join(DIR, "examples/ipsec-secgw/build/ipsec-secgw")
    if os.path.exists(program):
        return program
    shutil.rmtree(DIR, ignore_errors=True)
    os.makedirs(DIR)
    try:
        tarball = fetch(DIR)
        run(["tar", "-xf", tarball, "-C", DIR, "--strip-components=1", "--wildcards",
             "*/examples/ipsec-secgw/*", "*/examples/common/*"])
        os.unlink(tarball)
        patch(os.path.join(DIR, "examples/ipsec-secgw/ipsec-secgw.c"))
        run(["make", "shared"], cwd=os.path.join(DIR, "examples/ipsec-secgw"),
            env={**os.environ, "CFLAGS": CFLAGS})
    except (OSError, subprocess.TimeoutExpired) as e:
        raise SecgwError(str(e)) from e
    return program


# --- the same job ---------------------------------------------------------------------------

def configuration(rules, routes):
    """One tunnel, RULES of which the last is the traffic's, ROUTES that lead elsewhere."""
    lines = [f"sp ipv4 out esp discard pri {rules - i} dst 172.{16 + i % 16}.{i}.0/24 "
             "sport 0:65535 dport 0:65535" for i in range(rules - 1)]
    lines += ["sp ipv4 out esp protect 5 pri 1 dst 10.64.0.0/10 sport 0:65535 dport 0:65535",
              f"sa out 5 aead_algo aes-256-gcm aead_key {KEY} mode ipv4-tunnel "
              "src 192.0.2.1 dst 192.0.2.2 type cpu-crypto",
              # It wants an SA each way.
              "sp ipv4 in esp protect 105 pri 1 src 10.64.0.0/10 sport 0:65535 dport 0:65535",
              f"sa in 105 aead_algo aes-256-gcm aead_key {KEY} mode ipv4-tunnel "
              "src 192.0.2.2 dst 192.0.2.1 type cpu-crypto",
              "rt ipv4 dst 192.0.2.2/32 port 0"]
    state, seen = 1, set()
    while len(seen) < min(routes, ROUTES_MAX - 1):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        length = 16 + state % 9
        addr = (0x0b000000 + (state >> 4)) >> (32 - length) << (32 - length)
        if (addr, length) in seen:
            continue
        seen.add((addr, length))
        dotted = ".".join(str(addr >> shift & 255) for shift in (24, 16, 8, 0))
        lines.append(f"rt ipv4 dst {dotted}/{length} port 0")
    return "\n".join(lines) + "\n"


def frames(path, count):
    """The first COUNT frames of a pcap file in the native byte order."""
    found = []
    with open(path, "rb") as f:
        f.read(24)
        while len(found) < count and len(header := f.read(16)) == 16:
            found.append(f.read(struct.unpack("=IIII", header)[2]))
    return found


def check_sealed(path, longest):
    """SecgwError unless the file holds ESP in sequence, as long as ESP makes it."""
    sequence = 0
    for frame in frames(path, 256)[:-1]:
        sequence += 1
        if frame[12:14] != b"\x08\0" or frame[23] != 50:
            raise SecgwError("a packet left that is not ESP")
        if struct.unpack(">I", frame[38:42])[0] != sequence or len(frame) > longest + 57:
            raise SecgwError("ESP of a wrong length or out of sequence left")
    if sequence < 100:
        raise SecgwError("hardly any packet left")


class Secgw:
    """A running ipsec-secgw from a pcap file to nowhere, stopped but while it is measured."""

    def __init__(self, directory, pcap, cpu, memory_mb, huge, rules, routes,
                 preload=None, wan="net_null0,no-rx=1"):
        longest = max(len(frame) for frame in frames(pcap, 4096))
        self.prefix = f"lumengate-secgw-{os.getpid()}"
        self.log = os.path.join(directory, "secgw.log")
        path = os.path.join(directory, "secgw.cfg")
        with open(path, "w", encoding="ascii") as f:
            f.write(configuration(rules, routes))
        argv = [build(), "-l", str(cpu), "-m", str(memory_mb), "--no-pci", "--iova-mode=va",
                f"--file-prefix={self.prefix}", "--in-memory" if huge else "--no-huge",
                "--vdev", wan,
                "--vdev", f"net_pcap0,rx_pcap={pcap},infinite_rx=1",
                "--vdev", "crypto_aesni_gcm0", "--", "-p", "0x3", "-P", "-u", "0x1", "-l", "-e", "-w", "4096",
                "--rxoffload", "0", "--txoffload", "0",
                "--config", f"(0,0,{cpu}),(1,0,{cpu})", "-f", path]
        if longest > 1500:
            argv += ["-j", str(longest + 600), "--mtu", str(longest + 100)]
        environment = {**os.environ, **({"LD_PRELOAD": preload} if preload else {})}
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=environment)
        self.telemetry = None
        try:
            self.connect()
        except BaseException:
            self.stop()
            raise

    def connect(self):
        path = f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2"
        deadline = time.monotonic() + 30
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SecgwError(f"ipsec-secgw does not run: {self.last_words()}")
            try:
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.settimeout(10)
                s.connect(path)
                s.recv(1 << 16)
                self.telemetry = s
                if self.sent() > 0:
                    break
            except OSError:
                s.close()
            time.sleep(0.1)
        self.process.send_signal(signal.SIGSTOP)

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        cause = re.search(r"Not enough memory.*|Cause: .*", text)
        return cause.group(0) if cause else " / ".join(text.strip().splitlines()[-3:])

    def sent(self):
        self.telemetry.send(b"/ethdev/stats,0")
        return json.loads(self.telemetry.recv(1 << 16))["/ethdev/stats"]["opackets"]

    def cpu_seconds(self):
        """The time that the process has run: that of its one polling thread, in effect."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def spell(self, seconds):
        """Packets per second of its CPU time, in millions, over SECONDS."""
        self.process.send_signal(signal.SIGCONT)
        try:
            time.sleep(0.02)
            before, start = self.sent(), self.cpu_seconds()
            time.sleep(seconds)
            after, end = self.sent(), self.cpu_seconds()
        finally:
            self.process.send_signal(signal.SIGSTOP)
        if after == before:
            raise SecgwError("no packet left")
        return (after - before) / (end - start) / 1e6

    def stop(self):
        if self.telemetry is not None:
            self.telemetry.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def check(directory, pcap, *job):
    """Let it write what it does with PCAP to a file, and look: SecgwError if it is not ESP."""
    out = os.path.join(directory, "secgw.pcap")
    Secgw(directory, pcap, *job, wan=f"net_pcap1,tx_pcap={out}").stop()
    longest = max(len(frame) for frame in frames(pcap, 4096))
    check_sealed(out, longest)
    os.unlink(out)
