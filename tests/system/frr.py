# SPDX-License-Identifier: BSD-3-Clause
"""Routing daemons of FRR, as Debian has them, in a namespace of the rig."""

import json
import os
import shutil
import subprocess

FOLDER = "/usr/lib/frr"


class Frr:
    """One router: its daemons run as the user frr and talk over sockets of their own.

    ENTER goes into a network namespace alone, so that there are the machine's users.
    """

    def __init__(self, rig, name, enter):
        self.rig = rig
        self.name = name
        self.enter = enter
        self.dir = rig.path("frr-" + name)
        self.started = []
        os.mkdir(self.dir, 0o755)
        shutil.chown(self.dir, "frr", "frr")

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, daemon, config, *options):
        with open(self.path(daemon + ".conf"), "w") as f:
            f.write(config)
        self.rig.start(f"{self.name}-{daemon}", self.enter + [
            os.path.join(FOLDER, daemon), "-z", self.path("zserv.api"),
            "--vty_socket", self.dir, "-i", self.path(daemon + ".pid"), "-P", "0",
            "-f", self.path(daemon + ".conf"), "--log", "stdout", *options])
        self.started.append(daemon)
        self.rig.wait_for(lambda: os.path.exists(self.path(daemon + ".vty")), 10,
                          f"{daemon} of {self.name}")

    def start_bfdd(self, config):
        # FRR 10 has its control socket beside the others and no option for it any more.
        usage = subprocess.run([os.path.join(FOLDER, "bfdd"), "--help"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True).stdout
        control = ["--bfdctl", self.path("bfdd.sock")] if "--bfdctl" in usage else []
        self.start("bfdd", config, *control)

    def kill(self, daemon):
        self.started.remove(daemon)
        self.rig.kill(f"{self.name}-{daemon}")

    def show(self, daemon, *words):
        """What "show ... json" says."""
        out = self.vtysh(daemon, "show " + " ".join(words) + " json")
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return {}

    def vtysh(self, daemon, *commands):
        ask = [word for c in commands for word in ("-c", c)]
        done = subprocess.run(self.enter + ["vtysh", "--vty_socket", self.dir, "-d", daemon, *ask],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=20)
        return done.stdout
