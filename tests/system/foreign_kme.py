# SPDX-License-Identifier: BSD-3-Clause
"""KMEs of ETSI GS QKD 014 that are not ours: a pair that shares its keys, and may be made to misbehave."""

import base64
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))

from kms_certificates import Certificates  # noqa: E402

SAE = {"a": "lumengate-a", "b": "lumengate-b"}
NOT_FOUND = "one or more keys specified are not found on KME"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "foreign"

    def log_message(self, *words):
        pass

    def answer(self, status, body, headers=(), kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def caller(self):
        """The common name of the client's certificate."""
        subject = self.connection.getpeercert()["subject"]
        return dict(pair for part in subject for pair in part)["commonName"]

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def serve(self):
        site = self.server.site
        target = urllib.parse.urlsplit(self.path)
        path, query = target.path.split("/"), dict(urllib.parse.parse_qsl(target.query))
        body = self.body()
        self.server.requests.append((path[-1], body))
        if self.server.misbehave is not None and self.server.misbehave(self, path[-1]):
            return
        if path[:4] != ["", "api", "v1", "keys"] or len(path) != 6:
            return self.answer(404, {"message": "no such path"})
        other = urllib.parse.unquote(path[4])
        if self.caller() != SAE[site]:
            return self.answer(401, {"message": "who are you"})
        if other != SAE["b" if site == "a" else "a"]:
            return self.answer(400, {"message": "unknown SAE"})
        pair, request = self.server.pair, json.loads(body) if body else query
        if path[5] == "status":
            return self.answer(200, pair.status(site))
        if path[5] == "enc_keys":
            return self.answer(200, pair.give(int(request.get("number", 1)),
                                               int(request.get("size", 256))))
        if path[5] == "dec_keys":
            keys = pair.fetch([k["key_ID"] for k in request.get("key_IDs", [query])])
            return self.answer(200, keys) if keys else self.answer(400, {"message": NOT_FOUND})
        return self.answer(404, {"message": "no such path"})

    def do_GET(self):
        try:
            self.serve()
        except OSError:
            self.close_connection = True  # the client had enough

    do_POST = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pair, site, certificate, port=0):
        self.pair, self.site, self.misbehave, self.requests = pair, site, None, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.pem, certificate.key)
        self.context.load_verify_locations(pair.certificates.ca.pem)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.open = set()
        super().__init__(("127.0.0.1", port), Handler)

    def finish_request(self, request, address):
        request.settimeout(20)
        try:
            tls = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        self.open.add(tls)
        try:
            super().finish_request(tls, address)
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.open.discard(tls)
            tls.close()

    def handle_error(self, request, address):
        pass


class Pair:
    """Both KMEs: what one gives the other has, once."""

    def __init__(self, folder):
        self.certificates = Certificates(folder)
        self.lock = threading.Lock()
        self.keys = {}
        self.given = 0
        self.stored = 100000
        self.server, self.port = {}, {}
        for site in ("a", "b"):
            self.start(site)

    def start(self, site, certificate=None):
        server = Server(self, site, certificate or self.certificates.kme[site],
                        self.port.get(site, 0))
        self.server[site], self.port[site] = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self, site):
        """No more connections, and those there are broken off."""
        server = self.server.pop(site)
        server.shutdown()
        server.server_close()
        for connection in list(server.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        for site in list(self.server):
            self.kill(site)

    def url(self, site):
        return f"https://localhost:{self.port[site]}"

    def status(self, site):
        other = "b" if site == "a" else "a"
        return {"source_KME_ID": f"foreign-{site}", "target_KME_ID": f"foreign-{other}",
                "master_SAE_ID": SAE[site], "slave_SAE_ID": SAE[other], "key_size": 256,
                "stored_key_count": self.stored, "max_key_count": 100000,
                "max_key_per_request": 128, "max_key_size": 1024, "min_key_size": 64,
                "max_SAE_ID_count": 0}

    def give(self, number, size):
        made = {str(uuid.uuid4()): os.urandom(size // 8) for _ in range(number)}
        with self.lock:
            self.keys.update(made)
            self.given += number
        return container(made.items())

    def fetch(self, ids):
        with self.lock:
            if not all(i in self.keys for i in ids):
                return None
            return container([(i, self.keys.pop(i)) for i in reversed(ids)])

    def settings(self, site):
        """The gateway's foreign-kme, but for its socket."""
        own = self.certificates.client(SAE[site])
        return {"url": self.url(site), "ca": self.certificates.ca.pem, "certificate": own.pem,
                "private-key": own.key, "sae": SAE[site], "peer-sae": SAE["b" if site == "a" else "a"]}


def container(keys):
    return {"keys": [{"key_ID": i, "key": base64.b64encode(k).decode()} for i, k in keys]}


def drip(handler, what):
    """An answer that never ends, a byte at a time."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        time.sleep(0.1)
    return True
