# SPDX-License-Identifier: BSD-3-Clause
"""lumengate-web on a running pair: what promtool, Prometheus and DPDK's own client say of it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from conftest import ROOT, lgctl
from kme import Lab
from monitoring import OPENMETRICS, Web, free_port
from rig import Rig

RULES = os.path.join(ROOT, "config/prometheus/lumengate.rules.yml")
SCRAPE = os.path.join(ROOT, "config/prometheus/lumengate.scrape.yml")
DASHBOARD = os.path.join(ROOT, "config/grafana/lumengate.json")


def promtool(*words, stdin=None):
    done = subprocess.run(["promtool", *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def site():
    """A pair that makes key and carries traffic, and lumengate-web at site b."""
    with Rig() as rig:
        rig.wire()
        rig.start_watch()
        rig.start_model()
        for s in ("a", "b"):
            rig.start_gateway(s)
        for s in ("a", "b"):
            rig.wait_ready(s)
        rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 60, "the first encrypted ping")
        web = Web(rig.program("lumengate-web"), rig.path("web"),
                  rig.path("site-b", "control.sock")).start()
        try:
            web.wait_for(lambda: web.get("/healthz")[0] == 200, 10, "the gateway answers")
            yield rig, web
        finally:
            web.stop()


@pytest.fixture(scope="module")
def delivery():
    """Two key deliveries with stored key and an SAE that took some; lumengate-web at site a."""
    with Lab(seed=23) as lab:
        lab.wait_key()
        for _ in range(3):
            assert lab.client("a-1").enc("b-1", number=2).status == 200
        web = Web(lab.program("lumengate-web"), os.path.join(lab.folder, "web"),
                  os.path.join(lab.folder, "no-gateway.sock"),
                  lab.kme["a"].path("control.sock")).start()
        try:
            web.wait_for(lambda: web.metrics().get('lumengate_up{program="kms"}') == 1, 10,
                         "the key delivery answers")
            yield lab, web
        finally:
            web.stop()


def test_promtool_finds_nothing_to_say(site, delivery):
    for _, web in (site, delivery):
        status, kind, text = web.get("/metrics")
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert promtool("check", "metrics", stdin=text) == (0, "")
        assert text.count("\n") > 150
    # It would.
    assert promtool("check", "metrics", stdin=text.replace("_total", "_sum"))[0] == 3


def test_openmetrics_is_what_its_reference_parser_takes(site, delivery):
    for _, web in (site, delivery):
        status, kind, text = web.get("/metrics", OPENMETRICS)
        assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        families = {f.name: f for f in text_string_to_metric_families(text)}
        assert len(families) > 40
        for f in families.values():
            assert f.documentation.endswith(".") and f.type in ("gauge", "counter", "info"), f
    bytes_given = families["lumengate_kms_sae_given_key_bytes"]
    assert (bytes_given.type, bytes_given.unit) == ("counter", "bytes")


def test_figures_are_those_of_the_programs(site, delivery):
    rig, web = site
    rig.ping(10, interval=0.05)
    status = rig.rpc("b", "status")
    before = web.call("web_status")["programs"]["gateway"]["age_s"]
    assert 0 <= before < 3
    time.sleep(1.2)  # one poll and some
    m = web.metrics()
    tunnel = status["tunnels"][0]
    assert m['lumengate_tunnel_sealed_packets_total{tunnel="dc"}'] >= tunnel["packets_sealed"] >= 10
    assert m['lumengate_tunnel_rekeys_total{tunnel="dc"}'] >= tunnel["rekeys"] > 0
    assert 8 * m["lumengate_secret_key_bytes_total"] >= status["link"]["engine"]["secret_bits"]
    assert 0 < m['lumengate_qber_ratio{basis="z"}'] < 0.05
    assert m["lumengate_link_simulated"] == 1
    assert m['lumengate_tunnel_info{tunnel="dc",local="192.0.2.2",remote="192.0.2.1",keyed_by="qkd"}'] == 1
    assert {n.split('"')[1] for n in m if n.startswith("lumengate_drops_total")} == {
        n.removeprefix("drop.") for n in status["drops"]}
    m = delivery[1].metrics()
    assert m['lumengate_kms_sae_given_keys_total{sae="a-1"}'] == 6
    assert m['lumengate_kms_sae_given_key_bytes_total{sae="a-1"}'] == 6 * 32
    assert m['lumengate_kms_calls_total{call="enc_keys"}'] == 3
    assert m["lumengate_kms_certificate_expiry_timestamp_seconds"] > time.time()
    # The gateway is not there: said, and no figure of it made up.
    assert m['lumengate_up{program="gateway"}'] == 0
    assert not [n for n in m if n.startswith("lumengate_tunnel")]


def test_alarms_are_figures(site):
    rig, web = site
    name = 'lumengate_alarm_active{program="gateway",kind="link-down",resource="port/lan",severity="major"}'
    assert name not in web.metrics()
    rig_link(rig, "down")
    try:
        web.wait_for(lambda: web.metrics().get(name) == 1, 20, "the alarm of the port")
    finally:
        rig_link(rig, "up")
    web.wait_for(lambda: name not in web.metrics(), 60, "its end")


def rig_link(rig, state):
    subprocess.run([*rig.in_ns("dc-b"), "ip", "link", "set", "lan0", state], check=True)


def test_no_clients_disturb_the_others(site):
    """Garbage, silence, half requests and a flood of scrapes: the gateway is asked once a second all the same."""
    _, web = site
    silent = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(40)]
    for i, s in enumerate(silent):
        s.sendall((b"\x16\x03\x01\0\0", b"GET /metrics HTTP/1.1\r\nHost", b"\0" * 100, b"{]\r\n\r\n")[i % 4])
    polls = 'lumengate_polls_total{program="gateway",result="answered"}'
    first, begin = web.metrics()[polls], time.monotonic()
    for _ in range(300):
        assert web.get("/metrics")[0] == 200
    while time.monotonic() - begin < 2:
        assert web.get("/metrics", OPENMETRICS)[0] == 200
    assert web.metrics()[polls] - first <= time.monotonic() - begin + 2
    for s in silent:
        s.close()
    assert web.get("/etc/passwd")[0] == 404
    assert web.get("/metrics/../x")[0] == 404
    assert web.metrics()['lumengate_web_refusals_total{reason="malformed"}'] >= 10


def test_telemetry_by_the_stock_client(site):
    """DPDK's dpdk-telemetry.py has our commands beside DPDK's own."""
    rig, _ = site
    client = shutil.which("dpdk-telemetry.py") or shutil.which("dpdk-telemetry")
    commands = ("/", "/lumengate/status", "/lumengate/tunnels", "/lumengate/drops,0,5", "/ethdev/list", "quit")
    done = subprocess.run([client, "-f", f"{rig.tag}-b"], input="\n".join(commands) + "\n",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    assert done.returncode == 0, done.stdout
    answers = {}
    decoder = json.JSONDecoder()
    for start in (m.start() for m in re.finditer(r"\{", done.stdout)):
        try:
            answers.update(decoder.raw_decode(done.stdout, start)[0])
        except json.JSONDecodeError:
            continue
    assert {"/lumengate/status", "/lumengate/tunnels", "/ethdev/list"} <= set(answers["/"])
    assert answers["/ethdev/list"] == [0, 1]
    assert answers["/lumengate/tunnels"]["dc"]["rekeys"] > 0
    assert answers["/lumengate/drops"]["count"] == 5
    assert "keystore/available/rekey" in answers["/lumengate/status"]


def curl(*words):
    """(HTTP status, 0 when there was none; body)."""
    done = subprocess.run(["curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_tls_for_clients_with_a_certificate(delivery):
    """Whose figures these are is theirs alone who show a certificate; a reload changes the server's, or says why not."""
    lab, plain = delivery
    c, port, folder = lab.certificates, free_port(), os.path.join(lab.folder, "tls")
    os.makedirs(folder)
    own = {n: shutil.copy(p, os.path.join(folder, n)) for n, p in
           (("server.pem", c.kme["a"].pem), ("server.key", c.kme["a"].key))}
    listen = [{"address": "127.0.0.1", "port": 0, "tls": False}, {"address": "127.0.0.1", "port": port}]
    web = Web(plain.command[0], folder, os.path.join(lab.folder, "no-gateway.sock"), settings={
        "certificate": own["server.pem"], "private-key": own["server.key"], "client-ca": c.ca.pem})
    with open(web.path("web.json")) as f:
        config = json.load(f)
    listen[0]["port"] = web.port
    config["lumengate:web"]["listen"] = listen
    with open(web.path("web.json"), "w") as f:
        json.dump(config, f)
    web.start()
    try:
        client = c.client("a-1")
        url = f"https://localhost:{port}/metrics"
        known = ("--cacert", c.ca.pem, "--cert", client.pem, "--key", client.key)
        status, body = curl(*known, "-H", f"Accept: {OPENMETRICS}", url)
        assert status == 200 and body.endswith("# EOF\n")
        status, body = curl("--cacert", c.ca.pem, url)
        assert status == 401 and "lumengate_" not in body
        assert curl(*known, url.replace("https", "http"))[0] == 400
        assert web.metrics()['lumengate_web_refusals_total{reason="peer_none"}'] == 1
        os.rename(own["server.key"], own["server.key"] + ".away")
        lgctl_web = [web.command[0].replace("lumengate-web", "lgctl"), "--socket", web.path("control.sock"), "web"]
        done = subprocess.run([*lgctl_web, "reload"], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "server.key" in done.stderr
        alarm = 'lumengate_alarm_active{program="web",kind="web-reload",resource="web",severity="major"}'
        web.wait_for(lambda: web.metrics().get(alarm) == 1, 10, "the alarm")
        assert curl(*known, url)[0] == 200
        os.rename(own["server.key"] + ".away", own["server.key"])
        subprocess.run([*lgctl_web, "reload"], check=True, stdout=subprocess.DEVNULL)
        assert curl(*known, url)[0] == 200
    finally:
        assert web.stop() == 0


class Prometheus:
    """The real server, which scrapes PORTS by our files."""

    def __init__(self, folder, ports):
        self.port = free_port()
        with open(SCRAPE) as f:
            text = f.read()
        targets = ", ".join(f'"127.0.0.1:{p}"' for p in ports)
        text = text.replace('"127.0.0.1:9464"', targets).replace("15s", "1s")
        (folder / "prometheus.yml").write_text(text)
        shutil.copy(RULES, folder)
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log, start_new_session=True)

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as r:
            return json.load(r)["data"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def dashboard_expressions():
    with open(DASHBOARD) as f:
        board = json.load(f)
    return [t["expr"] for p in board["panels"] for t in p.get("targets", [])]


def test_prometheus_scrapes_rules_and_dashboard(site, delivery, tmp_path):
    """Every name in rules and dashboard is one that is served, and every expression can be asked."""
    _, web = site
    names = {n.split("{")[0] for _, w in (site, delivery) for n in w.metrics()}
    with open(RULES) as f:
        rules = f.read()
    with open(DASHBOARD) as f:
        board = f.read()
    # May be absent on this pair: with keys that never end, without a delivery that wants some.
    absent = {"lumengate_keystore_empty_in_seconds", "lumengate_kms_store_empty_in_seconds", "lumengate_alarm_active"}
    used = set(re.findall(r"\blumengate_[a-z0-9_]+", rules + board))
    assert len(used) > 30 and used - names <= absent, used - names
    for name in absent:
        assert re.search(rf'"{name.removeprefix("lumengate_").removeprefix("kms_")}"|"{name}"',
                         sources()), name
    with Prometheus(tmp_path, [web.port, delivery[1].port]) as p:
        web.wait_for(lambda: len([t for t in p.ask("targets")["activeTargets"] if t["health"] == "up"]) == 2,
                     20, "both targets are up")
        assert all(r["health"] != "err" for g in p.ask("rules")["groups"] for r in g["rules"])
        for expression in dashboard_expressions():
            p.ask("query", query=expression.replace("$instance", ".*"))
        got = p.ask("query", query="lumengate_up")["result"]
        assert sorted(r["value"][1] for r in got) == ["0", "1", "1"]
    asked = [line for line in (tmp_path / "log").read_text().splitlines() if "level=error" in line]
    assert not asked, asked


def sources():
    folder = os.path.join(ROOT, "control/web")
    texts = [os.path.join(folder, n) for n in ("figures_gateway.c", "figures_kms.c")]
    texts.append(os.path.join(ROOT, "control/web_metrics.c"))
    return "\n".join(open(t).read() for t in texts)


def test_rules_call_when_they_should():
    folder = os.path.dirname(RULES)
    assert promtool("check", "rules", RULES)[0] == 0
    status, said = promtool("test", "rules", os.path.join(folder, "lumengate.rules.test.yml"))
    assert status == 0, said
    # What they tell people to type is there.
    commands = subprocess.run([os.path.join(os.environ.get("LUMENGATE_BUILD") or os.path.join(ROOT, "build"),
                                            "control/lgctl"), "--help"], stdout=subprocess.PIPE, text=True).stdout
    with open(RULES) as f:
        for words in set(re.findall(r"lgctl ([a-z]+ [a-z]+)", f.read())):
            assert re.search(rf"\b{words}\b", commands), words


def history(web, *words, status=0):
    done = subprocess.run([web.command[0].replace("lumengate-web", "lgctl"), "--socket", web.path("control.sock"),
                           "--json", "history", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=20)
    assert done.returncode == status, done
    return json.loads(done.stdout) if status == 0 else done.stderr


def api(web, **query):
    status, _, text = web.get("/api/v1/history?" + urllib.parse.urlencode(query))
    return status, json.loads(text)


def test_history_is_kept_and_asked(site):
    """By seconds at once, through a restart, in lgctl as over HTTP; and what it costs is told."""
    rig, web = site
    name = 'lumengate_qber_ratio{basis="z"}'
    series = {s["name"]: s for s in history(web, "list")["series"]}
    assert series[name]["kind"] == "gauge" and len(series) > 25
    assert series['lumengate_tunnel_sealed_bytes_total{tunnel="dc"}']["kind"] == "counter"
    web.wait_for(lambda: len(api(web, series=name, points=5000)[1]["series"][0]["points"]) >= 5, 20, "five values")
    got = history(web, "show", "lumengate_qber_ratio", "--hours", "1", "--points", "5000")
    assert got["step_s"] == 1 and [s["name"] for s in got["series"]] == [name, name.replace('"z"', '"x"')]
    assert all(0 < p[2] <= p[1] <= p[3] < 0.1 for s in got["series"] for p in s["points"])
    begin = got["series"][0]["points"][0][0]
    assert time.time() - 600 < begin < time.time()
    # 100 pings within about a second, as a rate.
    rig.ping(100, interval=0.01)
    time.sleep(2)
    sealed = 'lumengate_tunnel_sealed_bytes_total{tunnel="dc"}'
    rate = api(web, series=sealed, points=5000)[1]["series"][0]["points"]
    assert max(p[1] for p in rate) > 300
    assert api(web, series=name, points=2)[1]["step_s"] > 1
    assert web.stop() == 0
    web.start()
    again = history(web, "show", name, "--points", "5000")["series"][0]["points"]
    assert again[0][0] == begin
    size = web.metrics()["lumengate_history_file_bytes"]
    assert 4096 < size < 1 << 20 and os.path.getsize(web.path("history.db")) <= 1 << 20
    for query, code, words in (({"series": "lumengate_nothing"}, 404, "no history of lumengate_nothing"),
                               ({"series": name, "from": "yesterday"}, 400, "seconds since 1970"),
                               ({"series": name, "points": 0}, 400, "points: 1 to 5000"),
                               ({"series": name, "from": 2000, "to": 1000}, 400, "from: is after to"),
                               ({"series": "x" * 300}, 400, "series"), ({"name": "x"}, 400, "series")):
        got = api(web, **query)
        assert got[0] == code and words in got[1]["message"], got
    assert "there is no history of nothing" in history(web, "show", "nothing", status=1)
    assert "--hours: 1 to" in history(web, "show", name, "--hours", "0", status=2)
    web.wait_for(lambda: web.get("/healthz")[0] == 200, 10, "the gateway answers")


def test_gateway_that_goes_and_comes(site):
    """The last: the gateway is killed, and its figures go with it."""
    rig, web = site
    rig.kill("gw-b")
    web.wait_for(lambda: web.get("/healthz")[0] == 503, 10, "the gateway is missed")
    m = web.metrics()
    assert m['lumengate_up{program="gateway"}'] == 0
    assert not [n for n in m if n.startswith(("lumengate_tunnel", "lumengate_gateway", "lumengate_drops"))]
    assert m['lumengate_alarm_active{program="web",kind="web-no-answer",resource="gateway",severity="major"}'] == 1
    told = json.loads(web.get("/healthz")[2])
    assert told["status"] == "degraded" and told["programs"]["gateway"]["why"]
    rig.start_gateway("b")
    web.wait_for(lambda: web.get("/healthz")[0] == 200, 30, "the gateway is back")
    assert web.metrics()['lumengate_up{program="gateway"}'] == 1
