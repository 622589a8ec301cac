# SPDX-License-Identifier: BSD-3-Clause
"""lumengate-kms by itself: its certificates and theirs, as other people's programs see it.

No gateway and no key: whoever is known gets the status, others the reason why not.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from kme import free_port
from kms_certificates import Authority, Certificates
from kms_client import Client
from rig import ROOT, RpcError, call

STATUS = "/api/v1/keys/b-1/status"


class Kms:
    """One program with a CA of its own, in a folder of its own."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.certificates = Certificates(self.path("certificates"))
        self.port = free_port()
        self.process = None
        with open(os.open(self.path("storage.key"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(os.urandom(32))
        kme = self.certificates.kme["a"]
        # Clients keep the CA's own file, whatever becomes of whom the KME trusts.
        shutil.copy(self.certificates.ca.pem, self.path("trust.pem"))
        self.settings = {
            "name": "kme-a", "peer-name": "kme-b", "site": "a",
            "listen": [{"address": "127.0.0.1", "port": self.port}],
            "certificate": kme.pem, "private-key": kme.key, "ca": self.path("trust.pem"),
            "crl": self.certificates.ca.crl, "gateway-socket": self.path("gateway.sock"),
            "store": {"path": self.path("kms.db"), "storage-key": self.path("storage.key"),
                      "max-size-kib": 1 << 10},
            "control": {"socket": self.path("control.sock")}}

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, *words):
        with open(self.path("kms.json"), "w") as f:
            json.dump({"lumengate:kms": self.settings}, f)
        build = os.environ.get("LUMENGATE_BUILD") or os.path.join(ROOT, "build")
        return [os.path.join(build, "control/lumengate-kms"), "--config", self.path("kms.json"),
                "--yang-dir", os.path.join(ROOT, "config"), *words]

    def run(self, *words):
        """Exit status and output of a run that ends by itself."""
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20)
        return done.returncode, done.stdout

    def start(self, saes=(("a-1", "local"), ("b-1", "peer"))):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        self.wait_for(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)
        for sae, side in saes:
            self.add(sae, side=side)
        return self

    def add(self, sae, **members):
        self.call("kms_sae_add", {"sae": {"id": sae, **members}})

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(10)

    def wait_for(self, condition, seconds=10):
        deadline = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, self.log()
            try:
                if condition():
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def call(self, method, params=None):
        return call(self.path("control.sock"), method, params)

    def counted(self, name):
        return self.call("kms_https")[name]

    def log(self):
        with open(self.path("log")) as f:
            return f.read()

    def alarms(self):
        return {a["kind"]: a["text"] for a in self.call("alarm_list")["alarms"] if a["active"]}

    def client(self, certificate=None, **options):
        return Client(self.port, self.certificates.ca.pem, certificate, **options)

    def ask(self, certificate):
        """The answer to a status request with CERTIFICATE on a connection of its own."""
        with self.client(certificate) as c:
            return c.status("b-1")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Started once, for tests that leave it as it is."""
    k = Kms(tmp_path_factory.mktemp("kms")).start()
    yield k
    assert k.stop() == 0


@pytest.fixture
def own(tmp_path):
    """Not started; the test may do with it what it likes."""
    k = Kms(tmp_path)
    yield k
    if k.process is not None and k.process.poll() is None:
        assert k.stop() == 0


REASONS = {"other-ca": "peer_foreign", "same-name-ca": "peer_foreign", "self-signed": "peer_foreign",
           "expired": "peer_expired", "not-yet": "peer_not_yet", "null-in-name": "peer_name",
           "no-name": "peer_name", "wrong-purpose": "peer_purpose", "server-purpose": "peer_purpose"}


@pytest.mark.parametrize("kind", sorted(REASONS))
def test_bad_certificates_are_counted_by_their_reason(shared, kind):
    before = shared.counted(REASONS[kind])
    reply = shared.ask(shared.certificates.bad(kind, "a-1"))
    assert reply.status == 401 and reply.message.startswith("client certificate: ")
    assert reply.headers["connection"] == "close"
    assert shared.counted(REASONS[kind]) == before + 1


def test_two_names_in_one_certificate(shared):
    two = shared.certificates.ca.issue("two", "a-1/CN=b-1")
    reply = shared.ask(two)
    assert reply.status == 401 and "two common names" in reply.message


def curl(kms, *words):
    c = kms.certificates.client("a-1")
    done = subprocess.run(["curl", "-sS", "-i", "--cacert", kms.certificates.ca.pem, "--cert", c.pem,
                           "--key", c.key, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=20)
    return done.returncode, done.stdout


def test_curl(shared):
    url = f"https://localhost:{shared.port}{STATUS}"
    for words in (("--tlsv1.3",), ("--tls-max", "1.2"), ("--http2",), ("--http1.0",), ("--compressed",)):
        status, text = curl(shared, *words, url)
        assert status == 0 and text.startswith("HTTP/1.1 200 OK") and '"source_KME_ID"' in text, text
    status, text = curl(shared, "-I", url)
    assert status == 0 and text.startswith("HTTP/1.1 405 ") and text.endswith("\n\n")
    status, text = curl(shared, "-X", "OPTIONS", url)
    assert status == 0 and text.startswith("HTTP/1.1 405 ") and "Allow: GET" in text
    # What curl says by itself of what it sends is no reason to turn it away.
    status, text = curl(shared, "-d", "{}", url.replace("status", "enc_keys"))
    assert status == 0 and not text.startswith("HTTP/1.1 415"), text
    status, text = curl(shared, "-H", "Content-Type: text/xml", "-d", "{}", url.replace("status", "enc_keys"))
    assert status == 0 and text.startswith("HTTP/1.1 415 "), text


def s_client(kms, *words):
    c = kms.certificates.client("a-1")
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{kms.port}", "-CAfile",
                           kms.certificates.ca.pem, "-cert", c.pem, "-key", c.key, *words],
                          input=f"GET {STATUS} HTTP/1.0\r\n\r\n".encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=20)
    return done.stdout.decode(errors="replace")


def test_what_tls_is_spoken(shared):
    assert "TLS_AES_256_GCM_SHA384" in s_client(shared)
    text = s_client(shared, "-tls1_2")
    assert re.search(r"Cipher *: *ECDHE-ECDSA-AES256-GCM-SHA384", text), text
    for words in (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"),
                  ("-tls1_2", "-cipher", "AES256-GCM-SHA384")):
        assert "handshake failure" in s_client(shared, *words)
    assert "protocol version" in s_client(shared, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "no application protocol" in s_client(shared, "-alpn", "h2")
    assert "ALPN protocol: http/1.1" in s_client(shared, "-alpn", "h2,http/1.1")
    # No ticket, so nothing to come back with unverified.
    assert "Reused" not in s_client(shared, "-reconnect", "-tls1_2")
    # Its authority is named, so that a client with many certificates knows which one.
    assert "CN = Lumengate test CA" in s_client(shared).partition("Acceptable client certificate")[2]


def test_a_revoked_certificate_is_refused_from_the_reload_on(own):
    own.start()
    c = own.certificates.client("a-1")
    with own.client(c) as old, own.client(c) as other:
        assert old.status("b-1").status == other.status("b-1").status == 200
        own.certificates.ca.revoke(c)
        assert old.status("b-1").status == 200
        own.process.send_signal(signal.SIGHUP)
        own.wait_for(lambda: "loaded anew" in own.log())
        # Connections that were there before, too.
        assert old.status("b-1").status == 401
        reply = other.status("b-1")
        assert reply.status == 401 and "revoked" in reply.message
    assert own.ask(c).status == 401
    assert own.counted("peer_revoked") == 3


def test_new_certificates_without_a_restart(own):
    own.start()
    c = own.certificates.client("a-1")
    kme = own.certificates.kme["a"]
    fresh = own.certificates.ca.issue("fresh", purpose="server", alternative=("DNS:localhost",))
    text = {path: open(path, "rb").read() for path in (fresh.pem, fresh.key, kme.pem, kme.key)}

    def put(path, data):
        with open(path, "wb") as f:
            f.write(data)

    def seen():
        with own.client(c) as client:
            return dict(x[0] for x in client.connect().getpeercert()["subject"])["commonName"]

    for path, data, reason in ((kme.pem, text[fresh.pem], "private key"), (kme.pem, b"", "certificate"),
                               (own.settings["ca"], b"junk", "authorities"),
                               (own.settings["crl"], b"", "revocation lists")):
        before = open(path, "rb").read()
        put(path, data)
        with pytest.raises(RpcError, match=reason):
            own.call("kms_reload")
        assert reason in own.alarms()["kms-reload"] and "stays" in own.log()
        assert seen() == "kme-a" and own.ask(c).status == 200
        put(path, before)
    put(kme.pem, text[fresh.pem])
    put(kme.key, text[fresh.key])
    own.call("kms_reload")
    assert "kms-reload" not in own.alarms()
    own.wait_for(lambda: seen() == "fresh")
    assert own.ask(c).status == 200


def test_another_authority(own):
    """The one that was trusted before is not, from the reload on."""
    own.start()
    c = own.certificates.client("a-1")
    assert own.ask(c).status == 200
    other = Authority(own.path("other"), "Another CA")
    with open(own.settings["ca"], "w") as f:
        f.write(open(other.pem).read())
    with open(own.settings["crl"], "w") as f:
        f.write(open(other.crl).read())
    own.call("kms_reload")
    reply = own.ask(c)
    assert reply.status == 401 and reply.message.startswith("client certificate: ")
    assert own.ask(other.issue("a-1")).status == 200


def test_identity_by_uri_and_by_serial(own):
    own.settings["identity"] = "san-uri"
    own.start()
    ca = own.certificates.ca
    own.add("a-2", identity="urn:sae:a-2")
    assert own.ask(ca.issue("uri", "whoever", uri="urn:sae:a-2")).status == 200
    reply = own.ask(own.certificates.client("a-1"))
    assert reply.status == 401 and "alternative names" in reply.message
    assert own.stop() == 0
    own.settings["identity"] = "serial"
    own.start(saes=())
    own.add("a-3", identity="0ABC123456")
    assert own.ask(ca.issue("serial", "whoever", serial="0ABC123456")).status == 200
    assert own.ask(ca.issue("serial2", "whoever", serial="0ABC123457")).status == 401


def test_skip_with_a_pre_shared_key(own):
    """As Cisco's routers do: on a port of its own, where nothing but SKIP is served."""
    port, key = free_port(), os.urandom(32).hex()
    with open(os.open(own.path("psk"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(f"router-1:{key}\nrouter-2:{os.urandom(32).hex()}\n")
    own.settings["skip"] = {"enabled": True, "psk-file": own.path("psk"),
                            "listen": [{"address": "127.0.0.1", "port": port}]}
    own.start()
    own.add("a-3", identity="router-1", skip=True)

    def ask(target, identity, key, *words):
        done = subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", "-psk", key,
                               "-psk_identity", identity, *words],
                              input=f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return done.stdout.decode(errors="replace")

    for words in ((), ("-tls1_2",), ("-tls1_2", "-cipher", "PSK-AES256-GCM-SHA384")):
        text = ask("/capabilities", "router-1", key, *words)
        assert "HTTP/1.1 200 OK" in text and '"localSystemID":"kme-a"' in text.replace(" ", ""), text
    text = ask(STATUS, "router-1", key)
    assert "HTTP/1.1 404 " in text and "only SKIP is served" in text
    assert "HTTP/1.1" not in ask("/capabilities", "router-2", key)
    assert "HTTP/1.1" not in ask("/capabilities", "router-3", key)
    # On the other port a key is worth nothing.
    assert "HTTP/1.1" not in s_client(own, "-psk", key, "-psk_identity", "router-1", "-cipher", "PSK",
                                      "-tls1_2")
    assert own.counted("handshake_failed") >= 3
    assert key not in own.log()


def test_a_certificate_of_ours_that_ends(own):
    kme = own.certificates.ca.issue("soon", purpose="server", alternative=("DNS:localhost",), days=(-1, 3))
    own.settings.update({"certificate": kme.pem, "private-key": kme.key})
    own.start()
    assert re.match(r"the KME's certificate ends in 7[12] hours", own.alarms()["kms-certificate"])


def test_no_core_and_no_debugger(shared):
    pid = shared.process.pid
    with open(f"/proc/{pid}/limits") as f:
        assert re.search(r"Max core file size +0 +0 ", f.read())
    # Not dumpable: what it holds belongs to root alone, whoever runs it.
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_reasons_not_to_start(own):
    def fails(status, *words):
        code, text = own.run()
        assert code == status, text
        for word in words:
            assert word in text, text

    assert own.run("--check") == (0, "ok\n")
    good = json.dumps(own.settings)
    own.settings["identity"] = "dn"
    assert own.run("--check")[0] == 2 and "/lumengate:kms/identity" in own.run("--check")[1]
    for member, value in (("certificate", "/nonexistent.pem"), ("ca", "/nonexistent.pem")):
        own.settings = {**json.loads(good), member: value}
        fails(2, f"/lumengate:kms/{member}: /nonexistent.pem: No such file")
    own.settings = json.loads(good)
    key = own.certificates.kme["a"].key
    os.chmod(key, 0o640)
    fails(1, "private key", "mode 640")
    os.chmod(key, 0o600)
    own.settings["private-key"] = own.certificates.client("a-1").key
    fails(1, "private key", "mismatch")
    own.settings = json.loads(good)
    own.settings["certificate"] = own.settings["crl"]
    fails(1, "certificate", "has none in PEM")
    own.settings = json.loads(good)
    own.settings["ca"] = own.settings["crl"]
    fails(1, "authorities", "has none in PEM")
    own.settings = json.loads(good)
    own.settings["http"] = {"connections": 100000}
    if os.geteuid() != 0:
        fails(1, "LimitNOFILE")
    own.settings = json.loads(good)
    with socket.socket() as s:
        s.bind(("127.0.0.1", own.port))
        s.listen()
        fails(1, f"listen 127.0.0.1 port {own.port}: Address already in use")
    own.settings["listen"] = [{"address": "192.0.2.77", "port": own.port}]
    fails(1, "listen 192.0.2.77 port", "Cannot assign requested address")
    # Nothing of that has left anything behind.
    own.settings = json.loads(good)
    own.start()


@pytest.mark.parametrize("sig", (signal.SIGTERM, signal.SIGINT))
def test_a_stop_ends_connections_in_order(own, sig):
    own.settings["listen"].append({"address": "::1", "port": own.port})
    own.start()
    c = own.certificates.client("a-1")
    with own.client(c, host="::1") as idle, own.client(c) as half:
        assert idle.status("b-1").status == 200
        half.send(b"GET /")
        begin = time.monotonic()
        assert own.stop(sig) == 0
        assert time.monotonic() - begin < 4
        assert idle.socket.recv(1) == b""  # with TLS' own farewell, else it raises
    assert not os.path.exists(own.path("control.sock"))
    assert "kme-a stops" in own.log()
