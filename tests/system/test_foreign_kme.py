# SPDX-License-Identifier: BSD-3-Clause
"""Keys from KMEs of another maker: the client against one that misbehaves, then two whole sites."""

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid

import pytest

from conftest import ROOT, lgctl
from foreign_kme import NOT_FOUND, Pair, container, drip
from kme import Lab
from rig import Rig

HELLO, ENC, DEC, CLIENT_HELLO, STATUS, KEYS, FAILED = 1, 2, 3, 16, 17, 18, 19
UNREACHABLE, GARBLED, REFUSED, BUSY = 1, 2, 3, 4
CLIENT = os.path.join(ROOT, "build", "control", "lumengate-kme-client")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    p = Pair(str(tmp_path_factory.mktemp("certificates")))
    yield p
    p.stop()


class Gateway:
    """Plays a gateway: has the client fetch, and reads what comes of it (control/kme_wire.h)."""

    def __init__(self, pair, folder, site="a", **settings):
        self.folder, self.request = str(folder), 0
        path = os.path.join(self.folder, "kme.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        with open(os.path.join(ROOT, "config", "examples", "foreign-kme-a.json")) as f:
            config = json.load(f)
        gateway = config["lumengate:gateway"]
        gateway["site"] = site
        gateway["foreign-kme"] = {**pair.settings(site), "socket": path, "timeout-s": 2, **settings}
        self.config = os.path.join(self.folder, "config.json")
        with open(self.config, "w") as f:
            json.dump(config, f)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            [CLIENT, "--config", self.config, "--yang-dir", os.path.join(ROOT, "config")],
            stderr=self.log, stdin=subprocess.DEVNULL)
        self.listener.settimeout(20)
        self.socket = self.listener.accept()[0]
        self.socket.settimeout(20)
        self.socket.send(struct.pack(">BHc", HELLO, 1, site.upper().encode()))
        assert self.socket.recv(100) == struct.pack(">BH", CLIENT_HELLO, 1)

    def receive(self):
        """(type, what it says) of the next packet; a STATUS between is passed over."""
        packet = self.socket.recv(65536)
        kind, rest = packet[0], packet[1:]
        if kind == STATUS:
            light, stored, most = struct.unpack(">BIH", rest[:7])
            source = rest[8:8 + rest[7]].decode()
            return kind, (light, stored, most, source)
        if kind == KEYS:
            request, n = struct.unpack(">IH", rest[:6])
            assert request == self.request and len(rest) == 6 + 68 * n
            return kind, {rest[6 + 68 * i:42 + 68 * i].decode(): rest[42 + 68 * i:74 + 68 * i]
                          for i in range(n)}
        assert kind == FAILED
        request, fault, wait, n = struct.unpack(">IBIB", rest[:10])
        return kind, (request, fault, wait, rest[10:10 + n].decode())

    def reply(self):
        while True:
            kind, what = self.receive()
            if kind == KEYS or (kind == FAILED and what[0] != 0):
                return kind, what

    def enc(self, number=4):
        self.request += 1
        self.socket.send(struct.pack(">BIH", ENC, self.request, number))
        return self.reply()

    def dec(self, ids):
        self.request += 1
        self.socket.send(struct.pack(">BIH", DEC, self.request, len(ids)) + "".join(ids).encode())
        return self.reply()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(5)
        self.socket.close()
        self.listener.close()
        self.log.close()
        return status


@pytest.fixture
def gateway(pair, tmp_path):
    g = Gateway(pair, tmp_path)
    yield g
    pair.server["a"].misbehave = None
    assert g.process.poll() is None, "the client ended"
    assert g.end() == 0


def keys_of(number=4, size=32, **changes):
    """A container with CHANGES: functions of the list of keys."""
    c = container([(str(uuid.uuid4()), os.urandom(size)) for _ in range(number)])
    for change in changes.values():
        c["keys"] = change(c["keys"])
    return c


def without(name):
    return lambda keys: [{k: v for k, v in key.items() if k != name} for key in keys]


def with_all(name, value):
    return lambda keys: [{**key, name: value} for key in keys]


def says(status, body, headers=(), kind="application/json"):
    def misbehave(handler, what):
        handler.answer(status, body() if callable(body) else body, headers, kind)
        return True
    return misbehave


def hangs_up(handler, what):
    handler.connection.close()
    return True


# What the KME does to enc_keys of 4 keys of 32 bytes, the fault, and words of it.
HOSTILE = {
    "html": (says(200, b"<html>hello</html>", kind="text/html"), GARBLED, "no JSON object"),
    "empty": (says(200, b""), GARBLED, "no JSON object"),
    "bytes": (says(200, os.urandom(5000)), GARBLED, "no JSON object"),
    "deep": (says(200, b'{"keys":' + b"[" * 100000), GARBLED, "no JSON object"),
    "wide": (says(200, b'{"keys":[' + b"0," * 100000 + b"0]}"), GARBLED, "no JSON object"),
    "huge": (says(200, b" " * (4 << 20)), GARBLED, "longer than 256 KiB"),
    "no-keys": (says(200, {}), GARBLED, "no array keys"),
    "keys-object": (says(200, {"keys": {}}), GARBLED, "no array keys"),
    "fewer": (says(200, lambda: keys_of(3)), GARBLED, "3 keys, not the 4"),
    "more": (says(200, lambda: keys_of(5)), GARBLED, "5 keys, not the 4"),
    "128-bit": (says(200, lambda: keys_of(size=16)), GARBLED, "not 256 bits"),
    "264-bit": (says(200, lambda: keys_of(size=33)), GARBLED, "not 256 bits"),
    "no-base64": (says(200, lambda: keys_of(a=with_all("key", "*" * 44))), GARBLED, "not 256 bits"),
    "key-number": (says(200, lambda: keys_of(a=with_all("key", 5))), GARBLED, "not 256 bits"),
    "no-key": (says(200, lambda: keys_of(a=without("key"))), GARBLED, "not 256 bits"),
    "no-id": (says(200, lambda: keys_of(a=without("key_ID"))), GARBLED, "no UUID"),
    "short-id": (says(200, lambda: keys_of(a=with_all("key_ID", "1"))), GARBLED, "no UUID"),
    "one-id": (says(200, lambda: keys_of(a=with_all("key_ID", str(uuid.uuid4())))), GARBLED,
               "key 2 has the key_ID of key 1"),
    "redirect": (says(302, b"", [("Location", "https://127.0.0.1:1/")]), GARBLED, "302"),
    "401": (says(401, {"message": "not you\n\x1b[31m"}), REFUSED, "401 not you??[31m"),
    "400": (says(400, {"message": NOT_FOUND}), REFUSED, "400 " + NOT_FOUND),
    "404": (says(404, b"nginx", kind="text/html"), REFUSED, "404"),
    "500": (says(500, b"x" * 1000), REFUSED, "500"),
    "503": (says(503, {"message": "pool empty"}, [("Retry-After", "7")]), BUSY, "503 pool empty"),
    "hangs-up": (hangs_up, UNREACHABLE, ""),
}


def test_hostile_answers(pair, gateway):
    kind, what = gateway.receive()
    assert kind == STATUS and what == (0, 100000, 128, "foreign-a")
    for name, (misbehave, fault, words) in HOSTILE.items():
        pair.server["a"].misbehave = misbehave
        kind, what = gateway.enc()
        assert kind == FAILED and what[:2] == (gateway.request, fault), (name, what)
        assert words in what[3], (name, what)
        assert what[2] == (7000 if name == "503" else 0)
        pair.server["a"].misbehave = None
        kind, keys = gateway.enc()
        assert kind == KEYS and len(keys) == 4, name
        assert all(pair.keys.pop(i) == k for i, k in keys.items()), name
    # What keys say is nobody's business: nothing of them is in the log.
    gateway.log.seek(0)
    text = gateway.log.read()
    assert "garbled" in text
    assert all(base64.b64encode(k).decode() not in text for k in keys.values())


def test_slow_and_absent(pair, gateway):
    assert gateway.receive()[0] == STATUS
    pair.server["a"].misbehave = drip
    begin = time.monotonic()
    kind, what = gateway.enc()
    assert kind == FAILED and what[1] == UNREACHABLE and "timed out" in what[3]
    assert 1.5 < time.monotonic() - begin < 4
    pair.server["a"].misbehave = None
    pair.kill("a")
    kind, what = gateway.enc()
    assert kind == FAILED and what[1] == UNREACHABLE
    # Something else listens there: plain text, then a TLS server that says nothing.
    other = socket.create_server(("127.0.0.1", pair.port["a"]))
    threading.Thread(target=lambda: other.accept()[0].sendall(b"HTTP/1.1 200 OK\r\n\r\n{}"),
                     daemon=True).start()
    kind, what = gateway.enc()
    other.close()
    assert kind == FAILED and what[1] == UNREACHABLE
    pair.start("a")
    kind, keys = gateway.enc()
    assert kind == KEYS
    # The status says so by itself after a failure.
    assert gateway.receive()[0] == STATUS


def test_kme_that_is_another(pair, tmp_path):
    ca = pair.certificates
    wrong = {"other-ca": ca.bad("other-ca", "kme-a"), "expired": ca.bad("expired", "kme-a"),
             "client": ca.client("nobody"),
             "host": ca.ca.issue("host", "kme-a", purpose="server", alternative=("DNS:elsewhere",))}
    for name, certificate in wrong.items():
        pair.kill("a")
        pair.start("a", certificate)
        folder = tmp_path / name
        folder.mkdir()
        g = Gateway(pair, folder)
        kind, what = g.receive()
        assert kind == FAILED and what[:2] == (0, UNREACHABLE), (name, what)
        assert pair.server["a"].requests == []
        assert g.end() == 0
    pair.kill("a")
    pair.start("a")


def test_who_we_are(pair, tmp_path):
    """The KME must take us for whom the configuration says, and have keys of 256 bits."""
    for name, settings, words in (
            ("sae", {"sae": "someone"}, "makes this gateway SAE lumengate-a"),
            ("peer", {"peer-sae": "lumengate-x y/z"}, "400 unknown SAE"),
            ("certificate", {"certificate": pair.certificates.client("stranger").pem,
                             "private-key": pair.certificates.client("stranger").key},
             "401 who are you")):
        (tmp_path / name).mkdir()
        g = Gateway(pair, tmp_path / name, **settings)
        kind, what = g.receive()
        assert kind == FAILED and what[:2] == (0, REFUSED) and words in what[3], (name, what)
        assert g.end() == 0
    status = pair.status("a")
    for name, change, fault, words in (
            ("large", {"min_key_size": 352}, REFUSED, "none of 256"),
            ("text", {"max_key_per_request": "128"}, GARBLED, "max_key_per_request is no integer"),
            ("zero", {"max_key_per_request": 0}, GARBLED, "max_key_per_request is 0"),
            ("light", {"status_extension": {"lumengate_simulated": True}}, None, None)):
        (tmp_path / name).mkdir()
        pair.server["a"].misbehave = says(200, {**status, **change})
        g = Gateway(pair, tmp_path / name)
        kind, what = g.receive()
        if fault is None:
            assert kind == STATUS and what[0] == 2
        else:
            assert kind == FAILED and what[:2] == (0, fault) and words in what[3], (name, what)
        assert g.end() == 0
    pair.server["a"].misbehave = None


def test_dec_keys(pair, tmp_path):
    g = Gateway(pair, tmp_path, site="b")
    assert g.receive()[0] == STATUS
    given = {k["key_ID"]: base64.b64decode(k["key"]) for k in pair.give(3, 256)["keys"]}
    kind, keys = g.dec(list(given))
    assert kind == KEYS and list(keys.items()) == list(given.items())  # in our order
    kind, what = g.dec(list(given))
    assert kind == FAILED and what[1] == REFUSED and NOT_FOUND in what[3]
    pair.server["b"].misbehave = says(200, lambda: keys_of(3))
    kind, what = g.dec(list(given))
    assert kind == FAILED and what[1] == GARBLED and "not asked for" in what[3]
    pair.server["b"].misbehave = None
    assert g.end() == 0


class OwnKmes:
    """A pair of lumengate-kms as the foreign KMEs."""

    def __init__(self, lab):
        self.lab = lab

    def settings(self, site):
        own, peer = ("a-1", "b-1") if site == "a" else ("b-1", "a-1")
        certificate = self.lab.certificates.client(own)
        return {"url": f"https://localhost:{self.lab.kme[site].port}",
                "ca": self.lab.certificates.ca.pem, "certificate": certificate.pem,
                "private-key": certificate.key, "sae": own, "peer-sae": peer}


def test_kmes_of_our_own(tmp_path):
    with Lab(saes=("a-1", "b-1")) as lab:
        lab.wait_key()
        ends = {}
        for site in ("a", "b"):
            (tmp_path / site).mkdir()
            ends[site] = Gateway(OwnKmes(lab), tmp_path / site, site)
            kind, (light, stored, most, kme) = ends[site].receive()
            assert kind == STATUS and stored > 0 and most == 128 and kme == "kme-" + site
            assert light == 2  # the lab's key says that it is simulated
        for number in (1, 64, 128):
            kind, given = ends["a"].enc(number)
            assert kind == KEYS and len(given) == number
            kind, fetched = ends["b"].dec(list(given))
            assert kind == KEYS and fetched == given
            kind, what = ends["b"].dec(list(given)[:1])
            assert kind == FAILED and what[1] == REFUSED and NOT_FOUND in what[3]
        lab.kme["a"].kill()
        kind, what = ends["a"].enc()
        assert kind == FAILED and what[1] == UNREACHABLE
        for end in ends.values():
            assert end.end() == 0


def test_bad_input():
    for words, status, text in (
            (["--config", "/nonexistent"], 2, "/nonexistent"),
            (["--config", os.path.join(ROOT, "config/examples/site-a.json")], 2,
             "foreign-kme: missing"),
            (["--config", os.path.join(ROOT, "config/examples/foreign-kme-a.json")], 2,
             "foreign-kme/ca: /etc/lumengate/kme-ca.pem"),
            ([], 2, "usage"), (["--what"], 2, "usage")):
        done = subprocess.run([CLIENT, *words, "--yang-dir", os.path.join(ROOT, "config")],
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == status and text in done.stderr, done.stderr


# --- two whole sites --------------------------------------------------------------------------

LOW, HIGH = 56, 64


class Sites(Rig):
    """Gateways without cards, whose keys come from a pair of lumengate-kms through two clients."""

    def __init__(self, kmes):
        super().__init__(quantum=False)
        self.kmes = kmes

    def config(self, site):
        config = super().config(site)
        gateway = config["lumengate:gateway"]
        gateway["foreign-kme"] = {**self.kmes.settings(site), "batch": 8, "low-water-keys": LOW,
                                  "high-water-keys": HIGH, "timeout-s": 3,
                                  "socket": self.path("site-" + site, "kme.sock")}
        gateway["keystore"]["low-water-keys"] = 4
        gateway["tunnel"][0]["rekey"] = {"period-ms": 200, "hard-life-ms": 60000, "profile": "lan"}
        return config

    def start_client(self, site):
        self.start("kme-client-" + site, [
            self.program("lumengate-kme-client"), "--config",
            self.path("site-" + site, "config.json"), "--yang-dir", os.path.join(ROOT, "config")])

    def kme(self, site):
        return self.rpc(site, "kme_show")

    def alarms(self, site):
        return {a["kind"]: a["text"] for a in self.rpc(site, "alarm_list")["alarms"] if a["active"]}

    def keys(self, site):
        return self.rpc(site, "keystore_show")["available"]["rekey"]

    def rekeys(self):
        return self.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"]


@pytest.mark.long
def test_sites_on_foreign_keys():
    with Lab(saes=("a-1", "b-1")) as lab, Sites(OwnKmes(lab)) as rig:
        rig.wire()
        rig.start_watch()
        for site in ("a", "b"):
            rig.start_client(site)
            rig.start_gateway(site)
        for site in ("a", "b"):
            rig.wait_ready(site)
        rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 20, "the first encrypted ping")
        rig.wait_for(lambda: rig.keys("a") > HIGH - 8 and rig.keys("b") > HIGH - 8, 20, "keys")
        for site in ("a", "b"):
            shown = rig.kme(site)
            assert shown["ready"] and shown["kme"] == "kme-" + site
            assert shown["simulated"] == "yes" and shown["stored"] == rig.kme("a")["stored"]
            assert shown["dropped"] == 0 and shown["bad_messages"] == 0
            stored = rig.rpc(site, "keystore_show")
            assert stored["has_foreign"] is True and stored["simulated"] is True
            assert set(rig.alarms(site)) == set()
        assert "ready" in lgctl(rig, "a", "kme", "show")
        assert rig.rpc("b", "status")["kme"]["client"] is True

        # The KMEs die: nothing is lost while keys last, and it is said.
        ping = subprocess.Popen(rig.in_ns("dc-a") + ["ping", "-q", "-c", "80", "-i", "0.05",
                                                     "-W", "2", "10.2.0.2"],
                                stdout=subprocess.PIPE, text=True)
        before = rig.rekeys()
        for site in ("a", "b"):
            lab.kme[site].kill()
        rig.wait_for(lambda: "kme-unreachable" in rig.alarms("a"), 30, "the alarm")
        assert "80 received" in ping.communicate()[0]
        assert rig.rekeys() >= before + 12
        # Keys of the store outlive the gateway.
        rig.stop("gw-b")
        rig.start_gateway("b")
        rig.wait_ready("b")
        rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 20, "ping after a restart without KME")
        assert rig.rpc("b", "keystore_show")["has_foreign"] is True

        for site in ("a", "b"):
            lab.kme[site].start()
        rig.wait_for(lambda: rig.keys("a") > HIGH - 8 and rig.keys("b") > HIGH - 8, 40,
                     "keys again")
        rig.wait_for(lambda: not rig.alarms("a") and not rig.alarms("b"), 10, "no alarms")

        # A client that dies is another process than the gateway.
        rig.kill("kme-client-a")
        assert rig.ping(5, 0.1)[1] == 5
        rig.wait_for(lambda: "kme-unreachable" in rig.alarms("a"), 10, "the alarm")
        rig.start_client("a")
        rig.wait_for(lambda: "kme-unreachable" not in rig.alarms("a"), 10, "the client")
        assert rig.ping(5, 0.1)[1] == 5
        tunnel = rig.rpc("b", "tunnel_list")["tunnels"][0]
        assert tunnel["rejects"] == 0, tunnel
        seen = rig.stop_watch()
        assert seen["plaintext"] == 0 and seen["esp"] >= 2 * 90, seen
