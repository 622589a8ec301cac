# SPDX-License-Identifier: BSD-3-Clause
"""Encryptors that speak SKIP over TLS with a pre-shared key reach lumengate-kms through stunnel."""

import json
import secrets
import socket
import subprocess

import pytest

from conftest import ROOT  # noqa: F401: the path of what follows
from kme import Lab, free_port

ROUTER = {"a": "a-1", "b": "b-1"}

# docs/kms-clients.md has it for operators.
STUNNEL = """
foreground = yes
pid =
[encryptor]
accept = 127.0.0.1:{port}
connect = {folder}/between
ciphers = PSK
PSKsecrets = {folder}/psk
[kme]
client = yes
accept = {folder}/between
connect = 127.0.0.1:{kme}
CAfile = {ca}
verifyChain = yes
checkHost = localhost
cert = {certificate}
key = {key}
"""


class Stunnel:
    """At SITE: from TLS with a pre-shared key to TLS with the certificate of an SAE."""

    def __init__(self, lab, folder, site):
        self.lab, self.port, self.psk = lab, free_port(), secrets.token_hex(48)
        self.identity = f"router-{site}"
        own = lab.certificates.client(ROUTER[site])
        folder.mkdir(mode=0o700)
        (folder / "psk").write_text(f"{self.identity}:{self.psk}\n")
        (folder / "psk").chmod(0o600)
        (folder / "conf").write_text(STUNNEL.format(
            folder=folder, port=self.port, kme=lab.kme[site].port, ca=lab.certificates.ca.pem,
            certificate=own.pem, key=own.key))
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(["stunnel4", str(folder / "conf")], stderr=self.log,
                                        stdout=self.log, stdin=subprocess.DEVNULL)
        lab.wait_for(self.listens, 10, "stunnel")

    def listens(self):
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def get(self, target, version="-tls1_2", psk=None, identity=None):
        """(status, object) of a request as an encryptor makes it; None: no TLS."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", version, "-quiet",
             "-psk_identity", identity or self.identity, "-psk", psk or self.psk],
            input=f"GET {target} HTTP/1.1\r\nHost: kme\r\nConnection: close\r\n\r\n",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=10)
        head, _, body = done.stdout.partition("\n\n")
        return (int(head.split()[1]), json.loads(body)) if head else None

    def end(self):
        self.process.terminate()
        self.process.wait(5)
        self.log.close()


@pytest.fixture
def ends(tmp_path):
    with Lab(saes=(), settings={"skip": {"enabled": True}}) as lab:
        for sae in ROUTER.values():
            lab.add_sae(sae, skip=True)
        lab.wait_key()
        both = {site: Stunnel(lab, tmp_path / site, site) for site in ("a", "b")}
        yield both
        for end in both.values():
            end.end()


def test_same_key_at_both_ends(ends):
    for version in ("-tls1_2", "-tls1_3"):
        status, said = ends["a"].get("/capabilities", version)
        assert status == 200 and said["localSystemID"] == "kme-a"
        status, given = ends["a"].get("/key?remoteSystemID=kme-b&size=256", version)
        assert status == 200 and len(bytes.fromhex(given["key"])) == 32
        target = f"/key/{given['keyId']}?remoteSystemID=kme-a"
        status, fetched = ends["b"].get(target, version)
        assert status == 200 and fetched == given
        assert ends["b"].get(target, version)[0] == 400  # once


def test_wrong_secrets(ends):
    good = ends["a"].get("/capabilities")
    assert good[0] == 200
    for version in ("-tls1_2", "-tls1_3"):
        assert ends["a"].get("/capabilities", version, psk=secrets.token_hex(48)) is None
        assert ends["a"].get("/capabilities", version, identity="router-x") is None
        assert ends["a"].get("/capabilities", version, psk=ends["b"].psk) is None
    assert ends["a"].get("/capabilities") == good
