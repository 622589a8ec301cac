# SPDX-License-Identifier: BSD-3-Clause
"""Two KMEs without gateways: lumengate-kms twice, behind them what plays both gateways.

    SAEs of A --- TLS --- lumengate-kms A --- Gateways --- lumengate-kms B --- TLS --- SAEs of B

Needs no privilege and no namespace, and many may run side by side: all is in one folder, and ports
are whatever is free. An SAE "a-..." belongs to A, "b-..." to B.
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

from kms_certificates import Certificates
from kms_client import Client
from kms_gateways import Gateways
from rig import ROOT, RigError, call

SITES = ("a", "b")
SAES = ("a-1", "a-2", "b-1", "b-2")
PORTS = range(20000, 32000)  # below what the kernel gives to clients


class KmeError(RigError):
    pass


def free_port():
    """A port that nobody has now, and that no client of this machine is given."""
    start = int.from_bytes(os.urandom(2), "big") % len(PORTS)
    for i in range(len(PORTS)):
        port = PORTS[(start + i) % len(PORTS)]
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise KmeError("no port is free")


def cpu_seconds(pid):
    """What all threads of a process have had of CPUs."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def home(sae):
    return sae[0]


class Kme:
    """One lumengate-kms, its files and its port."""

    def __init__(self, lab, site):
        self.lab, self.site = lab, site
        self.folder = os.path.join(lab.folder, "site-" + site)
        os.mkdir(self.folder, 0o700)
        self.port = free_port()
        self.process = None
        self.starts = self.kills = 0
        self.settings = {}      # beside the lab's
        self.prefix = ()        # in front of the command: taskset, strace
        self.before_exec = None  # in the child: limits
        fd = os.open(self.path("storage.key"), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, os.urandom(32))
        os.close(fd)

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def name(self):
        return "kme-" + self.site

    def config(self):
        other = "b" if self.site == "a" else "a"
        c = self.lab.certificates
        config = {
            "name": self.name, "peer-name": "kme-" + other, "site": self.site,
            "listen": [{"address": "127.0.0.1", "port": self.port}],
            "certificate": c.kme[self.site].pem, "private-key": c.kme[self.site].key,
            "ca": c.ca.pem, "crl": c.ca.crl,
            "gateway-socket": self.lab.gateway_socket(self.site),
            "store": {"path": self.path("kms.db"), "storage-key": self.path("storage.key"),
                      "max-size-kib": 2 << 10},
            "limits": {"max-sae-count": 4},
            "http": {"connections-per-address": 12000},
            "control": {"socket": self.path("control.sock")},
        }
        for settings in (self.lab.settings, self.settings):
            for name, value in settings.items():
                if isinstance(value, dict):
                    config.setdefault(name, {}).update(value)
                else:
                    config[name] = value
        return {"lumengate:kms": config}

    def write_config(self):
        with open(self.path("config.json"), "w") as f:
            json.dump(self.config(), f, indent=2)

    # --- life ------------------------------------------------------------------------------

    def start(self, wait=True):
        self.write_config()
        self.starts += 1
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.lab.program("lumengate-kms"), "--config",
                 self.path("config.json"), "--yang-dir", os.path.join(ROOT, "config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=self.before_exec)
        if wait:
            self.wait_ready()

    def answers(self):
        self.call("alarm_list")
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def wait_ready(self, seconds=20):
        self.lab.wait_for(self.answers, seconds, f"{self.name} answers")
        self.lab.wait_for(lambda: self.lab.gateways.sides[self.site].greeted, seconds,
                          f"{self.name} finds its gateway")

    def alive(self):
        if self.process is not None and self.process.poll() is not None:
            tail = "\n".join(self.log().splitlines()[-8:])
            raise KmeError(f"{self.name} ended with status {self.process.returncode}:\n{tail}")

    def end(self, sig=signal.SIGTERM, timeout=15):
        """Its exit status after SIG."""
        process, self.process = self.process, None
        if process is None:
            return None
        if process.poll() is None:
            os.killpg(process.pid, sig)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise KmeError(f"{self.name} did not end within {timeout} s of signal {sig}")
        return process.returncode

    def kill(self):
        self.kills += 1
        return self.end(signal.SIGKILL)

    # --- what it is and says ---------------------------------------------------------------

    def call(self, method, params=None):
        return call(self.path("control.sock"), method, params)

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    @property
    def pid(self):
        return self.process.pid

    def memory(self):
        """Resident kilobytes."""
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise KmeError("no VmRSS")

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def add_sae(self, sae, **members):
        """Registers SAE here, at home or as one of the peer's."""
        side = "local" if home(sae) == self.site else "peer"
        self.call("kms_sae_add", {"sae": {"id": sae, "side": side, **members}})


class Lab:
    """Both KMEs up, with the SAEs that are named; use it as a context."""

    def __init__(self, saes=SAES, settings=None, site_settings=None, build=None, folder=None,
                 start=True, **gateways):
        self.build = build or os.environ.get("LUMENGATE_BUILD") or os.path.join(ROOT, "build")
        self.settings = settings or {}
        self.folder = tempfile.mkdtemp(prefix="lumengate-kms-", dir=folder)
        self.clients = []
        self.gateways = None
        self.kme = {}
        try:
            self.certificates = Certificates(os.path.join(self.folder, "certificates"))
            self.gateways = Gateways({s: self.gateway_socket(s) for s in SITES}, **gateways)
            self.kme = {s: Kme(self, s) for s in SITES}
            for site, own in (site_settings or {}).items():
                self.kme[site].settings = own
            if start:
                self.start()
                for sae in saes:
                    self.add_sae(sae)
        except BaseException:
            self.down()
            raise

    def program(self, name):
        path = os.path.join(self.build, "control", name)
        if not os.path.exists(path):
            raise KmeError(f"{name} is not built: run scripts/setup")
        return path

    def gateway_socket(self, site):
        return os.path.join(self.folder, f"gateway-{site}.sock")

    def start(self):
        for kme in self.kme.values():
            kme.start(wait=False)
        for kme in self.kme.values():
            kme.wait_ready()

    def reload(self):
        """Certificates and revocation lists are read anew, some time from now."""
        for kme in self.kme.values():
            os.kill(kme.pid, signal.SIGHUP)

    def wait_for(self, condition, seconds, what, interval=0.02):
        deadline = time.monotonic() + seconds
        while True:
            for kme in self.kme.values():
                kme.alive()
            try:
                if value := condition():
                    return value
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise KmeError(f"{what}: not within {seconds} s")
            time.sleep(interval)

    def add_sae(self, sae, **members):
        for kme in self.kme.values():
            own = members if home(sae) == kme.site else {}
            kme.add_sae(sae, **own)

    def client(self, sae, site=None, certificate=None, **options):
        """A client of SAE at its own KME, or at SITE."""
        if certificate is None:
            certificate = self.certificates.client(sae)
        c = Client(self.kme[site or home(sae)].port, self.certificates.ca.pem, certificate, **options)
        self.clients.append(c)
        return c

    def wait_key(self, number=16, seconds=20):
        """Both directions have key, at both ends."""
        for sae, peer in (("a-1", "b-1"), ("b-1", "a-1")):
            c = self.client(sae)
            self.wait_for(lambda: c.status(peer).json["stored_key_count"] >= number, seconds,
                          f"key of {sae}")
            c.close()

    def down(self):
        for c in self.clients:
            c.close()
        problem = None
        for kme in self.kme.values():
            try:
                kme.end()
            except KmeError as e:
                problem = e
        if self.gateways is not None:
            self.gateways.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        if problem is not None:
            raise problem

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.down()


def limit(which, value):
    """What Kme.before_exec takes: a resource limit of the child."""
    return lambda: resource.setrlimit(which, (value, value))
