# SPDX-License-Identifier: BSD-3-Clause
"""ETSI GS QKD 014 V1.1.1, item by item: docs/etsi-014.md has the list. One pair of KMEs for all.

KMS_KEYS=1000000 makes item 12 as long as the list has it.
"""

import base64
import json
import os
import re
import ssl
import subprocess
import threading
import time

import pytest

from conftest import ROOT
from kme import Lab
from kms import (NOT_FOUND, deliver, fetch, find_in_memory, is_error, issue, keys_of, stored)
from kms_client import Client

SIZES = range(64, 1024 + 1, 8)
MOST = 128
LONG = "a" + "\u00e9" * 127               # 255 bytes of UTF-8
ODD = "b /?&=#+%2f;\u20ac\U0001f511\"'\\"   # every character that a URL or JSON might trip over


@pytest.fixture(scope="module")
def lab():
    settings = {"http": {"header-timeout-s": 1, "body-timeout-s": 1, "handshake-timeout-s": 2}}
    with Lab(saes=("a-1", "a-2", "b-1", "b-2", "b-3", "b-4"), settings=settings, seed=14,
             site_settings={"a": {"limits": {"max-sae-count": 2}},
                            "b": {"limits": {"max-sae-count": 0}, "optional-strict": True}}) as x:
        for thief in ("a-thief", "b-thief", "a-twice", "b-far"):
            x.add_sae(thief)
        x.add_sae(LONG, identity="a-long")
        x.add_sae(ODD, identity="b-odd")
        x.wait_key()
        yield x


@pytest.fixture
def a(lab):
    with lab.client("a-1") as c:
        yield c


@pytest.fixture
def b(lab):
    with lab.client("b-1") as c:
        yield c


def refused(client):
    """No key for this client: its handshake fails, or it is told so."""
    try:
        reply = client.enc("b-1")
    except (ssl.SSLError, ConnectionError):
        return
    finally:
        client.close()
    is_error(reply, 401)


# --- 1 to 4: who may speak ---------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_01_tls_1_1_is_refused(lab):
    c = lab.client("a-1")
    c.context.set_ciphers("DEFAULT@SECLEVEL=0")  # Debian's OpenSSL would not even ask
    c.context.minimum_version = ssl.TLSVersion.TLSv1
    c.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        c.connect()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_02_tls_1_2_and_1_3(lab, version):
    with lab.client("a-1", version=getattr(ssl.TLSVersion, version.replace(".", "_"))) as c:
        assert c.status("b-1").status == 200
        assert c.socket.version() == version


@pytest.mark.parametrize("kind", ["none", "expired", "other-ca", "same-name-ca", "revoked",
                                  "unknown-name"])
def test_03_certificate_is_refused(lab, a, kind):
    before = stored(a, "b-1")
    if kind == "none":
        c = Client(lab.kme["a"].port, lab.certificates.ca.pem)
    elif kind == "unknown-name":
        c = lab.client("a-nobody")
    else:
        c = lab.client("a-1", certificate=lab.certificates.bad(kind, "a-1"))
    if kind == "revoked":
        lab.reload()
    refused(c)
    assert stored(a, "b-1") >= before  # and no key went


def test_04_an_sae_of_the_other_site_is_refused(lab):
    refused(lab.client("a-1", site="b"))


# --- 5 to 13: what is asked and answered -------------------------------------------------------

def test_05_status_has_its_members(lab, a):
    s = a.status("b-1").json
    words = {"source_KME_ID": "kme-a", "target_KME_ID": "kme-b", "master_SAE_ID": "a-1",
             "slave_SAE_ID": "b-1"}
    numbers = {"key_size": 256, "max_key_per_request": MOST, "max_key_size": 1024,
               "min_key_size": 64, "max_SAE_ID_count": 2}
    assert {k: s[k] for k in words} == words
    assert {k: s[k] for k in numbers} == numbers
    assert all(type(s[k]) is int for k in (*numbers, "stored_key_count", "max_key_count"))
    assert 0 < s["stored_key_count"] <= s["max_key_count"]
    assert s["status_extension"]["lumengate_simulated"] is True
    assert s["status_extension"]["lumengate_link_state"]
    assert s["status_extension"]["lumengate_protocol"]


@pytest.mark.parametrize("name", [ODD, LONG])
def test_06_sae_ids_in_percent_encoding(lab, name):
    if name == LONG:
        assert len(name.encode()) == 255
        master, slave = ("b-1", lab.client("b-1")), (name, lab.client("a-long"))
    else:
        master, slave = ("a-1", lab.client("a-1")), (name, lab.client("b-odd"))
    every = "".join(f"%{x:02x}" for x in name.encode())  # what need not be encoded may be
    reply = master[1].request("GET", f"/api/v1/keys/{every}/status")
    assert reply.status == 200 and reply.json["slave_SAE_ID"] == name
    deliver(master[1], slave[1], (master[0], name))
    assert slave[1].status(master[0]).json["master_SAE_ID"] == name
    is_error(master[1].status(name + "x" * (256 - len(name.encode()))), 400)
    is_error(master[1].request("GET", "/api/v1/keys/b%00-1/status"), 400)
    is_error(master[1].request("GET", "/api/v1/keys/b%f-1/status"), 400)
    master[1].close(), slave[1].close()


def test_07_get_and_post_without_saying_more(a):
    path = "/api/v1/keys/b-1/enc_keys"
    for reply in (a.request("GET", path), a.request("POST", path, b""), a.request("POST", path, {}),
                  a.request("POST", path)):
        assert reply.status == 200, reply
        ((_, key),) = keys_of(reply)
        assert len(key) == 32


def test_08_number(a):
    for number in (1, 2, MOST):
        assert len(issue(a, "b-1", number, 64)) == number
        assert len(issue(a, "b-1", number, 64, post=True)) == number
    for number in (MOST + 1, 0, -1, "x", 1.5, 2**63, 2**64):
        is_error(a.enc("b-1", number), 400)
        is_error(a.enc("b-1", number, post=True), 400)
    for number in (True, [1], {"n": 1}, "1"):
        is_error(a.enc("b-1", number, post=True), 400)
    is_error(a.request("GET", "/api/v1/keys/b-1/enc_keys?number="), 400)


def test_09_size(a):
    for size in (64, 72, 1016, 1024):
        for post in (False, True):
            assert len(issue(a, "b-1", 1, size, post=post)[0][1]) * 8 == size
    for size in (56, 1032, 0, -256, "x", 256.5, 2**63):
        for post in (False, True):
            is_error(a.enc("b-1", 1, size, post=post), 400)
    for post in (False, True):
        is_error(a.enc("b-1", 1, 257, post=post), 400, "size shall be a multiple of 8")


def test_10_extensions(a, b):
    unsupported = [{"other_thing": 1}]
    unmet = [{"lumengate_simulated": False}]
    met = [{"lumengate_simulated": True}, {"lumengate_route_type": "direct"}]
    is_error(a.enc("b-1", extension_mandatory=unsupported), 400,
             "not all extension_mandatory parameters are supported")
    is_error(a.enc("b-1", extension_mandatory=unmet), 400,
             "not all extension_mandatory request options could be met")
    assert len(issue(a, "b-1", extension_mandatory=met)) == 1
    # Optional ones go unheeded at A, and must be met at B.
    for extension in (unsupported, unmet):
        assert len(issue(a, "b-1", extension_optional=extension)) == 1
        is_error(b.enc("a-1", extension_optional=extension), 400,
                 "not all extension_optional request options handled")
    assert len(issue(b, "a-1", extension_optional=met)) == 1
    for wrong in ({}, "x", [1], 5):
        is_error(a.enc("b-1", extension_mandatory=wrong), 400)


def test_11_several_slaves(lab, a, b):
    slaves = {n: lab.client(n) for n in ("b-1", "b-2", "b-3", "b-4")}
    keys = issue(a, "b-1", 2, 512, additional_slave_SAE_IDs=["b-2", "b-3"])
    ids = [i for i, _ in keys]
    is_error(slaves["b-4"].dec("a-1", ids), 401)
    for name in ("b-3", "b-1", "b-2"):
        assert fetch(slaves[name], "a-1", ids) == keys
        is_error(slaves[name].dec("a-1", ids), 400, NOT_FOUND)  # to each of them once
    is_error(a.enc("b-1", additional_slave_SAE_IDs=["b-2", "b-3", "b-4"]), 400)
    is_error(a.enc("b-1", additional_slave_SAE_IDs=["b-1"]), 400)
    is_error(a.enc("b-1", additional_slave_SAE_IDs=["b-2", "b-2"]), 400)
    is_error(a.enc("b-1", additional_slave_SAE_IDs=["b-nobody"]), 400)
    assert len(issue(a, "b-1", additional_slave_SAE_IDs=[])) == 1
    # B has no multicast.
    assert b.status("a-1").json["max_SAE_ID_count"] == 0
    is_error(b.enc("a-1", additional_slave_SAE_IDs=["a-2"]), 400)
    for c in slaves.values():
        c.close()


def load(lab, sae, *options):
    """tests/bench/kms_load as SAE; what it counted."""
    certificate = lab.certificates.client(sae)
    done = subprocess.run(
        [os.path.join(ROOT, "build/tests/bench/kms_load"), "--connect", str(lab.kme[sae[0]].port),
         "--ca", lab.certificates.ca.pem, "--cert", certificate.pem, "--key", certificate.key,
         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fetch_all(lab, tmp_path, ids):
    """dec_keys of all of IDS as b-1; the records of what came."""
    with open(tmp_path / "list", "w") as f:
        for at in range(0, len(ids), MOST):
            body = {"key_IDs": [{"key_ID": i} for i in ids[at:at + MOST]]}
            f.write("POST /api/v1/keys/a-1/dec_keys " + json.dumps(body, separators=(",", ":")) + "\n")
    out = tmp_path / "fetched"
    out.unlink(missing_ok=True)
    f = load(lab, "b-1", "--list", str(tmp_path / "list"), "--keys", str(out))
    assert set(f["status"]) == {"200"}
    return out.read_bytes()


def test_12_identifiers_are_uuids_and_never_twice(lab, tmp_path):
    want, uuids, keys = int(os.environ.get("KMS_KEYS", 30000)), set(), set()
    path = f"/api/v1/keys/b-1/enc_keys?number={MOST}&size=64"
    while len(uuids) < want:
        for name in ("issued", "ids"):
            (tmp_path / name).unlink(missing_ok=True)
        # All or nothing: what the store has not yet is asked for again.
        f = load(lab, "a-1", "--get", path, "--requests", str(-(-min(want, 30000) // MOST)),
                 "--connections", "4", "--keys", str(tmp_path / "issued"),
                 "--ids", str(tmp_path / "ids"))
        assert set(f["status"]) <= {"200", "503"}
        if "503" in f["status"]:
            time.sleep(0.05)
        data = (tmp_path / "issued").read_bytes()
        records = {data[i:i + 32] for i in range(0, len(data), 32)}
        assert len(records) * 32 == len(data) == f["keys"] * 32
        before = len(uuids)
        uuids |= {r[:16] for r in records}
        keys |= {r[16:] for r in records}
        assert len(uuids) == before + f["keys"]
        data = fetch_all(lab, tmp_path, (tmp_path / "ids").read_text().split())
        assert {data[i:i + 32] for i in range(0, len(data), 32)} == records
    # RFC 9562 section 4: version 8, variant 10.
    assert {u[6] >> 4 for u in uuids} == {8} and {u[8] >> 6 for u in uuids} == {2}
    # Keys of 64 bits: that two of so many are alike has a chance of n^2 / 2^65.
    assert len(keys) == len(uuids)


def test_13_base64_of_every_size(a, b):
    text = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
    ids = {}
    for size in SIZES:
        (entry,) = a.enc("b-1", 1, size).json["keys"]
        assert text.fullmatch(entry["key"]) and len(entry["key"]) == -(-size // 24) * 4
        assert len(base64.b64decode(entry["key"], validate=True)) * 8 == size
        assert re.fullmatch("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", entry["key_ID"])
        ids[entry["key_ID"]] = entry["key"]
    names = list(ids)
    got = b.dec("a-1", names[:MOST]).json["keys"]  # of all sizes at once
    assert {e["key_ID"]: e["key"] for e in got} == {i: ids[i] for i in names[:MOST]}


# --- 14 to 20: every key once, to the right one, at both ends -----------------------------------

def test_14_dec_keys(a, b):
    keys = issue(a, "b-1", 8)
    ids = [i for i, _ in keys]
    assert fetch(b, "a-1", ids[0]) == keys[:1]
    assert fetch(b, "a-1", ids[1:2], post=True) == keys[1:2]
    never = ids[2][:-1] + ("0" if ids[2][-1] != "0" else "1")
    for wrong in (never, "00000000-0000-8000-8000-000000000000", "x", "", ids[0]):
        for request in ([wrong], ids[2:4] + [wrong]):
            assert b.dec("a-1", request, post=True).status in (400, 401)
    is_error(b.dec("a-1", ids[2:4] + ["00000000-0000-8000-8000-000000000000"]), 400, NOT_FOUND)
    is_error(b.dec("a-1", ids[2:4] + ids[:1]), 400, NOT_FOUND)
    is_error(b.dec("a-1", ids[2:4] + ids[2:3]), 400)
    is_error(b.dec("a-1", ids[2:4] + [ids[2].upper()]), 400)
    for body in ({}, {"key_IDs": []}, {"key_IDs": ids}, {"key_IDs": [{"key_ID": 5}]},
                 {"key_IDs": [{}]}, b"", b"[]"):
        is_error(b.request("POST", "/api/v1/keys/a-1/dec_keys", body), 400)
    is_error(b.request("GET", "/api/v1/keys/a-1/dec_keys"), 400)
    # None of it has taken the rest away.
    assert fetch(b, "a-1", [i.upper() for i in ids[2:]]) == keys[2:]
    for i in ids:
        is_error(b.dec("a-1", i), 400, NOT_FOUND)  # a replay


def test_15_a_third_sae_gets_nothing_and_the_owner_all(lab, a, b):
    keys = issue(a, "b-1", 3)
    ids = [i for i, _ in keys]
    with lab.client("b-thief") as thief:
        is_error(thief.dec("a-1", ids), 401)
        is_error(thief.dec("a-1", ids[0]), 401)
        is_error(thief.dec("b-1", ids[0]), 401)
    assert fetch(b, "a-1", ids) == keys


def test_16_a_master_cannot_fetch_its_own_key(lab):
    with lab.client("a-twice") as master, lab.client("b-far") as slave:
        keys = issue(master, "b-far", 2)
        ids = [i for i, _ in keys]
        is_error(master.dec("a-twice", ids), 401)
        is_error(master.dec("b-far", ids), 401)
        assert fetch(slave, "a-twice", ids) == keys


def test_17_two_race_for_one_key_and_one_wins(lab, a):
    clients = [lab.client("b-1") for _ in range(4)]
    for c in clients:
        c.connect()
    for key in issue(a, "b-1", 25):
        start, replies = threading.Barrier(len(clients)), []

        def race(c):
            start.wait()
            replies.append(c.dec("a-1", key[0]))

        threads = [threading.Thread(target=race, args=(c,)) for c in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        won = [r for r in replies if r.status == 200]
        assert len(won) == 1 and keys_of(won[0]) == [key]
        for r in replies:
            if r.status != 200:
                is_error(r, 400, NOT_FOUND)
    for c in clients:
        c.close()


def test_18_both_kmes_return_equal_bytes(lab, a, b):
    seen = set()
    for size, number in ((64, 3), (256, 128), (264, 7), (1024, 128), (128, 1)):
        seen |= {k for _, k in deliver(a, b, ("a-1", "b-1"), number, size)}
        seen |= {k for _, k in deliver(b, a, ("b-1", "a-1"), number, size)}
    assert len(seen) == 2 * (3 + 128 + 7 + 128 + 1)


@pytest.mark.parametrize("victim", ["a", "b"])
def test_19_a_crash_loses_no_agreed_key_and_repeats_none(lab, victim):
    a, b = lab.client("a-1"), lab.client("b-1")
    keys, back = issue(a, "b-1", 40), issue(b, "a-1", 40)
    ids, back_ids = [i for i, _ in keys], [i for i, _ in back]
    assert fetch(b, "a-1", ids[:20]) == keys[:20]
    assert fetch(a, "b-1", back_ids[:20]) == back[:20]
    lab.kme[victim].kill()
    a.close(), b.close()
    lab.kme[victim].start()
    assert fetch(b, "a-1", ids[20:]) == keys[20:]
    assert fetch(a, "b-1", back_ids[20:]) == back[20:]
    for again in ids[::7]:
        is_error(b.dec("a-1", again), 400, NOT_FOUND)
    lab.wait_key()
    fresh = deliver(a, b, ("a-1", "b-1"), 100) + deliver(b, a, ("b-1", "a-1"), 100)
    old = dict(keys + back)
    assert not {i for i, _ in fresh} & set(old) and not {k for _, k in fresh} & set(old.values())
    a.close(), b.close()


def test_20_the_pool_shrinks_by_what_was_asked_for(lab, a, b):
    lab.gateways.set_rate(0)
    try:
        time.sleep(0.3)  # for what is under way
        for number in (1, 7, MOST):
            before = stored(a, "b-1")
            issue(a, "b-1", number)
            assert stored(a, "b-1") == before - number
        # All or nothing: with too few left, none go.
        while (left := stored(a, "b-1")) >= 100:
            deliver(a, b, number=min(MOST, left - 50))
        reply = a.enc("b-1", left + 1)
        is_error(reply, 503)
        assert int(reply.headers["retry-after"]) >= 1
        assert stored(a, "b-1") == left
    finally:
        lab.gateways.set_rate(None)
        lab.wait_key()


# --- 21 to 24: bad clients, and what must not show ----------------------------------------------

def test_21_slow_clients(lab, a):
    start = time.monotonic()
    with lab.client("a-1") as c:
        c.send(b"GET /api/v1/keys/b-1/enc_keys HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises((ConnectionError, ssl.SSLError, TimeoutError)):
            for _ in range(60):
                time.sleep(0.1)
                c.send(b"X-Slow: 1\r\n")
        assert 0.5 < time.monotonic() - start < 4
    assert a.status("b-1").status == 200


def test_21_oversized_head_and_body(a):
    for size in (1 << 16, 1 << 20):
        reply = None
        try:
            reply = a.request("GET", "/api/v1/keys/b-1/status", headers=[f"X: {'y' * size}"])
        except (ConnectionError, ssl.SSLError):
            pass  # it need not read all of that
        if reply is not None:
            is_error(reply, 431)
        a.close()
    is_error(a.request("GET", "/api/v1/keys/" + "x" * 20000 + "/status"), 414)
    a.close()
    try:
        is_error(a.request("POST", "/api/v1/keys/b-1/enc_keys", b" " * (300 << 10)), 413)
    except (ConnectionError, ssl.SSLError):
        pass
    a.close()
    assert a.status("b-1").status == 200


def test_21_pipelining(a):
    one = b"GET /api/v1/keys/b-1/enc_keys?size=64 HTTP/1.1\r\nHost: x\r\n\r\n"
    bad = b"GET /api/v1/keys/b-1/enc_keys?size=65 HTTP/1.1\r\nHost: x\r\n\r\n"
    a.send(one * 3 + bad + one)
    replies = [a.receive() for _ in range(5)]
    assert [r.status for r in replies] == [200, 200, 200, 400, 200]
    assert len({keys_of(r)[0][0] for r in replies if r.status == 200}) == 4


def test_21_chunked_body(a):
    head = (b"POST /api/v1/keys/b-1/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
    a.send(head + b"7\r\n{\"numbe\r\n7\r\nr\": 3 }\r\n0\r\n\r\n")
    assert len(keys_of(a.receive())) == 3
    for wrong in (b"7\r\n{\"n", b"-1\r\n", b"fffffffffffffffff\r\n", b"zz\r\n"):
        a.close()
        a.send(head + wrong)
        try:
            reply = a.receive()
        except (ConnectionError, ssl.SSLError):
            continue
        assert 400 <= reply.status < 500
        is_error(reply, reply.status)
    a.close()
    # Both lengths at once would let another request hide (RFC 9112 section 6.1).
    a.send(head[:-2] + b"Content-Length: 3\r\n\r\n0\r\n\r\n")
    is_error(a.receive(), 400)
    a.close()


def test_21_http_1_0_and_2(lab, a):
    a.send(b"GET /api/v1/keys/b-1/status HTTP/1.0\r\n\r\n")
    reply = a.receive()
    assert reply.status in (200, 505), reply
    if reply.status == 505:
        is_error(reply, 505)
    if a.socket is not None:
        with pytest.raises(ConnectionError):
            a.more()  # the end of the answer is the end of the connection
    a.close()
    # Who offers HTTP/2 alone is declined, who offers both gets 1.1.
    with lab.client("a-1") as c:
        c.context.set_alpn_protocols(["h2", "http/1.1"])
        assert c.status("b-1").status == 200
        assert c.socket.selected_alpn_protocol() in (None, "http/1.1")
    with lab.client("a-1") as c:
        c.context.set_alpn_protocols(["h2"])
        try:
            assert c.status("b-1").status == 200
            assert c.socket.selected_alpn_protocol() is None
        except (ConnectionError, ssl.SSLError) as e:
            assert "PROTOCOL" in str(e).upper()


def test_22_rate_and_quota_of_an_sae(lab):
    lab.add_sae("a-few", requests_per_s=5, requests_burst=10)
    lab.add_sae("a-quota", quota_bits=256 * 20, quota_period_s=3600)
    with lab.client("a-few") as few, lab.client("a-1") as other:
        replies = [few.status("b-1") for _ in range(30)]
        ok = [r for r in replies if r.status == 200]
        assert 10 <= len(ok) <= 20
        for r in replies:
            if r.status != 200:
                is_error(r, 503)
                assert int(r.headers["retry-after"]) >= 1
        assert all(other.status("b-1").status == 200 for _ in range(30))
        time.sleep(1.1)
        assert few.status("b-1").status == 200
    with lab.client("a-quota") as c:
        assert len(issue(c, "b-1", 15)) == 15
        is_error(c.enc("b-1", 6), 503)
        assert len(issue(c, "b-1", 5)) == 5
        is_error(c.enc("b-1", 21), 400)  # no waiting helps


def shapes(key):
    """A key as bytes, hexadecimal in both cases, base64 and what is the same in the midst of it."""
    text = base64.b64encode(key)
    return [key, key.hex().encode(), key.hex().upper().encode(), text,
            base64.urlsafe_b64encode(key)]


def test_23_keys_show_nowhere(lab, a, b):
    """Neither delivered nor stored keys in logs, answers to operators, memory that a core has."""
    delivered = [k for _, k in deliver(a, b, number=20)] + [k for _, k in issue(b, "a-1", 20)]
    for wrong in ({"number": 0}, {"size": 257}):
        a.enc("b-1", post=True, **wrong)
    words = []
    for kme in lab.kme.values():
        words.append(kme.log().encode())
        for method in ("alarm_list", "kms_status", "kms_sae_list"):
            words.append(repr(kme.call(method)).encode())
    for key in delivered:
        for shape in shapes(key):
            for text in words:
                assert shape not in text
    # Stored ones: what the gateways gave last, most of which nobody has asked for yet.
    segment = os.urandom(4096 * 8)
    lab.gateways.give(2, segment)
    time.sleep(0.5)
    stored_bytes = [segment[i:i + 24] for i in (0, 4096, 20000, 32744)]
    for kme in lab.kme.values():
        with open(f"/proc/{kme.pid}/limits") as f:
            core = next(x for x in f if x.startswith("Max core file size")).split()[4]
        assert core == "0"
        needles = stored_bytes + [x[:16] for k in delivered[::13] for x in shapes(k)]
        for name in os.listdir(kme.folder):
            if not os.path.isfile(kme.path(name)):
                continue
            with open(kme.path(name), "rb") as f:
                data = f.read()
            assert not [n for n in needles if n in data], f"key in {name}"
        if os.geteuid() == 0:
            # Of the memory that a core would have.
            assert find_in_memory(kme.pid, [kme.name.encode()]) != []
            assert find_in_memory(kme.pid, needles) == []


ERRORS = [
    ("GET", "/", None), ("GET", "/api/v1/keys", None), ("GET", "/api/v2/keys/b-1/status", None),
    ("GET", "/api/v1/keys/b-1/other", None), ("GET", "/api/v1/keys//status", None),
    ("DELETE", "/api/v1/keys/b-1/enc_keys", None), ("PUT", "/api/v1/keys/b-1/enc_keys", b"{}"),
    ("POST", "/api/v1/keys/b-1/status", b"{}"), ("OPTIONS", "/api/v1/keys/b-1/status", None),
    ("TRACE", "/api/v1/keys/b-1/status", None), ("BREW", "/api/v1/keys/b-1/status", None),
    ("GET", "/api/v1/keys/b-nobody/status", None), ("GET", "/api/v1/keys/b-nobody/enc_keys", None),
    ("POST", "/api/v1/keys/b-1/enc_keys", b"{"), ("POST", "/api/v1/keys/b-1/enc_keys", b"[]"),
    ("POST", "/api/v1/keys/b-1/enc_keys", b"nonsense"), ("POST", "/api/v1/keys/b-1/enc_keys", b"\xff"),
    ("POST", "/api/v1/keys/b-1/enc_keys", b'{"number": 1, "number": 2}'),
    ("POST", "/api/v1/keys/b-1/enc_keys?number=2", b"{}"),
    ("GET", "/api/v1/keys/b-1/enc_keys?number=1&number=2", None),
    ("GET", "/api/v1/keys/b-1/dec_keys?key_ID=x", None),
    ("POST", "/api/v1/keys/b-1/dec_keys", b'{"key_IDs": [{"key_ID": "x"}]}'),
]


@pytest.mark.parametrize("method,target,body", ERRORS)
def test_24_every_error_is_json_with_a_message(a, method, target, body):
    reply = a.request(method, target, body)
    assert 400 <= reply.status < 500
    is_error(reply, reply.status)
    if reply.status == 405:
        assert set(reply.headers["allow"].replace(" ", "").split(",")) & {"GET", "POST"}


# --- what open clients send ---------------------------------------------------------------------

PYTHON = ["User-Agent: python-requests/2.31.0", "Accept-Encoding: gzip, deflate", "Accept: */*",
          "Connection: keep-alive"]
CURL = ["User-Agent: curl/7.88.1", "Accept: */*"]
FORM = "Content-Type: application/x-www-form-urlencoded"
RUST = ["accept: */*", "content-type: application/json"]


@pytest.mark.parametrize("client", ["nanoy42", "qursa", "qursa-qukaydee", "tu-eindhoven", "jena"])
def test_clients_that_others_wrote(a, b, client):
    """Requests in the form in which they send them: method, members, headers."""
    enc, dec = "/api/v1/keys/b-1/enc_keys", "/api/v1/keys/a-1/dec_keys"
    if client == "nanoy42":         # requests; GET without any wish, else POST; always POST for IDs
        replies = [a.request("GET", enc, headers=PYTHON),
                   a.request("POST", enc, {"number": 2, "size": 128}, PYTHON)]
        entry, headers = (lambda i: {"key_ID": i}), PYTHON
    elif client == "qursa":         # curl without a header of its own: JSON under another name
        replies = [a.request("GET", enc + "?number=2&size=256", headers=CURL)]
        entry, headers = (lambda i: {"key_ID": i}), [*CURL, FORM]
    elif client == "qursa-qukaydee":  # a member that the standard has not, a type without a body
        json = ["Accept: application/json", "Content-Type: application/json"]
        replies = [a.request("GET", enc + "?number=2&size=256", headers=json)]
        entry, headers = (lambda i: {"key_ID": i, "master_SAE_ID": "a-1"}), json
    elif client == "tu-eindhoven":  # the additional slaves under a name of its own, empty
        body = {"number": 2, "size": 256, "additional_target_sae_ids": []}
        replies = [a.request("POST", enc, body, RUST)]
        entry, headers = (lambda i: {"key_ID": i}), RUST
    else:                           # null for what it does not want
        body = {"number": None, "size": None, "additional_slave_SAE_IDs": None}
        replies = [a.request("POST", enc, body, RUST)]
        entry, headers = (lambda i: {"key_ID": i}), RUST
    for reply in replies:
        assert reply.status == 200, reply
        keys = keys_of(reply)
        got = b.request("POST", dec, {"key_IDs": [entry(i) for i, _ in keys]}, headers)
        assert got.status == 200 and keys_of(got) == keys
