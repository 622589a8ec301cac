# SPDX-License-Identifier: BSD-3-Clause
"""lumengate-web beside a rig of gateways or a lab of key deliveries, and its clients."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from rig import ROOT, call

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web:
    """The program with its files in FOLDER; SETTINGS go over what its configuration has."""

    def __init__(self, program, folder, gateway_socket, kms_socket=None, settings=None):
        self.folder, self.port = folder, free_port()
        os.makedirs(folder, exist_ok=True)
        web = {"listen": [{"address": "127.0.0.1", "port": self.port, "tls": False}],
               "gateway-socket": gateway_socket,
               "history": {"path": self.path("history.db")},
               "control": {"socket": self.path("control.sock")}, **(settings or {})}
        if kms_socket is not None:
            web["kms-socket"] = kms_socket
        with open(self.path("web.json"), "w") as f:
            json.dump({"lumengate:web": web}, f, indent=1)
        self.command = [program, "--config", self.path("web.json"), "--yang-dir",
                        os.path.join(ROOT, "config")]
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        self.wait_for(lambda: self.get("/healthz"), 10, "lumengate-web serves")
        return self

    def stop(self):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        self.process = None
        return status

    def log(self):
        with open(self.path("log"), errors="replace") as f:
            return f.read()

    def get(self, path, accept=None, timeout=10):
        """(status, content type, text) of a GET."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if accept is not None:
            request.add_header("Accept", accept)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as r:
                return r.status, r.headers["Content-Type"], r.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.headers["Content-Type"], e.read().decode()

    def metrics(self):
        """Values by name and labels as they stand there: {'lumengate_up{program="gateway"}': 1.0}."""
        text = self.get("/metrics")[2]
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def call(self, method, params=None):
        return call(self.path("control.sock"), method, params)

    def wait_for(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"lumengate-web ended: {self.log()}")
            try:
                if value := condition():
                    return value
            except OSError:
                pass
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
            time.sleep(0.05)
