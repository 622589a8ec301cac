# SPDX-License-Identifier: BSD-3-Clause
"""Key of the quantum link at the SAEs of both sites, by two gateways and two lumengate-kms."""

import os
import signal
import sqlite3
import time

import pytest
from kms_certificates import Certificates
from kms_client import Client, keys_of
from kme import Kme
from rig import SITES, run

FLOOR = 64
KEYS = 8  # a request


class Side:
    """What Kme asks of the fake gateways: whether the gateway heard it."""

    def __init__(self, delivery, site):
        self.delivery, self.site = delivery, site

    @property
    def greeted(self):
        return self.delivery.status(self.site)["connected"]


class Delivery:
    """The rig's gateways with delivery, and a KME at each; the form of kme.Lab that Kme takes."""

    settings = {"store": {"max-size-kib": 4 << 10, "low-water-kib": 0}}

    def __init__(self, rig):
        self.rig = rig
        self.folder = rig.path("kms")
        os.mkdir(self.folder, 0o700)
        self.certificates = Certificates(os.path.join(self.folder, "certificates"))
        self.gateways = self
        self.sides = {s: Side(self, s) for s in SITES}
        self.kme = {s: Kme(self, s) for s in SITES}
        self.wait_for = rig.wait_for

    def program(self, name):
        return self.rig.program(name)

    def gateway_socket(self, site):
        return self.rig.path("site-" + site, "delivery.sock")

    def status(self, site):
        return self.rig.rpc(site, "status")["delivery"]

    def weights(self, site, from_a, from_b):
        config = self.rig.rpc(site, "config_get")
        config["lumengate:gateway"]["delivery"].update({"weight-a-percent": from_a, "weight-b-percent": from_b})
        self.rig.rpc(site, "config_set", {"config": config})

    def audit(self, site):
        return self.kme[site].call("kms_status")["gateway"]["audit"]

    def open(self, seconds=20):
        """Key may flow, from both sites."""
        self.wait_for(lambda: all(self.status("a")[s]["in_force"] > 0 for s in ("from_a", "from_b")),
                      seconds, "weights in force")

    def segments(self, site):
        """Of a KME that has ended, what its database says beside key: place -> block, units, void."""
        with sqlite3.connect(f"file:{self.kme[site].path('kms.db')}?mode=ro", uri=True) as db:
            return {(c, p): (block, units, void) for c, p, block, units, void in db.execute(
                "SELECT class, position, block, units, shunned FROM segment")}

    def client(self, sae):
        return Client(self.kme[sae[0]].port, self.certificates.ca.pem, self.certificates.client(sae))

    def exchange(self, giver, fetcher, rounds=1, seconds=20):
        """enc_keys here, dec_keys there: the same bytes, and each but once."""
        seen = set()
        give, fetch = self.client(giver), self.client(fetcher)
        for _ in range(rounds):
            given = self.wait_for(lambda: (lambda r: r.status == 200 and r)(
                give.enc(fetcher, number=KEYS)), seconds, f"{giver} gets keys")
            keys = keys_of(given)
            got = fetch.dec(giver, [i for i, _ in keys])
            assert got.status == 200, got
            assert keys_of(got) == keys
            assert fetch.dec(giver, [keys[0][0]]).status == 400
            assert not seen & {k for _, k in keys}
            seen |= {k for _, k in keys}
        give.close()
        fetch.close()
        return seen

    def end(self):
        for kme in self.kme.values():
            assert kme.end() in (0, None)


@pytest.fixture
def delivery(rig):
    for site in SITES:
        config = rig.config(site)
        gateway = config["lumengate:gateway"]
        gateway["qkd"]["block-bits"] = 300000
        gateway["delivery"] = {"socket": rig.path("site-" + site, "delivery.sock"), "link-number": 5,
                               "weight-a-percent": 30, "weight-b-percent": 30, "floor-keys": FLOOR}
        rig.write_config(site, config)
    rig.start_model()
    for site in SITES:
        rig.start_gateway(site)
    for site in SITES:
        rig.wait_ready(site)
    d = Delivery(rig)
    yield d
    for kme in d.kme.values():
        kme.end(signal.SIGKILL)


def both_ways(d, rounds=1):
    keys = d.exchange("a-1", "b-1", rounds)
    others = d.exchange("b-1", "a-1", rounds)
    assert not keys & others
    return keys | others


@pytest.mark.long
def test_delivery(delivery):
    d = delivery
    rig = d.rig
    # Without a key delivery nothing leaves the gateways, and they say so.
    rig.wait_for(lambda: rig.rpc("b", "link_show")["engine"]["blocks_ok"] >= 1, 20, "a block")
    assert d.status("a")["segments"] == d.status("b")["segments"] == 0
    assert d.status("a")["from_a"]["state"] == "no key delivery is connected here"

    for kme in d.kme.values():
        kme.start()
    for site in SITES:
        for sae in ("a-1", "b-1"):
            d.kme[site].add_sae(sae)
    d.open()
    seen = both_ways(d, 2)

    # The weights change at one end, under way, and at that end alone: the streams stay the same.
    before = d.status("a")["segments"]
    d.weights("b", 80, 0)
    for weights in ((5, 90), (90, 5), (0, 60), (40, 40)):
        d.weights("a", *weights)
        rig.wait_for(lambda: (d.status("a")["from_a"]["in_force"],
                              d.status("a")["from_b"]["in_force"]) == weights, 5, "weights")
        time.sleep(0.7)
    rig.wait_for(lambda: d.status("a")["segments"] > before + 4, 20, "blocks under the weights")
    seen |= both_ways(d, 2)

    # A KME is killed: the other gateway hears of it, nothing is delivered; then it goes on.
    d.kme["b"].kill()
    rig.wait_for(lambda: d.status("a")["from_b"]["in_force"] == 0, 5, "weights are 0 without a KME")
    d.kme["b"].start()
    d.open()
    seen |= both_ways(d)

    # A gateway is killed: what it had not handed over is void at the other site at most.
    rig.kill("gw-b")
    rig.wait_for(lambda: d.status("a")["from_a"]["state"] == "no session with the other gateway", 10,
                 "the session is over")
    rig.start_gateway("b")
    rig.wait_ready("b")
    d.open(30)
    seen |= both_ways(d)

    # The channel is cut, and comes back.
    run("ip", "-n", rig.ns("wan"), "link", "set", "wa", "down")
    rig.wait_for(lambda: d.kme["a"].call("kms_status")["gateway"]["session"] is False, 10,
                 "the KME hears that there is no session")
    run("ip", "-n", rig.ns("wan"), "link", "set", "wa", "up")
    d.open(30)
    seen |= both_ways(d, 2)

    # A clean end and start of one. Then nothing more comes, and all is compared.
    assert d.kme["a"].end() == 0
    d.kme["a"].start()
    d.open()
    seen |= both_ways(d)
    assert len(seen) == 2 * KEYS * (2 + 2 + 1 + 1 + 2 + 1)
    d.weights("a", 0, 0)
    rig.wait_for(lambda: all(d.status(s)["queued_bytes"] == 0 for s in SITES), 10, "nothing waits")
    time.sleep(10.5)  # the audit's grace
    compared = {s: d.audit(s)["epochs"] for s in SITES}
    rig.wait_for(lambda: all(d.audit(s)["epochs"] > compared[s] + 1 for s in SITES), 15, "an audit")
    for site in SITES:
        figures, audit = d.status(site), d.audit(site)
        assert figures["bad_packets"] == figures["bad_messages"] == 0
        assert figures["dropped"] == figures["refused"] == 0
        assert audit["bad_messages"] == 0
        assert rig.rpc(site, "link_show")["engine"]["protocol_errors"] == 0
    for kme in d.kme.values():
        assert kme.end() == 0
    a, b = (d.segments(s) for s in SITES)
    assert len(a.keys() & b.keys()) >= 10
    for place in a.keys() | b.keys():
        one, other = a.get(place), b.get(place)
        if one and other:
            assert one == other or (one[2] and other[2])
        else:  # what the killed gateway had not handed over
            assert (one or other)[2]
