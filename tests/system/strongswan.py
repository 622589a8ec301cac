# SPDX-License-Identifier: BSD-3-Clause
"""Debian's strongSwan at both ends of a wire: network namespaces, IKEv2, ESP in charon itself.

    left 10.9.1.1 | 192.0.2.1 ---- veth ---- 192.0.2.2 | 10.9.2.1 right

Each end has a mount namespace too, with a /run of its own, where charon keeps its files.
"""

import os
import shutil
import subprocess
import time

CHARON = "/usr/sbin/charon-systemd"
ENDS = ("left", "right")
OUTER = {"left": "192.0.2.1", "right": "192.0.2.2"}
INNER = {"left": "10.9.1", "right": "10.9.2"}

# kernel-libipsec seals ESP in the process: this works where the kernel has none.
CONFIG = """
charon-systemd {
    load = random nonce openssl aes sha1 sha2 hmac kdf gcm pem pkcs1 pkcs8 x509 pubkey \
constraints kernel-libipsec kernel-netlink socket-default vici
    install_virtual_ip = no
    retransmit_tries = 1
    retransmit_timeout = 1
    journal { default = -1 }
    filelog { log { path = %(log)s
        default = 1
        flush_line = yes } }
    plugins { vici { socket = unix://%(folder)s/vici } }
}
"""

SWANCTL = """
connections { net {
    version = 2
    local_addrs = %(local)s
    remote_addrs = %(remote)s
    proposals = aes256gcm16-prfsha384-ecp256
    ppk_id = %(ppk_id)s
    ppk_required = %(required)s
    local { auth = pubkey
        certs = own.pem
        id = "CN=%(name)s" }
    remote { auth = pubkey
        id = "CN=%(peer)s" }
    children { net {
        esp_proposals = aes256gcm16-ecp256
        local_ts = %(local_net)s.0/24
        remote_ts = %(remote_net)s.0/24 } }
} }
secrets {
%(ppk)s
}
"""


class StrongSwanError(Exception):
    pass


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise StrongSwanError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class End:
    def __init__(self, wire, name):
        self.wire, self.name = wire, name
        self.peer = "right" if name == "left" else "left"
        self.folder = os.path.join(wire.folder, name)
        os.mkdir(self.folder)
        self.ns = f"{wire.tag}-{name}"
        own = wire.certificates.client(f"ike-{name}", purpose=None)
        for folder, file, source in (("x509", "own.pem", own.pem), ("private", "own.key", own.key),
                                     ("x509ca", "ca.pem", wire.certificates.ca.pem)):
            os.mkdir(self.path(folder))
            shutil.copy(source, self.path(folder, file))
        self.process = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def inside(self, *command):
        return ["ip", "netns", "exec", self.ns, *command]

    def start(self):
        with open(self.path("strongswan.conf"), "w") as f:
            f.write(CONFIG % {"log": self.path("log"), "folder": self.folder})
        self.process = subprocess.Popen(
            self.inside("unshare", "--mount", "sh", "-c",
                        f"mount -t tmpfs none /run && exec {CHARON}"),
            env={**os.environ, "STRONGSWAN_CONF": self.path("strongswan.conf")},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.path("vici")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise StrongSwanError(f"{self.name} does not start:\n{self.log()}")
            time.sleep(0.02)

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def swanctl(self, *words, check=True):
        return run("env", "STRONGSWAN_CONF=" + self.path("strongswan.conf"),
                   "SWANCTL_DIR=" + self.folder, "swanctl", *words,
                   "--uri", f"unix://{self.folder}/vici", check=check)

    def load(self, ppk_id, ppk=None, required=True):
        """The connection and, with PPK, that post-quantum pre-shared key by its name."""
        secret = f"    ppk-qkd {{ id = {ppk_id}\n        secret = 0x{ppk.hex()} }}" if ppk else ""
        with open(self.path("swanctl.conf"), "w") as f:
            f.write(SWANCTL % {
                "local": OUTER[self.name], "remote": OUTER[self.peer], "ppk_id": ppk_id,
                "required": "yes" if required else "no", "name": f"ike-{self.name}",
                "peer": f"ike-{self.peer}", "local_net": INNER[self.name],
                "remote_net": INNER[self.peer], "ppk": secret})
        os.chmod(self.path("swanctl.conf"), 0o600)
        self.swanctl("--load-creds", "--clear", "--file", self.path("swanctl.conf"))
        self.swanctl("--load-conns", "--file", self.path("swanctl.conf"))

    def sas(self):
        return self.swanctl("--list-sas", "--raw")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)


class Wire:
    def __init__(self, folder, certificates):
        self.folder, self.certificates = folder, certificates
        self.tag = f"ss{os.getpid() % 100000}"
        self.ends = {}

    def __enter__(self):
        try:
            for name in ENDS:
                run("ip", "netns", "add", f"{self.tag}-{name}")
                self.ends[name] = End(self, name)
            left, right = (self.ends[n] for n in ENDS)
            run("ip", "-n", left.ns, "link", "add", "wan", "type", "veth", "peer", "name", "wan",
                "netns", right.ns)
            for end in self.ends.values():
                for words in (["link", "set", "lo", "up"],
                              ["addr", "add", OUTER[end.name] + "/30", "dev", "wan"],
                              ["addr", "add", INNER[end.name] + ".1/24", "dev", "lo"],
                              ["link", "set", "wan", "up"]):
                    run("ip", "-n", end.ns, *words)
                end.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for end in self.ends.values():
            end.stop()
        for name in ENDS:
            run("ip", "netns", "del", f"{self.tag}-{name}", check=False)
