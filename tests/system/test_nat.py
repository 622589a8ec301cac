# SPDX-License-Identifier: BSD-3-Clause
"""Site a behind address translation: the Linux kernel's own, in the namespace between the gateways.

    gw-a  10.9.0.2 ---- 10.9.0.1  wan  192.0.2.5 ---- 192.0.2.6  gw-b

The kernel forgets all it translated by an interface that goes down, and picks ports at random: so
what a translator that restarts does is brought about by `ip link set down` and up.
"""

import shutil
import subprocess

import pytest
from conftest import start_imported
from rig import Rig

INSIDE, GATE = "10.9.0.2", "10.9.0.1"
OUTSIDE, PEER = "192.0.2.5", "192.0.2.6"

RULES = f"""
table ip nat {{
	chain out {{
		type nat hook postrouting priority srcnat
		ip saddr {INSIDE} oifname "wb" masquerade fully-random
	}}
}}
"""


class NatRig(Rig):
    def config(self, site):
        config = super().config(site)
        gateway = config["lumengate:gateway"]
        own, other = (INSIDE, PEER) if site == "a" else (PEER, OUTSIDE)
        gateway["port"]["wan"]["address"] = [f"{own}/30"]
        tunnel, channel = gateway["tunnel"][0], gateway["channel"]
        for entry in (tunnel, channel):
            entry["local"], entry["remote"] = own, other
        tunnel["encapsulation"] = "udp"
        if site == "a":
            gateway["route"].append({"prefix": "192.0.2.4/30", "via": "wan", "next-hop": GATE})
        else:
            tunnel["nat-peer"] = channel["nat-peer"] = "dynamic"
        return config

    def wan(self, *command, **options):
        return subprocess.run(self.in_ns("wan") + list(command), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20, **options)

    def translate(self):
        """In place of the bridge; says why this kernel cannot, or nothing."""
        for name, address in (("wa", GATE), ("wb", OUTSIDE)):
            self.wan("ip", "link", "set", name, "nomaster", check=True)
            self.wan("ip", "address", "add", f"{address}/30", "dev", name, check=True)
        self.wan("sysctl", "-qw", "net.ipv4.ip_forward=1", check=True)
        done = self.wan("nft", "-f", "-", input=RULES)
        return done.stdout.strip() if done.returncode != 0 else ""

    def forget(self):
        for state in ("down", "up"):
            self.wan("ip", "link", "set", "wb", state, check=True)

    def tunnel(self):
        return self.rpc("b", "tunnel_list")["tunnels"][0]

    def channel(self):
        return self.rpc("b", "link_show")["channel"]


@pytest.fixture
def nat():
    if shutil.which("nft") is None:
        pytest.skip("there is no nft (package nftables)")
    with NatRig(quantum=False) as r:
        r.wire()
        why = r.translate()
        if why:
            pytest.skip(f"this kernel does not translate addresses: {why.splitlines()[0]}")
        start_imported(r)
        r.wait_for(lambda: r.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")
        yield r


def test_site_behind_the_kernels_nat(nat):
    """Site a is found at the port that was picked for it, and again at the next one."""
    assert nat.ping(20, interval=0.05) == (20, 20)
    assert nat.ping(20, interval=0.05, source="b") == (20, 20)
    peer, channel = nat.tunnel()["peer"], nat.channel()
    assert peer["address"] == OUTSIDE and peer["port"] != 4500
    assert peer["moves"] == 1 and channel["moves"] == 1
    nat.forget()
    nat.wait_for(lambda: nat.tunnel()["peer"]["moves"] == 2 and nat.channel()["moves"] == 2, 20,
                 "site a is found again")
    assert nat.tunnel()["peer"]["port"] != peer["port"]
    assert nat.ping(20, interval=0.05, source="b") == (20, 20)
    rekeys = nat.tunnel()["rekeys"]
    nat.wait_for(lambda: nat.tunnel()["rekeys"] > rekeys + 2, 10, "rekeying through the new port")
    assert nat.channel()["sessions"] == 1
    for site in ("a", "b"):
        counters = nat.rpc(site, "counter_list")
        assert counters["drop.auth"] == 0 and counters["drop.replay"] == 0
