# SPDX-License-Identifier: BSD-3-Clause
"""In one machine with the packages: site a as the services run it, by the examples' files, and site b as
transient services in a network namespace and folders of their own."""

import base64
import json
import os
import secrets
import shlex
import subprocess
import time

from kms_certificates import Certificates
from machine import MachineError

CAP_SYS_RESOURCE = 24  # capabilities(7)
RIGHTS = {"group": "lumengate", "read-only-group": "lumengate-web"}
OTHER = {"a": "b", "b": "a"}
EXAMPLES = "/usr/share/doc/lumengate/examples"
PORT = {"a": 8443, "b": 8444}
SAE = {"a": "encryptor-a", "b": "encryptor-b"}
WIRES = """
ip netns add b
ip link add wan0 mtu 1600 type veth peer name wan0 mtu 1600 netns b
ip link add lan0 type veth peer name host
ip -n b link add lan0 type veth peer name host
ip link set host up
ip -n b link set host up
ip -n b link set lo up
for i in lan0 wan0; do
	ip link set $i arp off up
	ip -n b link set $i arp off up
done
"""


class Pair:
    def __init__(self, machine, folder):
        self.machine = machine
        self.certificates = Certificates(os.path.join(folder, "certificates"))
        for site in SAE:
            self.certificates.client(SAE[site])

    # --- files -------------------------------------------------------------------------------

    def put(self, path, data, mode="600", owner="root:root"):
        if not isinstance(data, bytes):
            data = data.encode()
        place = shlex.quote(path)
        self.machine.run("sh", "-ec", f"umask 077; base64 -d >{place}; chown {owner} {place};"
                         f"chmod {mode} {place}", data=base64.b64encode(data).decode())

    def folder(self, site):
        return "/etc/lumengate" if site == "a" else "/etc/site-b"

    def moved(self, site, text):
        """An example's text in the folders of SITE."""
        if site == "a":
            return text
        for old, new in (("/etc/lumengate", "/etc/site-b"), ("/var/lib/lumengate-kms", "/var/lib/kms-b"),
                         ("/var/lib/lumengate", "/var/lib/site-b"), ("/run/lumengate-kms", "/run/kms-b"),
                         ("/run/lumengate", "/run/site-b")):
            text = text.replace(old, new)
        return text

    def example(self, name, site):
        return json.loads(self.moved(site, self.machine.run("cat", f"{EXAMPLES}/{name}.json")))

    def write_gateways(self):
        self.machine.run("mkdir", "-p", "-m", "755", "/etc/site-b/kms")
        self.machine.run("mkdir", "-p", "-m", "700", "/var/lib/site-b", "/var/lib/kms-b")
        psk = secrets.token_bytes(1 << 20)
        for site in OTHER:
            config = self.example(f"site-{site}", site)
            config["lumengate:gateway"]["delivery"] = {
                "socket": self.moved(site, "/run/lumengate/delivery.sock"), "group": "lumengate-kms"}
            config["lumengate:gateway"]["control"].update(RIGHTS)
            self.put(self.folder(site) + "/psk", psk)
            self.put(self.folder(site) + "/storage.key", secrets.token_bytes(32))
            self.put(self.folder(site) + "/gateway.json", json.dumps(config, indent=2), "644")

    def write_kmes(self):
        c = self.certificates
        self.allow_locked_memory()
        for site in OTHER:
            config = self.example(f"kms-{site}", site)
            config["lumengate:kms"]["control"].update(RIGHTS)
            config["lumengate:kms"]["store"]["max-size-kib"] = 4 << 10
            if site == "b":
                config["lumengate:kms"]["store"]["storage-key"] = "/etc/site-b/kms/storage.key"
                config["lumengate:kms"]["listen"][0]["port"] = PORT["b"]
            folder = self.folder(site) + "/kms"
            owner = "lumengate-kms:lumengate-kms" if site == "a" else "root:root"
            for name, path, mode in (("server.pem", c.kme[site].pem, "644"),
                                     ("server.key", c.kme[site].key, "600"),
                                     ("ca.pem", c.ca.pem, "644"), ("crl.pem", c.ca.crl, "644")):
                with open(path, "rb") as f:
                    self.put(f"{folder}/{name}", f.read(), mode, owner)
            self.put(folder + "/storage.key", secrets.token_bytes(32))
            self.put(self.folder(site) + "/kms.json", json.dumps(config, indent=2), "644")

    def allow_locked_memory(self):
        """Where not even process 1 may raise a limit, as in some containers, the key delivery is given the
        right that root's services have."""
        with open(f"/proc/{self.machine.pid}/status") as f:
            rights = int(next(line for line in f if line.startswith("CapBnd:")).split()[1], 16)
        if not rights >> CAP_SYS_RESOURCE & 1:
            folder = "/run/systemd/system/lumengate-kms.service.d"
            self.machine.run("mkdir", "-p", folder)
            self.put(folder + "/lock.conf", "[Service]\nAmbientCapabilities=CAP_IPC_LOCK\n"
                     "CapabilityBoundingSet=CAP_IPC_LOCK\n", "644")
            self.machine.run("systemctl", "daemon-reload")

    # --- programs ----------------------------------------------------------------------------

    def up(self, unit, *command):
        """Run COMMAND, after which UNIT is active."""
        said = self.machine.run(*command, check=False)
        if self.machine.status != 0 or self.state(unit) != "active":
            raise MachineError(f"{unit} is {self.state(unit)}: {said}" + self.machine.run(
                "journalctl", "--no-pager", "-n", "20", "-u", unit))

    def transient(self, unit, *command, properties=()):
        self.up(unit, "systemd-run", "--unit", unit, "-p", "UMask=0077",
                *(word for p in properties for word in ("-p", p)), "--", *command)

    def systemctl(self, verb, unit):
        self.up(unit, "systemctl", verb, unit)

    def property(self, unit, name):
        return self.machine.run("systemctl", "show", "-P", name, unit).strip()

    def state(self, unit):
        return self.property(unit, "ActiveState")

    def start_site_b(self):
        """The wires to it and the device model as well."""
        self.machine.run("sh", "-ec", WIRES)
        self.transient("model", "lumengate-optics-sim", "--alice", "/run/lumengate/card", "--bob",
                       "/run/site-b/card", "--control", "/run/model/control.sock",
                       properties=["RuntimeDirectory=model site-b", "Nice=-15"])
        self.machine.run("sh", "-ec", "for i in $(seq 100); do [ -e /run/site-b/card ] && exit 0; sleep 0.1;"
                         "done; exit 1")
        self.transient("site-b", "lumengate", "--config", "/etc/site-b/gateway.json",
                       properties=["Type=notify", "NetworkNamespacePath=/run/netns/b"])

    def start_kms_b(self):
        self.transient("kms-b", "lumengate-kms", "--config", "/etc/site-b/kms.json",
                       properties=["Type=notify", "RuntimeDirectory=kms-b"])

    def start_web(self):
        self.machine.run("cp", EXAMPLES + "/web.json", "/etc/lumengate/web.json")
        self.systemctl("start", "lumengate-web")

    # --- talking to them ---------------------------------------------------------------------

    def lgctl(self, *words, site="a", **options):
        kms = "kms" in words
        socket = () if site == "a" else ("--socket", "/run/kms-b/control.sock" if kms else
                                         "/run/site-b/control.sock")
        return self.machine.run("lgctl", *socket, *words, **options)

    def show(self, *words, site="a"):
        return json.loads(self.lgctl("--json", *words, site=site))

    def keys(self, site="a"):
        """For rekeying."""
        return self.show("keystore", "show", site=site)["available"]["rekey"]

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while True:
            try:
                value = condition()
                if value:
                    return value
            except MachineError:
                pass
            if time.monotonic() > end:
                raise MachineError(f"{what}: not within {seconds} s\n"
                                   + self.machine.run("journalctl", "-b", "--no-pager", "-n", "40"))
            time.sleep(0.2)

    def figures(self):
        return subprocess.run(
            ["nsenter", "--target", str(self.machine.pid), "--net", "curl", "--silent", "--show-error",
             "--max-time", "10", "--fail", "http://127.0.0.1:9464/metrics"], check=True,
            stdout=subprocess.PIPE, text=True).stdout

    def kme(self, site, path, data=None):
        """(HTTP status, answer) to the encryptor of SITE from its KME, by this machine's curl."""
        c = self.certificates.client(SAE[site])
        done = subprocess.run(
            ["nsenter", "--target", str(self.machine.pid), "--net", "curl", "--silent", "--show-error", "--max-time", "10", "--cert", c.pem, "--key",
             c.key, "--cacert", self.certificates.ca.pem, "--write-out", "\n%{http_code}",
             *(("--json", json.dumps(data)) if data else ()),
             f"https://localhost:{PORT[site]}/api/v1/keys/{path}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise MachineError("curl: " + done.stderr.strip())
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)
