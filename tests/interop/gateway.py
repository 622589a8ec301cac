# SPDX-License-Identifier: BSD-3-Clause
"""The product's data plane as static_gateway, keyed by the tests."""

import json
import os
import select
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("LUMENGATE_INTEROP_BUILD", os.path.join(ROOT, "build-interop"))
PROGRAM = os.path.join(BUILD, "tests", "interop", "static_gateway")


class GatewayError(Exception):
    pass


def configuration(name, lan, wan, tunnels, routes, **resources):
    """LAN, WAN: (device, mtu, addresses); TUNNELS: dictionaries; ROUTES: prefix -> tunnel."""
    ports = {role: {"device": device, "mtu": mtu, "address": addresses}
             for role, (device, mtu, addresses) in (("lan", lan), ("wan", wan))}
    first = tunnels[0]
    return {"lumengate:gateway": {
        "name": name, "site": "a", "link": "interop",
        "resources": {"forward-lcores": 1, "memory-mib": 256, "hugepages": False,
                      "file-prefix": f"{name}-{os.getpid()}", **resources},
        "port": ports, "tunnel": tunnels,
        "route": [{"prefix": p, "tunnel": t} for p, t in routes.items()],
        # Both are required, and neither is used: there is no QKD role here.
        "channel": {"local": first["local"], "remote": first["remote"], "psk-file": "/nowhere"},
        "qkd": {"enabled": False},
        "keystore": {"path": "/nowhere", "storage-key": "/nowhere"},
        "control": {"socket": "/nowhere"},
    }}


class StaticGateway:
    """BEFORE: words before the program, such as those that enter a namespace."""

    def __init__(self, folder, config, before=()):
        self.name = config["lumengate:gateway"]["name"]
        self.log = os.path.join(folder, self.name + ".log")
        path = os.path.join(folder, self.name + ".json")
        with open(path, "w") as f:
            json.dump(config, f, indent=2)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*before, PROGRAM, path, os.path.join(ROOT, "config")], stderr=log,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.data = b""
        try:
            self.provider = self.answer(60)["provider"]
        except BaseException:
            self.kill()
            raise

    def log_text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def answer(self, seconds=60):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.data:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise GatewayError(f"{self.name}: no answer\n{self.log_text()[-1500:]}")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise GatewayError(f"{self.name} ended: {self.log_text()[-1500:]}")
            self.data += piece
        line, self.data = self.data.split(b"\n", 1)
        return json.loads(line)

    def command(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.answer()
        if "error" in answer:
            raise GatewayError(f"{words[0]}: {answer['error']}")
        return answer

    def read(self):
        return self.command("read")

    def counter(self, name):
        return self.read()["counters"][name]

    def quit(self, seconds=60):
        """End it; its exit status must be 0."""
        self.process.stdin.close()
        status = self.process.wait(seconds)
        self.process.stdout.close()
        if status != 0:
            raise GatewayError(f"{self.name}: status {status}: {self.log_text()[-1500:]}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Counting:
    """What the gateway counted meanwhile.

        with Counting(gateway) as n:
            ...
        assert n["drop.auth"] == 10 and n.drops() == {"drop.auth": 10}
    """

    def __init__(self, gateway):
        self.gateway = gateway

    def __enter__(self):
        self.before = self.gateway.read()["counters"]
        return self

    def __exit__(self, *_):
        after = self.gateway.read()["counters"]
        self.grown = {name: after[name] - self.before[name] for name in after}

    def __getitem__(self, name):
        return self.grown[name]

    def drops(self):
        """By name, less the listener reports of IPv6 hosts, which come when they please."""
        return {name: n for name, n in self.grown.items()
                if n and name.startswith("drop.") and name != "drop.multicast"}
