# SPDX-License-Identifier: BSD-3-Clause
"""Debian's strongSwan at both ends with a post-quantum pre-shared key (RFC 8784) that a pair of
lumengate-kms delivered by ETSI GS QKD 014."""

import base64
import json
import os
import re
import subprocess

import pytest

from conftest import ROOT  # noqa: F401: the path of what follows
from kme import Lab
from strongswan import CHARON, INNER, Wire

SAE = {"a": "a-1", "b": "b-1"}


@pytest.fixture(scope="module")
def kmes():
    with Lab(saes=SAE.values()) as lab:
        lab.wait_key()
        yield lab


@pytest.fixture(scope="module")
def wire(kmes, tmp_path_factory):
    assert os.path.exists(CHARON), "strongSwan is not installed: scripts/setup test"
    with Wire(str(tmp_path_factory.mktemp("strongswan")), kmes.certificates) as w:
        yield w


@pytest.fixture
def ends(wire):
    yield wire.ends["left"], wire.ends["right"]
    for end in wire.ends.values():
        end.swanctl("--terminate", "--ike", "net", "--force", check=False)


def curl(kmes, site, path):
    """As an operator would, with the SAE's certificate."""
    sae = kmes.certificates.client(SAE[site])
    return subprocess.run(
        ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", kmes.certificates.ca.pem, "--cert",
         sae.pem, "--key", sae.key, f"https://localhost:{kmes.kme[site].port}/api/v1/keys/{path}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def key_of(answer):
    assert answer.returncode == 0, answer.stderr
    key, = json.loads(answer.stdout)["keys"]
    return key["key_ID"], base64.b64decode(key["key"])


def keys_at_both_ends(kmes):
    """(key_ID, what site A's KME gave, what site B's gave under that name)."""
    key_id, a = key_of(curl(kmes, "a", SAE["b"] + "/enc_keys?number=1&size=256"))
    again, b = key_of(curl(kmes, "b", f"{SAE['a']}/dec_keys?key_ID={key_id}"))
    assert again == key_id and len(a) == 32
    return key_id, a, b


def initiate(end):
    return end.swanctl("--initiate", "--child", "net", "--timeout", "10", check=False)


def ping(end, count=3):
    out = subprocess.run(
        end.inside("ping", "-q", "-c", str(count), "-i", "0.1", "-W", "1", "-I",
                   INNER[end.name] + ".1", INNER[end.peer] + ".1"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    received = re.search(r"(\d+) received", out)
    return int(received[1]) if received else 0


def test_traffic_under_a_delivered_key(ends, kmes):
    left, right = ends
    key_id, a, b = keys_at_both_ends(kmes)
    left.load(key_id, a)
    right.load(key_id, b)
    assert ping(left, 1) == 0  # nothing passes beside the tunnel
    assert "initiate completed successfully" in initiate(left)
    for end in ends:
        assert f"using PPK for PPK_ID '{key_id}'" in end.log()
        assert " ppk=yes " in end.sas()
    assert ping(left) == 3
    for end in ends:
        assert "packets-in=3 " in end.sas() and "packets-out=3 " in end.sas()
    # The KME has it no more.
    assert curl(kmes, "b", f"{SAE['a']}/dec_keys?key_ID={key_id}").returncode == 22


def test_next_key(ends, kmes):
    left, right = ends
    for _ in range(2):
        key_id, a, b = keys_at_both_ends(kmes)
        left.load(key_id, a)
        right.load(key_id, b)
        assert "initiate completed successfully" in initiate(right)
        assert f"using PPK for PPK_ID '{key_id}'" in left.log()
        assert ping(right) == 3
        right.swanctl("--terminate", "--ike", "net")


def test_other_bits_under_the_same_name(ends, kmes):
    left, right = ends
    key_id, a, b = keys_at_both_ends(kmes)
    left.load(key_id, a)
    right.load(key_id, bytes([b[0] ^ 1]) + b[1:])
    answer = initiate(left)
    assert "initiate failed" in answer and "AUTH_FAILED" in answer, answer
    assert "state=ESTABLISHED" not in left.sas() + right.sas()
    assert ping(left, 1) == 0


def test_no_key_at_one_end(ends, kmes):
    left, right = ends
    key_id, a, _ = keys_at_both_ends(kmes)
    left.load(key_id, a)
    right.load(key_id)
    answer = initiate(left)
    assert "initiate failed" in answer, answer
    assert "PPK required but peer does not support PPK" in answer, answer
    assert "state=ESTABLISHED" not in left.sas() + right.sas()
    assert ping(left, 1) == 0
