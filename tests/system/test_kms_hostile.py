# SPDX-License-Identifier: BSD-3-Clause
"""Clients of key delivery that mean harm: they get an error or nothing, the others their keys."""

import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import ROOT
from kme import Lab
from kms import deliver, fetch, is_error, issue, stored

ENC = "/api/v1/keys/b-1/enc_keys"


@pytest.fixture(scope="module")
def lab():
    settings = {"http": {"answer-timeout-s": 2, "handshake-timeout-s": 2, "header-timeout-s": 2,
                         "body-timeout-s": 2}}
    with Lab(settings=settings) as x:
        x.wait_key()
        yield x


@pytest.fixture
def a(lab):
    with lab.client("a-1") as c:
        yield c


def load(lab, sae, *options, timeout=120):
    c = lab.certificates.client(sae)
    return subprocess.Popen(
        [os.path.join(ROOT, "build/tests/bench/kms_load"), "--connect", str(lab.kme[sae[0]].port),
         "--ca", lab.certificates.ca.pem, "--cert", c.pem, "--key", c.key, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


BOMBS = {
    "deep arrays": b"[" * 200_000,
    "deep objects": b'{"a":' * 40_000,
    "deep in a member": b'{"number": 1, "extension_optional": ' + b"[" * 100 + b"]" * 100 + b"}",
    "wide": b'{"extension_mandatory": [' + b"{}," * 80_000 + b"{}]}",
    "many members": b"{" + b",".join(b'"m%d":0' % i for i in range(25_000)) + b"}",
    "a number of many digits": b'{"number": ' + b"1" * 200_000 + b"}",
    "a huge exponent": b'{"number": 1e999999999}',
    "a null in a text": b'{"additional_slave_SAE_IDs": ["b-1\\u0000x"]}',
    "half a surrogate": b'{"additional_slave_SAE_IDs": ["\\ud800"]}',
    "bytes that are no UTF-8": b'{"additional_slave_SAE_IDs": ["\xff\xfe"]}',
    "unfinished": b'{"number": 1',
    "two objects": b'{"number": 1}{"number": 1}',
    "with a byte order mark": b'\xef\xbb\xbf{"number": 1}',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_json_bombs(lab, a, bomb):
    memory = lab.kme["a"].memory()
    began = time.monotonic()
    reply = a.request("POST", ENC, BOMBS[bomb])
    assert reply.status in (400, 413), reply
    is_error(reply, reply.status)
    assert time.monotonic() - began < 1
    assert lab.kme["a"].memory() < memory + 4096


@pytest.mark.parametrize("name", ["%ff" * 255, "%2e%2e%2f" * 28, "%00" * 255, "%E2%82" * 127, "%" * 255,
                                  "%25" * 256, "%0d%0aX:%201"])
def test_identifiers_that_mean_harm(a, name):
    for call in ("status", "enc_keys", "dec_keys?key_ID=x"):
        reply = a.request("GET", f"/api/v1/keys/{name}/{call}")
        assert reply.status in (400, 404), reply
        is_error(reply, reply.status)


@pytest.mark.parametrize("head", [
    b"GET /api/v1/keys/b-1/status\r\n\r\n", b"GET /api/v1/keys/b-1/status HTTP/9.9\r\n\r\n",
    b"GET  /api/v1/keys/b-1/status HTTP/1.1\r\nHost: x\r\n\r\n", b"\0\0\0\0\r\n\r\n",
    b"GET /api/v1/keys/b-1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /api/v1/keys/b-1/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/v1/keys/b-1/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET /api/v1/keys/b-1/status HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nBad Header\r\n\r\n",
    b"GET /api/v1/keys/b-1/status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_heads_that_are_none(a, head):
    """An error in JSON, or the end of the connection; never a key, never a wait."""
    a.timeout = 4
    a.send(head)
    try:
        reply = a.receive()
    except (ConnectionError, ssl.SSLError):
        return
    finally:
        a.close()
    assert 400 <= reply.status <= 505, reply
    is_error(reply, reply.status)


def test_a_client_that_never_reads(lab, a):
    """Its answers wait no longer than they may, and it keeps nobody else waiting."""
    key = "GET /api/v1/keys/b-1/enc_keys?number=128&size=1024 HTTP/1.1\r\nHost: x\r\n\r\n"
    c = lab.client("a-2")
    c.connect().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.socket.settimeout(0.2)
    began, ended = time.monotonic(), None
    while ended is None and time.monotonic() < began + 20:
        try:
            c.socket.sendall(key.encode() * 20)
        except TimeoutError:
            pass
        except (ConnectionError, ssl.SSLError, OSError):
            ended = time.monotonic()
        assert a.status("b-1").status == 200
        time.sleep(0.1)
    assert ended is not None and ended - began < 15
    c.close()
    lab.wait_key()
    with lab.client("b-1") as b:
        deliver(a, b, number=8)


def test_tls_that_stops_half_way(lab, a):
    """Half-open connections go when their time is over, and take nobody's place."""
    halves = []
    for _ in range(200):
        s = socket.create_connection(("127.0.0.1", lab.kme["a"].port), 5)
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # the begin of a ClientHello
        halves.append(s)
    assert a.status("b-1").status == 200
    time.sleep(3.5)
    gone = 0
    for s in halves:
        s.setblocking(False)
        try:
            while s.recv(4096):
                pass
            gone += 1
        except BlockingIOError:
            pass
        except ConnectionError:
            gone += 1
        s.close()
    assert gone == len(halves)


@pytest.mark.parametrize("connections", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_idle_connections(lab, connections):
    """Each with a whole handshake; who comes after them is served as before."""
    def handshakes():
        return lab.kme["a"].call("kms_https")["handshakes"]

    before = handshakes()
    crowd = load(lab, "a-2", "--get", "/api/v1/keys/b-2/status", "--connections", str(connections),
                 "--rate", "20", "--seconds", "3", "--tls12")
    # Who comes while they are at it waits for its own with them.
    lab.wait_for(lambda: handshakes() >= before + connections, 120, "the crowd")
    assert open_sockets(lab.kme["a"].pid) >= connections
    with lab.client("a-1") as c:
        for _ in range(20):
            began = time.monotonic()
            assert c.status("b-1").status == 200
            assert time.monotonic() - began < 1
    out, err = crowd.communicate(timeout=120)
    assert crowd.returncode == 0, err
    assert '"errors": 0' in out


def open_sockets(pid):
    found = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except OSError:
            pass
    return found


def test_a_greedy_sae_starves_nobody():
    """Key comes slowly, one SAE takes all that it can get, another a little: it gets its little."""
    with Lab(rate=60_000, segment_units=256) as lab:
        lab.wait_key()
        greedy = load(lab, "a-1", "--get", ENC + "?number=32&size=256", "--connections", "8",
                      "--seconds", "5")
        taken = 0
        with lab.client("a-2") as modest:
            time.sleep(1.5)  # what there was is gone
            for _ in range(30):
                taken += modest.enc("b-2", 2).status == 200
                time.sleep(0.1)
        greedy.communicate(timeout=60)
        # Its fourth of 60 kB/s is far more than the 640 B/s that it asks for.
        assert taken >= 29


def test_many_at_once_from_one_sae(lab, a):
    """Threads of one SAE: each key goes to one of them."""
    got, lock = [], threading.Lock()

    def take():
        with lab.client("a-1") as c:
            mine = [k for _ in range(20) for k in issue(c, "b-1", 3)]
        with lock:
            got.extend(mine)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == len({i for i, _ in got}) == len({k for _, k in got}) == 8 * 20 * 3
    with lab.client("b-1") as b:
        assert fetch(b, "a-1", [i for i, _ in got[:128]]) == got[:128]
    assert stored(a, "b-1") > 0
