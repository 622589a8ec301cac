# SPDX-License-Identifier: BSD-3-Clause
"""The control socket and lgctl on a running pair."""

import json
import os
import re
import socket
import stat
import subprocess
import time

import pytest
from conftest import lgctl
from rig import LAN, ROOT, RpcError


def test_socket_is_for_its_group_alone(imported):
    mode = os.stat(imported.path("site-a", "control.sock")).st_mode
    assert stat.S_IMODE(mode) == 0o660


def test_imported_keys_are_shown(imported):
    shown = imported.rpc("a", "keystore_show")
    assert shown["has_imported"] is True and shown["imported"] == 2000
    assert shown["available"]["rekey"] > 0
    assert imported.rpc("a", "status")["keystore"]["has_imported"] is True
    assert re.search(r"has_imported +yes", lgctl(imported, "a", "keystore", "show"))


def test_same_keys_twice_are_refused(imported):
    done = lgctl(imported, "a", "keystore", "import", imported.path("keys"), check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_rekeys_every_second_and_on_command(imported):
    first = imported.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"]
    imported.wait_for(
        lambda: imported.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"] >= first + 3, 10,
        "three rekeys")
    lgctl(imported, "a", "tunnel", "rekey", "dc")
    sas = imported.rpc("b", "sa_list")["sas"]
    assert {s["direction"] for s in sas} == {"transmit", "receive"}
    assert not re.search(r"[0-9a-f]{32}", json.dumps(sas))


def test_route_and_period_change_live_without_loss(imported):
    rig = imported
    ping = subprocess.Popen(rig.in_ns("dc-a") + ["ping", "-q", "-i", "0.01", "-c", "500",
                                                 f"{LAN['b']}.2"],
                            stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    config = rig.rpc("a", "config_get")
    gateway = config["lumengate:gateway"]
    gateway["route"].append({"prefix": "10.9.0.0/16", "tunnel": "dc"})
    gateway["tunnel"][0]["rekey"]["period-ms"] = 700
    rig.rpc("a", "config_set", {"config": config})
    got = rig.rpc("a", "config_get")["lumengate:gateway"]
    assert {"prefix": "10.9.0.0/16", "tunnel": "dc"} in got["route"]
    out, _ = ping.communicate(timeout=30)
    assert "500 packets transmitted, 500 received" in out


def test_what_cannot_change_live_says_so(imported):
    config = imported.rpc("a", "config_get")
    config["lumengate:gateway"]["port"]["lan"]["mtu"] = 1400
    with pytest.raises(RpcError) as e:
        imported.rpc("a", "config_set", {"config": config})
    assert "mtu" in str(e.value)
    assert imported.rpc("a", "config_get")["lumengate:gateway"]["port"]["lan"]["mtu"] == 1500


def test_bad_requests(imported):
    for method, params, says in (("config_validate", {"config": {"lumengate:gateway": {}}}, ""),
                                 ("tunnel_rekey", {"tunnel": "nobody"}, "nobody"),
                                 ("tunnel_rekey", {}, "tunnel"),
                                 ("status", {"x": 1}, "x"),
                                 ("no_such_method", None, "no_such_method")):
        with pytest.raises(RpcError) as e:
            imported.rpc("a", method, params)
        assert says in str(e.value)
    done = lgctl(imported, "a", "frobnicate", check=False)
    assert done.returncode == 2


def test_changes_are_audited_without_secrets(imported):
    lgctl(imported, "a", "log", "set", "main", "info")
    with pytest.raises(RpcError):
        imported.rpc("a", "tunnel_rekey", {"tunnel": "nobody"})
    refused, changed = imported.rpc("a", "audit_list", {"limit": 2})["entries"]
    assert refused["method"] == "tunnel_rekey" and "nobody" in refused["result"]
    assert (changed["method"], changed["uid"], changed["result"]) == ("log_set", 0, "done")
    assert changed["params"] == {"component": "main", "level": "info"}
    everything = json.loads(lgctl(imported, "a", "--json", "audit", "list"))["entries"]
    keys = [e for e in everything if e["method"] == "keystore_import"]
    assert keys and all(e["params"] == {"data": "(secret)"} for e in keys)
    with open(imported.path("gw-a.log"), encoding="utf-8") as log:
        assert "audit: uid=0" in log.read()


def test_subscriber_hears_rekeys_and_jobs_while_another_sends_garbage(imported):
    def dial():
        s = socket.socket(socket.AF_UNIX)
        s.connect(imported.path("site-a", "control.sock"))
        s.settimeout(10)
        return s

    with dial() as listener, dial() as vandal:
        listener.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {
            "topics": ["rekey", "job"]}}).encode())
        lines = listener.makefile()
        assert json.loads(next(lines))["result"] == {"topics": ["rekey", "job"]}
        vandal.sendall(b"{]" * 2000 + b"\0\xff\n")
        lgctl(imported, "a", "latency", "start")
        seen = {}
        until = time.monotonic() + 30
        while set(seen) != {"rekey", "job"}:
            assert time.monotonic() < until, seen
            event = json.loads(next(lines))
            assert event["method"] == "event" and "id" not in event
            seen[event["params"]["topic"]] = event["params"]["data"]
        lgctl(imported, "a", "latency", "stop")
    assert seen["rekey"]["tunnel"] == "dc" and seen["rekey"]["rekeys"] > 0
    assert seen["job"] == {"job": "latency", "running": True}


def doctor(rig, *words):
    """What lgctl doctor finds at site A, by check; of several findings the last."""
    done = lgctl(rig, "a", "--json", "doctor", "--config", rig.path("site-a", "config.json"),
                 "--yang-dir", os.path.join(ROOT, "config"), *words, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {c["check"]: c for c in json.loads(done.stdout)["checks"]}


def test_doctor_asks_the_gateway_for_peer_and_keys(imported):
    found = doctor(imported)
    assert {name: found[name]["level"] for name in ("gateway", "peer", "tunnels", "keys", "mtu",
                                                    "alarms", "key-store")} == {
        "gateway": "ok", "peer": "ok", "tunnels": "ok", "keys": "ok", "mtu": "ok", "alarms": "ok",
        "key-store": "ok"}, found
    assert "192.0.2.2 answers, round trip" in found["peer"]["text"]
    assert "in use" in found["key-store"]["text"]
    imported.kill("gw-b")
    imported.wait_for(lambda: doctor(imported)["peer"]["level"] == "fail", 30, "the lost peer")
    found = doctor(imported)
    assert "192.0.2.2 does not answer" in found["peer"]["text"]
    assert "UDP port 4790" in found["peer"]["advice"]
    imported.kill("gw-a")
    found = doctor(imported)
    assert "nothing more is known" in found["gateway"]["text"]
    assert "peer" not in found and "keys" not in found


# What only looks, by its last word; the key delivery and the service of figures are not asked here.
LOOKS = {"status", "top", "show", "list", "get", "diff", "history", "candidate", "shelves", "methods",
         "doctor", "key", "traffic"}


def looking_commands(help_text):
    """The commands of lgctl's table that change nothing and need no more words."""
    for line in help_text.splitlines()[1:]:
        words = line.split()
        named = [w for w in words if re.fullmatch(r"[a-z][a-z-]*", w)][:2]
        rest = words[len(named):]
        if named[-1] in LOOKS and named[0] not in ("kms", "web", "history") and (
                not rest or rest[0].startswith("[")):
            yield named


def test_methods_and_tables(imported):
    names = {m["name"] for m in imported.rpc("a", "get_methods")}
    assert {"get_methods", "status", "config_get", "config_validate", "config_set", "link_show",
            "tunnel_list", "tunnel_show", "tunnel_rekey", "sa_list", "keystore_show", "keystore_import",
            "alarm_list", "log_set", "block_list", "port_list", "core_list", "counter_list",
            "capture_start", "capture_stop", "capture_show", "latency_start", "latency_stop",
            "latency_show"} <= names
    for words in (("tunnel", "show", "dc"), ("sa", "list", "dc"), ("counter", "list", "drop.")):
        assert lgctl(imported, "a", *words).strip()
    # Every command that looks has a table, and the same as JSON.
    commands = list(looking_commands(lgctl(imported, "a", "--help")))
    assert len(commands) >= 25, commands
    for words in commands:
        shown = lgctl(imported, "a", *words, check=False)
        whole = lgctl(imported, "a", "--json", *words, check=False)
        assert shown.returncode == whole.returncode, words
        if whole.returncode == 0 or words[0] in ("doctor", "why"):
            assert shown.stdout.strip(), words
            assert isinstance(json.loads(whole.stdout), (dict, list)), words
        else:  # there is no light here
            assert whole.returncode == 1 and words[0] in ("otdr", "qrng", "watch", "dwdm", "kme"), (
                words, whole.stderr)
            assert whole.stdout == "" and len(whole.stderr.splitlines()) == 1


def test_ipv6_and_large_packets_cross(imported):
    assert imported.ping(5, 0.05, target="fd00:2::2")[1] == 5
    out = subprocess.run(imported.in_ns("dc-a") + ["ping", "-q", "-c", "3", "-i", "0.05", "-s",
                                                   "1472", "-M", "do", f"{LAN['b']}.2"],
                         stdout=subprocess.PIPE, text=True).stdout
    assert "3 received" in out
