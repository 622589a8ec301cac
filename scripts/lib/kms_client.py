# SPDX-License-Identifier: BSD-3-Clause
"""An SAE's side of ETSI GS QKD 014: a client that keeps its connection, and a ledger of keys."""

import base64
import hashlib
import json
import socket
import ssl
import urllib.parse

NOT_FOUND = "one or more keys specified are not found on KME"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["message"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def quote(name):
    return urllib.parse.quote(name, safe="")


class Client:
    """One connection to a KME, made when it is needed and again when it was lost."""

    def __init__(self, port, ca, certificate=None, host="127.0.0.1", timeout=10.0, version=None):
        self.address, self.timeout = (host, port), timeout
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(ca)
        if certificate is not None:
            self.context.load_cert_chain(certificate.pem, certificate.key)
        if version is not None:
            self.context.minimum_version = self.context.maximum_version = version
        self.socket, self.rest = None, b""

    def connect(self):
        raw = socket.create_connection(self.address, self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = self.context.wrap_socket(raw, server_hostname="localhost")
        except (OSError, ssl.SSLError):
            raw.close()
            raise
        self.rest = b""
        return self.socket

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # --- HTTP ------------------------------------------------------------------------------

    def send(self, data):
        if self.socket is None:
            self.connect()
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionResetError("the KME closed the connection")
        self.rest += piece

    def receive(self):
        """The next reply; what is behind it waits for the next call."""
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        n = int(headers.get("content-length", 0))
        while len(self.rest) < n:
            self.more()
        body, self.rest = self.rest[:n], self.rest[n:]
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Reply(status, headers, body)

    def request(self, method, target, body=None, headers=()):
        """BODY: bytes, or what becomes JSON. A request is never sent twice."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: localhost:{self.address[1]}", *headers]
        if body is not None:
            if not any(h.lower().startswith("content-type:") for h in headers):
                lines.append("Content-Type: application/json")
            lines.append(f"Content-Length: {len(body)}")
        try:
            self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
            return self.receive()
        except (OSError, ssl.SSLError):
            self.close()
            raise

    # --- the three calls -------------------------------------------------------------------

    def status(self, slave):
        return self.request("GET", f"/api/v1/keys/{quote(slave)}/status")

    def enc(self, slave, number=None, size=None, post=False, **members):
        """enc_keys; by POST when there is more to say than number and size."""
        said = {k: v for k, v in (("number", number), ("size", size)) if v is not None}
        path = f"/api/v1/keys/{quote(slave)}/enc_keys"
        if post or members:
            return self.request("POST", path, {**said, **members})
        query = urllib.parse.urlencode(said)
        return self.request("GET", path + ("?" + query if query else ""))

    def dec(self, master, ids, post=None):
        """dec_keys; ids is one identifier or a list."""
        path = f"/api/v1/keys/{quote(master)}/dec_keys"
        if isinstance(ids, str):
            ids = [ids]
        if post is None:
            post = len(ids) != 1
        if post:
            return self.request("POST", path, {"key_IDs": [{"key_ID": i} for i in ids]})
        return self.request("GET", path + "?key_ID=" + ids[0])


def keys_of(reply):
    """[(key_ID, bytes)] of a Key container."""
    return [(k["key_ID"], base64.b64decode(k["key"], validate=True)) for k in reply.json["keys"]]


def digest(key):
    return hashlib.sha256(key).digest()[:16]


class Mismatch(AssertionError):
    pass


class Ledger:
    """Every key that was delivered, by its identifier: nothing twice, and the same at both ends."""

    def __init__(self):
        self.issued = {}    # key_ID -> digest, as the giving KME said
        self.digests = {}   # digest -> key_ID
        self.fetched = set()
        self.mismatches = self.repeats = 0

    def issue(self, key_id, key):
        d = digest(key)
        if key_id in self.issued or d in self.digests:
            self.repeats += 1
        self.issued[key_id] = d
        self.digests[d] = key_id

    def fetch(self, key_id, key):
        if key_id in self.fetched:
            self.repeats += 1
        self.fetched.add(key_id)
        if self.issued.get(key_id) != digest(key):
            self.mismatches += 1

    def merge(self, other):
        """The ledger of another client."""
        for key_id, d in other.issued.items():
            if key_id in self.issued or d in self.digests:
                self.repeats += 1
            self.issued[key_id] = d
            self.digests[d] = key_id
        self.repeats += len(self.fetched & other.fetched) + other.repeats
        self.fetched |= other.fetched
        self.mismatches += other.mismatches

    def check(self):
        if self.mismatches or self.repeats:
            raise Mismatch(f"{self.mismatches} mismatches, {self.repeats} repeats in "
                           f"{len(self.issued)} keys")
