# SPDX-License-Identifier: BSD-3-Clause
"""Alarms told by lumengate-web, to rsyslogd, systemd-journald with journalctl, and an HTTPS server.

The gateway is the test, which says what happens; who hears of it are the real programs.
"""

import hashlib
import hmac
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest
from rig import ROOT

BUILD = os.path.join(ROOT, "build")
SECRET = b"0123456789abcdef of a pager"
TIME = "2026-01-31T08:00:00.000Z"


def wait_for(condition, what, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError(f"no {what} in {seconds} s")


class Gateway:
    """What lumengate-web asks of a gateway's control socket."""

    def __init__(self, path):
        self.path, self.subscribers, self.connections, self.number = path, [], [], 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.connections.append(self.connection)
                for line in self.rfile:
                    request = json.loads(line)
                    if request["method"] == "subscribe":
                        outer.subscribers.append(self.wfile)
                    self.wfile.write(json.dumps({"jsonrpc": "2.0", "id": request["id"],
                                                 "result": outer.answer(request["method"])}).encode() + b"\n")

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method):
        return {"status": {"gateway": {"name": "gw-a"}},
                "tunnel_list": {"tunnels": [], "offset": 0, "total": 0},
                "alarm_list": {"alarms": [], "offset": 0, "total": 0, "history": []}}.get(method, {})

    def tell(self, change, kind, severity, text, **more):
        self.number += 1
        data = {"number": self.number, "time": TIME, "change": change, "kind": kind, "resource": "link/demo",
                "severity": severity, "text": text, "shelved": False, **more}
        event = {"jsonrpc": "2.0", "method": "event", "params": {"topic": "alarm", "time": TIME, "data": data}}
        for s in self.subscribers:
            s.write(json.dumps(event).encode() + b"\n")

    def close(self):
        """As a program that was killed: its socket stays, and refuses."""
        self.server.shutdown()
        self.server.socket.close()
        for s in self.connections:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Pager:
    """An HTTPS server that keeps what it was told, and answers as it is told to."""

    def __init__(self, folder, answers):
        self.requests, self.answers = [], answers
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.headers, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        key, certificate = os.path.join(folder, "pager.key"), os.path.join(folder, "pager.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=pager", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.certificate, self.port = certificate, self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def bodies(self):
        return [json.loads(b) for _, b in self.requests]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.udp, self.tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.web, self.control = free_port(socket.SOCK_STREAM), self.path("web.sock")
        self.pager = Pager(folder, [503, 200, 400])
        self.gateway = Gateway(self.path("gateway.sock"))

    def open(self):
        self.start_rsyslogd()
        self.start_journald()
        self.start_web()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *command):
        with open(self.path("log"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def start_rsyslogd(self):
        with open(self.path("rsyslog.conf"), "w", encoding="utf-8") as f:
            f.write(f"""
global(workDirectory="{self.folder}")
module(load="imudp") module(load="imtcp") module(load="imuxsock" SysSock.Use="off")
template(name="all" type="string"
 string="%inputname%|%pri%|%hostname%|%app-name%|%msgid%|%structured-data%|%timereported:::date-rfc3339%|%msg%\\n")
ruleset(name="r") {{ action(type="omfile" file="{self.path("syslog")}" template="all") }}
input(type="imudp" address="127.0.0.1" port="{self.udp}" name="udp" ruleset="r")
input(type="imtcp" address="127.0.0.1" port="{self.tcp}" name="tcp" ruleset="r")
input(type="imuxsock" Socket="{self.path("log.sock")}" UseSpecialParser="off" ParseHostname="on" IgnoreTimestamp="off"
 UseSysTimeStamp="off" ruleset="r")
""")
        self.start("rsyslogd", "-n", "-f", self.path("rsyslog.conf"), "-i", self.path("rsyslog.pid"))
        wait_for(lambda: os.path.exists(self.path("log.sock")), "rsyslogd")

    def start_journald(self):
        for name in ("systemd", "journal"):
            os.mkdir(self.path(name))
        self.start("unshare", "-m", "sh", "-ec", f"""
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd /run/log/journal
mount --bind {self.path("systemd")} /run/systemd
mount --bind {self.path("journal")} /run/log/journal
mount -t tmpfs tmpfs /var/log
exec /lib/systemd/systemd-journald""")
        wait_for(lambda: os.path.exists(self.path("systemd/journal/socket")), "journald")

    def start_web(self):
        with open(self.path("secret"), "wb") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(SECRET + b"\n")
        url = f"https://127.0.0.1:{self.pager.port}/alarms"
        here = {"address": "127.0.0.1"}
        config = {"lumengate:web": {
            "listen": [{"address": "127.0.0.1", "port": self.web, "tls": False}],
            "gateway-socket": self.gateway.path, "control": {"socket": self.control},
            "syslog": [{"name": "u", "port": self.udp, **here}, {"name": "t", "transport": "tcp", "port": self.tcp, **here},
                       {"name": "x", "transport": "unix", "path": self.path("log.sock"), "facility": "local5"}],
            "journal": {"socket": self.path("systemd/journal/socket")},
            "webhook": [{"name": "pager", "url": url, "ca": self.pager.certificate, "severity": "major",
                         "secret-file": self.path("secret")},
                        {"name": "stranger", "url": url}]}}
        with open(self.path("web.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        self.start(os.path.join(BUILD, "control", "lumengate-web"), "--config", self.path("web.json"),
                   "--yang-dir", os.path.join(ROOT, "config"))
        wait_for(lambda: self.gateway.subscribers, "subscription")

    def lgctl(self, *words):
        return subprocess.run([os.path.join(BUILD, "control", "lgctl"), "--socket", self.control, *words],
                              check=True, capture_output=True, text=True).stdout

    def sinks(self):
        return {s["name"]: s for s in json.loads(self.lgctl("--json", "web", "sinks"))["sinks"]}

    def syslog(self, name, kind):
        """Fields of the lines about KIND that came by the input NAME."""
        if not os.path.exists(self.path("syslog")):
            return []
        with open(self.path("syslog"), encoding="utf-8") as f:
            lines = [line.rstrip("\n").split("|") for line in f]
        return [x for x in lines if x[0] == name and x[4] == kind]

    def journal(self, *fields):
        out = subprocess.run(["journalctl", "-D", self.path("journal"), "-o", "json", "--no-pager", *fields],
                             capture_output=True, text=True, check=False).stdout
        return [json.loads(line) for line in out.splitlines()]

    def close(self):
        for p in reversed(self.processes):
            p.terminate()
            p.wait(15)
        self.gateway.close()
        self.pager.close()


@pytest.fixture
def lab(tmp_path):
    for program in ("rsyslogd", "journalctl", "/lib/systemd/systemd-journald"):
        assert shutil.which(program), f"{program} is not installed: scripts/setup test"
    lab = Lab(str(tmp_path))
    try:
        lab.open()
        yield lab
    finally:
        lab.close()


def test_an_alarm_reaches_all(lab):
    lab.gateway.tell("raised", "no-light", "major", 'no "light" at km 7]')
    for name, facility in (("udp", 3), ("tcp", 3), ("imuxsock", 21)):
        _, pri, host, program, _, data, when, text = wait_for(lambda n=name: lab.syslog(n, "no-light"), name)[0]
        assert (int(pri), host, program) == (facility * 8 + 2, "gw-a", "lumengate")
        assert data == ('[alarm resource="link/demo" probableCause="other" perceivedSeverity="major"]'
                        '[lumengate@32473 kind="no-light" change="raised" number="1"]')
        assert when.startswith(TIME[:-1])
        assert text.lstrip("\ufeff") == 'no "light" at km 7]'

    entry = wait_for(lambda: lab.journal("LUMENGATE_KIND=no-light"), "entry of the journal")[0]
    assert (entry["PRIORITY"], entry["LUMENGATE_SEVERITY"], entry["LUMENGATE_HOST"]) == ("2", "major", "gw-a")
    assert entry["MESSAGE"] == 'major no-light at link/demo of gw-a: no "light" at km 7]'
    assert entry["SYSLOG_IDENTIFIER"] == "lumengate-alarm" and "lgctl link show" in entry["LUMENGATE_ACTION"]

    # 503 first: the same message again, signed.
    wait_for(lambda: len(lab.pager.requests) >= 2, "second attempt")
    first, again = lab.pager.bodies()[:2]
    assert first == again and first["id"].endswith("-1") and first["kind"] == "no-light"
    assert (first["severity"], first["change"], first["host"], first["standing"]) == ("major", "raised", "gw-a", False)
    for headers, body in lab.pager.requests:
        good = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        assert headers["Lumengate-Signature"] == good and headers["Content-Type"] == "application/json"

    # Below its severity; then 400, which is given up, and the next.
    lab.gateway.tell("raised", "dwdm-new", "minor", "C34")
    lab.gateway.tell("acknowledged", "no-light", "major", "on my way", uid=1000)
    lab.gateway.tell("cleared", "no-light", "cleared", "light")
    wait_for(lambda: len(lab.pager.requests) >= 4, "the end")
    assert [(b["kind"], b["change"]) for b in lab.pager.bodies()[2:]] == [
        ("no-light", "acknowledged"), ("no-light", "cleared")]
    assert lab.pager.bodies()[2]["uid"] == 1000 and "action" not in lab.pager.bodies()[3]
    wait_for(lambda: len(lab.syslog("udp", "dwdm-new")) == 1 and len(lab.syslog("tcp", "no-light")) == 3, "the rest")
    assert int(lab.syslog("tcp", "no-light")[2][1]) == 3 * 8 + 5
    assert [e["LUMENGATE_CHANGE"] for e in wait_for(
        lambda: (lambda e: e if len(e) == 3 else None)(lab.journal("LUMENGATE_KIND=no-light")), "the journal")] == [
            "raised", "acknowledged", "cleared"]

    # The system's authorities know nothing of this server: not a byte of an alarm went there.
    sinks = wait_for(lambda: (lambda s: s if s["stranger"]["failing"] else None)(lab.sinks()), "a failing sink")
    assert sinks["stranger"]["sent"] == 0 and sinks["stranger"]["waiting"] >= 3
    assert "certificate" in sinks["stranger"]["last_error"]
    assert (sinks["pager"]["sent"], sinks["pager"]["refused"], sinks["pager"]["left_out"] >= 1) == (2, 1, True)
    assert sinks["pager"]["target"] == f"https://127.0.0.1:{lab.pager.port}/..."
    assert not sinks["u"]["failing"] and sinks["u"]["sent"] >= 4
    # That is told to the others.
    wait_for(lambda: lab.syslog("udp", "web-sink"), "alarm of the sink")
    assert lab.syslog("udp", "web-sink")[0][3] == "lumengate-web"
    assert "web/webhook/stranger" in lab.lgctl("web", "alarms")


def test_a_gateway_that_is_gone_is_told(lab):
    lab.gateway.tell("raised", "no-light", "major", "dark")
    wait_for(lambda: lab.syslog("tcp", "no-light"), "the alarm")
    lab.gateway.close()
    told = wait_for(lambda: lab.syslog("tcp", "web-no-answer"), "who does not answer")[0]
    assert 'resource="gateway"' in told[5] and 'perceivedSeverity="major"' in told[5]
    # It is back, and what it had is over: that is told once, though nobody saw it.
    os.unlink(lab.gateway.path)
    lab.gateway = Gateway(lab.gateway.path)
    told = wait_for(lambda: [x for x in lab.syslog("tcp", "no-light") if 'perceivedSeverity="cleared"' in x[5]],
                    "the end of what was")
    assert len(told) == 1
    wait_for(lambda: any('perceivedSeverity="cleared"' in x[5] for x in lab.syslog("tcp", "web-no-answer")), "the answer")
