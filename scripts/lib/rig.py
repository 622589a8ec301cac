# SPDX-License-Identifier: BSD-3-Clause
"""Two sites on one machine: namespaces, wires, the device model and two gateways.

    dc-a ---- gw-a ---- wan ---- gw-b ---- dc-b
      lan0   lan0 wan0  bridge  wan0 lan0   lan0

The hosts (dc-a, dc-b) and the path between the gateways (wan) are network namespaces; each
gateway has a user, mount and network namespace of its own, in which it sees its own files
and nothing of the other site's or the model's.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import huge_pages
from ipsec_mb import newer_library

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SITES = ("a", "b")
LAN = {"a": "10.1.0", "b": "10.2.0"}
LAN6 = {"a": "fd00:1::", "b": "fd00:2::"}
WAN = {"a": "192.0.2.1", "b": "192.0.2.2"}
CHANNEL_PORT = 4790
MARKER = "LUMENGATE-SITE-TRAFFIC"  # in the payload of the sites' own streams


class RigError(Exception):
    pass


class RpcError(RigError):
    def __init__(self, error):
        super().__init__(error.get("message", "error"))
        self.error = error


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise RigError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def call(path, method, params=None, timeout=10):
    """Result of a JSON-RPC method on the control socket at PATH."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    try:
        s.connect(path)
        request = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            request["params"] = params
        s.sendall(json.dumps(request).encode() + b"\n")
        data = b""
        while True:
            piece = s.recv(1 << 20)
            if not piece:
                raise RigError(f"{path} closed the connection on {method}")
            data += piece
            try:
                reply = json.loads(data)
                break
            except json.JSONDecodeError:
                continue
    finally:
        s.close()
    if "error" in reply:
        raise RpcError(reply["error"])
    return reply["result"]


ARENA_PAGES = 32    # 64 MiB of key memory a gateway
PACKET_PAGES = 136  # 256 MiB of packet memory a gateway, and some


class LockedMemory:
    """Room for what gateways lock: their key memory and their packet rings.

    A process in a user namespace has no privilege to exceed its limit. Root raises the limit;
    a container without CAP_SYS_RESOURCE cannot, so there key memory goes on huge pages, which
    do not count, and the packet rings share what the limit leaves.
    """

    def __init__(self):
        self.pages = huge_pages.HugePages(3 * ARENA_PAGES * huge_pages.PAGE_MB)
        self.ring_frames = 4096
        # Both gateways' packet memory goes on huge pages where there are enough for both.
        self.packets_on_huge_pages = huge_pages.read()[1] >= 2 * (ARENA_PAGES + PACKET_PAGES)
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK,
                               (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        except (ValueError, OSError):
            pass
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        room = limit - (512 << 10)
        if not self.packets_on_huge_pages and not self.reserve_pages():
            room -= 7 << 20
        # Four rings of 2 KiB frames, in blocks of 32 frames.
        self.ring_frames = max(64, min(4096, room // 4 // 2048 // 32 * 32))

    def reserve_pages(self):
        """Enough huge pages for both gateways, and some that others may take."""
        self.pages.__enter__()
        return self.pages.borrowed >= self.pages.want

    def give_back(self):
        self.pages.__exit__()


class Rig:
    def __init__(self, build=None, quantum=True, settings=None):
        self.build = build or os.path.join(ROOT, "build")
        self.quantum = quantum
        self.settings = settings or {}
        self.tag = f"lg{os.getpid() % 100000}"
        self.dir = tempfile.mkdtemp(prefix="lumengate-")
        os.chmod(self.dir, 0o755)
        self.holders = {}   # site -> process that keeps the gateway's namespaces
        self.processes = {}  # name -> Popen
        self.namespaces = []
        self.memory = None

    # --- files -----------------------------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def program(self, name):
        for folder in ("control", "drivers/model", "dataplane"):
            path = os.path.join(self.build, folder, name)
            if os.path.exists(path):
                return path
        raise RigError(f"{name} is not built: run scripts/setup")

    def log_text(self, name):
        try:
            with open(self.path(name + ".log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def config(self, site):
        other = "b" if site == "a" else "a"
        folder = self.path("site-" + site)
        ring = f"framecnt={self.memory.ring_frames},blocksz=65536,framesz=2048"
        gateway = {
            "name": f"gw-{site}", "site": site, "link": "demo",
            "resources": {"forward-lcores": 1, "memory-mib": 256,
                          "file-prefix": f"{self.tag}-{site}",
                          "hugepages": self.memory.packets_on_huge_pages},
            "port": {
                "lan": {"device": f"net_af_packet0,iface=lan0,{ring}",
                        "mtu": 1500, "address": [f"{LAN[site]}.1/24", f"{LAN6[site]}1/64"]},
                "wan": {"device": f"net_af_packet1,iface=wan0,{ring}",
                        "mtu": 1600, "address": [f"{WAN[site]}/30"]},
            },
            "tunnel": [{"name": "dc", "local": WAN[site], "remote": WAN[other],
                        "rekey": {"period-ms": 1000, "hard-life-ms": 60000}}],
            "route": [{"prefix": f"{LAN[other]}.0/24", "tunnel": "dc"},
                      {"prefix": f"{LAN6[other]}/64", "tunnel": "dc"}],
            "channel": {"local": WAN[site], "remote": WAN[other], "port": CHANNEL_PORT,
                        "psk-file": os.path.join(folder, "psk")},
            "qkd": {"enabled": self.quantum,
                    "card": {"transport": "shm", "path": os.path.join(folder, "card")},
                    "source": {"mu1": "0.3", "mu2": "0.1", "p-mu1": "0.3", "p-z": "0.8"},
                    "block-bits": 1000000},
            "keystore": {"path": os.path.join(folder, "keys.db"),
                         "storage-key": os.path.join(folder, "storage.key")},
            "control": {"socket": os.path.join(folder, "control.sock"),
                        "capture-directory": os.path.join(folder, "capture")},
        }
        if newer_library() is not None:
            gateway["resources"]["ipsec-mb"] = newer_library()
        if site == "b":
            gateway["qkd"]["receiver"] = {"holdoff-ns": 1000}
        return {"lumengate:gateway": gateway}

    def write_files(self):
        psk = os.urandom(65536)
        for site in SITES:
            folder = self.path("site-" + site)
            os.mkdir(folder, 0o700)
            for name, data in (("psk", psk), ("storage.key", os.urandom(32))):
                fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600)
                os.write(fd, data)
                os.close(fd)
            self.write_config(site, self.config(site))

    def write_config(self, site, config):
        with open(self.path("site-" + site, "config.json"), "w") as f:
            json.dump(config, f, indent=2)

    # --- namespaces and wires --------------------------------------------------------------

    def ns(self, name):
        return f"{self.tag}-{name}"

    def in_ns(self, name):
        """Command prefix that runs something on a host or on the WAN."""
        return ["ip", "netns", "exec", self.ns(name)]

    def in_gateway(self, site):
        return ["nsenter", "-t", str(self.holders[site].pid), "-U", "-m", "-n",
                "--preserve-credentials"]

    def prefer(self, nice):
        """Gateways and card stand for machines of their own: the hosts' tools come last."""
        return ["nice", "-n", str(nice)]

    def hold_gateway(self, site):
        """A process that owns a gateway's user, mount and network namespaces."""
        hidden = [self.path("sim")] + [self.path("site-" + s) for s in SITES if s != site]
        hide = " && ".join(f"mount -t tmpfs -o size=4k none {d}" for d in hidden)
        holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c",
             f"{hide} && echo held && exec sleep infinity"],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            start_new_session=True)
        if holder.stdout.readline().strip() != "held":
            raise RigError("this machine does not allow user namespaces")
        self.holders[site] = holder

    def wire(self):
        """Build the namespaces and the cables between them."""
        self.memory = LockedMemory()
        os.mkdir(self.path("sim"), 0o700)
        self.write_files()
        for name in ("dc-a", "dc-b", "wan"):
            run("ip", "netns", "add", self.ns(name))
            self.namespaces.append(self.ns(name))
            run("ip", "-n", self.ns(name), "link", "set", "lo", "up")
        wan = self.ns("wan")
        run(*self.in_ns("wan"), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", wan, "link", "add", "br0", "mtu", "1600", "type", "bridge",
            "stp_state", "0", "mcast_snooping", "0")
        run("ip", "-n", wan, "link", "set", "br0", "up")
        for site in SITES:
            self.hold_gateway(site)
            self.wire_site(site)

    def wire_site(self, site):
        pid = str(self.holders[site].pid)
        dc, wan = self.ns(f"dc-{site}"), self.ns("wan")
        enter = self.in_gateway(site)
        run(*enter, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.ip_forward=0")
        run("ip", "-n", dc, "link", "add", "lan0", "type", "veth", "peer", "name",
            self.tag + "l" + site)
        run("ip", "-n", dc, "link", "set", self.tag + "l" + site, "netns", pid)
        run("ip", "-n", wan, "link", "add", "w" + site, "mtu", "1600", "type", "veth",
            "peer", "name", self.tag + "w" + site)
        run("ip", "-n", wan, "link", "set", self.tag + "w" + site, "netns", pid)
        run("ip", "-n", wan, "link", "set", "w" + site, "master", "br0", "up")
        for new, old in (("lan0", self.tag + "l" + site), ("wan0", self.tag + "w" + site)):
            run(*enter, "ip", "link", "set", old, "name", new)
            run(*enter, "ip", "link", "set", new, "arp", "off")
            if new == "wan0":
                run(*enter, "ip", "link", "set", new, "mtu", "1600")
            run(*enter, "ip", "link", "set", new, "up")
            run(*enter, "ethtool", "-K", new, "tso", "off", "gso", "off", "tx", "off",
                "gro", "off", check=False)
        run("ip", "netns", "exec", dc, "ethtool", "-K", "lan0", "tso", "off", "gso", "off",
            "tx", "off", "gro", "off")
        # A host that announces itself before its gateway is there would only be noise.
        run("ip", "netns", "exec", dc, "sysctl", "-qw", "net.ipv6.conf.lan0.accept_ra=0",
            "net.ipv6.conf.lan0.dad_transmits=0")
        other = "b" if site == "a" else "a"
        run("ip", "-n", dc, "addr", "add", f"{LAN[site]}.2/24", "dev", "lan0")
        run("ip", "-n", dc, "addr", "add", f"{LAN6[site]}2/64", "dev", "lan0", "nodad")
        run("ip", "-n", dc, "link", "set", "lan0", "up")
        run("ip", "-n", dc, "route", "add", f"{LAN[other]}.0/24", "via", f"{LAN[site]}.1")
        run("ip", "-n", dc, "-6", "route", "add", f"{LAN6[other]}/64", "via", f"{LAN6[site]}1")

    # --- processes -------------------------------------------------------------------------

    def start(self, name, command, **options):
        log = open(self.path(name + ".log"), "ab")
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", log)
        process = subprocess.Popen(command, stderr=log, start_new_session=True, **options)
        log.close()
        self.processes[name] = process
        return process

    def start_model(self, extra=()):
        control = self.path("sim", "control.sock")
        self.start("model", [
            *self.prefer(-15), self.program("lumengate-optics-sim"),
            "--alice", self.path("site-a", "card"), "--bob", self.path("site-b", "card"),
            "--control", control, *extra])
        self.wait_for(lambda: os.path.exists(control) and
                      os.path.exists(self.path("site-b", "card")), 10, "the device model")

    def model(self, line):
        """Send a command to the model's own socket, as the eavesdropper's operator."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(self.path("sim", "control.sock"))
        s.sendall(line.encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
        s.close()
        return data.decode().strip()

    def start_gateway(self, site):
        self.start("gw-" + site, self.prefer(-8) + self.in_gateway(site) + [
            self.program("lumengate"), "--config", self.path("site-" + site, "config.json"),
            "--yang-dir", os.path.join(ROOT, "config")])

    def start_watch(self, file=None):
        command = self.in_ns("wan") + [
            self.program("lumengate-wanwatch"), "-i", "wa", "-g", f"{WAN['a']},{WAN['b']}",
            "-p", str(CHANNEL_PORT), "-m", MARKER, "-j", self.path("wan.json")]
        if file:
            command += ["-w", file]
        watch = self.start("watch", command, stdout=subprocess.PIPE)
        if watch.stdout.readline().strip() != b"ready":
            raise RigError("the WAN capture did not start: " + self.log_text("watch"))

    def stop_watch(self):
        self.stop("watch", signal.SIGINT)
        with open(self.path("wan.json")) as f:
            return json.load(f)

    def stop(self, name, sig=signal.SIGTERM, timeout=15):
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            os.killpg(process.pid, sig)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise RigError(f"{name} did not stop within {timeout} s of signal {sig}")
        return process.returncode

    def kill(self, name):
        return self.stop(name, signal.SIGKILL)

    def alive(self):
        """Raise when a program that should run has ended."""
        for name, process in self.processes.items():
            if name in ("model", "gw-a", "gw-b", "watch") and process.poll() is not None:
                tail = "\n".join(self.log_text(name).splitlines()[-5:])
                raise RigError(f"{name} ended with status {process.returncode}:\n{tail}")

    def down(self):
        """Stop everything and leave nothing behind."""
        for name in list(self.processes):
            try:
                self.stop(name)
            except RigError:
                pass
        for holder in self.holders.values():
            holder.kill()
            holder.wait()
        self.holders.clear()
        for name in self.namespaces:
            run("ip", "netns", "del", name, check=False)
        self.namespaces.clear()
        if self.memory is not None:
            self.memory.give_back()
        shutil.rmtree(self.dir, ignore_errors=True)
        for site in SITES:
            shutil.rmtree(f"/var/run/dpdk/{self.tag}-{site}", ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.down()

    # --- talking to gateways ---------------------------------------------------------------

    def rpc(self, site, method, params=None, timeout=10):
        return call(self.path("site-" + site, "control.sock"), method, params, timeout)

    def wait_for(self, condition, seconds, what, interval=0.05):
        deadline = time.monotonic() + seconds
        while True:
            self.alive()
            try:
                value = condition()
                if value:
                    return value
            except (OSError, RpcError):
                pass
            if time.monotonic() > deadline:
                raise RigError(f"{what}: not within {seconds} s")
            time.sleep(interval)

    def wait_ready(self, site, seconds=20):
        return self.wait_for(lambda: self.rpc(site, "status"), seconds, f"gw-{site} answers")

    def wire_dropped(self):
        """Frames that the wire itself lost: the kernel's queue behind a cable was full."""
        links = json.loads(run("ip", "-n", self.ns("wan"), "-j", "-s", "link", "show"))
        return sum(link["stats64"][way]["dropped"] for link in links
                   for way in ("rx", "tx") if link["ifname"] in ("wa", "wb"))

    def ping(self, count=1, interval=0.2, source="a", target=None, wait=2):
        """(sent, received) of pings between the hosts."""
        other = "b" if source == "a" else "a"
        out = run(*self.in_ns("dc-" + source), "ping", "-q", "-c", str(count), "-i",
                  str(interval), "-W", str(wait), target or f"{LAN[other]}.2", check=False)
        for line in out.splitlines():
            if "packets transmitted" in line:
                words = line.split()
                return int(words[0]), int(words[3])
        raise RigError("ping: " + out)
