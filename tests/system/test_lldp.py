# SPDX-License-Identifier: BSD-3-Clause
"""lldpd as Debian has it, on a gateway's interfaces for daemons and on their neighbours."""

import json
import os
import subprocess

import pytest
from rig import Rig, run


class Lldp(Rig):
    def config(self, site):
        config = super().config(site)
        for port in ("lan", "wan"):
            config["lumengate:gateway"]["port"][port]["exception-interface"] = "lg-" + port
        return config

    def start_lldpd(self, name, enter, interfaces):
        self.start("lldpd-" + name, enter + [
            "lldpd", "-dd", "-u", self.path(name + ".sock"), "-p", self.path(name + ".pid"),
            "-I", interfaces, "-S", "system " + name])
        self.wait_for(lambda: os.path.exists(self.path(name + ".sock")), 10, "lldpd of " + name)
        self.lldpcli(name, "configure", "lldp", "tx-interval", "1")
        self.lldpcli(name, "configure", "system", "hostname", name)

    def lldpcli(self, name, *words):
        done = subprocess.run(["lldpcli", "-u", self.path(name + ".sock"), "-f", "json0", *words],
                              stdout=subprocess.PIPE, text=True, timeout=20)
        return done.stdout

    def neighbours(self, name):
        """Local interface -> (name, port) of who is at the other end."""
        seen = json.loads(self.lldpcli(name, "show", "neighbors", "details"))
        found = {}
        for interface in seen["lldp"][0].get("interface", []):
            chassis, port = interface["chassis"][0], interface["port"][0]
            found[interface["name"]] = (chassis.get("name", [{}])[0].get("value"),
                                        port["descr"][0]["value"])
        return found


@pytest.fixture
def lldp():
    with Lldp(quantum=False) as r:
        r.wire()
        r.start_gateway("a")
        r.wait_ready("a")
        # With the machine's users: lldpd becomes one of its own.
        gateway = ["nsenter", "-t", str(r.holders["a"].pid), "-n"]
        r.start_lldpd("gw", gateway, "lg-lan,lg-wan")
        r.start_lldpd("host", r.in_ns("dc-a"), "lan0")
        r.start_lldpd("carrier", r.in_ns("wan"), "wa")
        yield r


def test_both_ends_see_each_other(lldp):
    gateway = {"lg-lan": ("host", "lan0"), "lg-wan": ("carrier", "wa")}
    lldp.wait_for(lambda: lldp.neighbours("gw") == gateway, 20, "the gateway's neighbours", 0.5)
    lldp.wait_for(lambda: lldp.neighbours("host") == {"lan0": ("gw", "lg-lan")}, 20,
                  "the host's neighbour", 0.5)
    lldp.wait_for(lambda: lldp.neighbours("carrier") == {"wa": ("gw", "lg-wan")}, 20,
                  "the carrier's neighbour", 0.5)
