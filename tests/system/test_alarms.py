# SPDX-License-Identifier: BSD-3-Clause
"""Alarms in the hands of operators, and why there is no key and no traffic."""

import json
import socket
import time

from conftest import lgctl
from rig import RpcError


def active(rig, site, shelved=False):
    return {a["kind"]: a for a in rig.rpc(site, "alarm_list", {"active": True, "shelved": shelved})["alarms"]}


def why(rig, site, what, **params):
    return rig.rpc(site, "why_" + what, params)


class Listener:
    """A client that subscribed to alarms."""

    def __init__(self, rig, site):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(rig.path("site-" + site, "control.sock"))
        self.lines = self.socket.makefile("rw")
        self.lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe",
                                     "params": {"topics": ["alarm"]}}) + "\n")
        self.lines.flush()
        assert "result" in json.loads(self.lines.readline())

    def next(self):
        return json.loads(self.lines.readline())["params"]["data"]

    def close(self):
        self.lines.close()
        self.socket.close()


def test_an_alarm_from_raise_to_restart(imported):
    rig = imported
    assert lgctl(rig, "a", "why", "traffic").count("\n") == 1
    listener = Listener(rig, "a")
    rig.stop("gw-b")
    rig.wait_for(lambda: "channel-down" in active(rig, "a"), 15, "the alarm")
    raised = listener.next()
    while raised["kind"] != "channel-down":
        raised = listener.next()
    assert raised["change"] == "raised" and raised["severity"] == "major" and "uid" not in raised
    where = raised["resource"]

    lgctl(rig, "a", "alarm", "ack", "channel-down", where, "the other site is moved today")
    told = listener.next()
    while told["kind"] != "channel-down":
        told = listener.next()
    assert (told["change"], told["uid"], told["text"]) == ("acknowledged", 0, "the other site is moved today")
    assert active(rig, "a")["channel-down"]["acknowledged"]["uid"] == 0
    assert "ack by root" in lgctl(rig, "a", "alarm", "list", "active")
    assert rig.rpc("a", "status")["alarms"]["acknowledged"] == 1
    again = lgctl(rig, "a", "alarm", "ack", "channel-down", where, check=False)
    assert again.returncode == 1 and "already acknowledged" in again.stderr

    lgctl(rig, "a", "alarm", "shelve", "--kind", "channel-down", "--duration-s", "600", "--text", "moved")
    assert listener.next()["change"] == "shelved"
    assert "channel-down" not in active(rig, "a") and "channel-down" in active(rig, "a", shelved=True)
    # What is shelved is no less true.
    assert why(rig, "a", "key")["cause"] in ("disabled", "channel-down")
    history = rig.rpc("a", "alarm_history", {"kind": "channel-down", "limit": 1000})["changes"]
    assert [c["change"] for c in history[:3]] == ["shelved", "acknowledged", "raised"]
    audit = [e["method"] for e in rig.rpc("a", "audit_list")["entries"]]
    assert audit.count("alarm_ack") == 2 and audit.count("alarm_shelve") == 1
    listener.close()

    # The shelf outlives the gateway; the acknowledgement was of an alarm that it knew.
    rig.stop("gw-a")
    rig.start_gateway("a")
    rig.wait_ready("a")
    assert [s["kind"] for s in rig.rpc("a", "alarm_shelf_list")["shelves"]] == ["channel-down"]
    assert "moved" in lgctl(rig, "a", "alarm", "shelves")
    # So does the history, in which what was active has an end.
    later = rig.rpc("a", "alarm_history", {"kind": "channel-down", "limit": 1000})["changes"]
    first = next(i for i, c in enumerate(later) if c["number"] == history[0]["number"])
    assert later[first:] == history and later[first - 1]["text"] == "the program ended"
    assert [c["number"] for c in later] == sorted({c["number"] for c in later}, reverse=True)
    rig.wait_for(lambda: "channel-down" in active(rig, "a", shelved=True), 15, "the alarm on its shelf")
    assert active(rig, "a", shelved=True)["channel-down"]["acknowledged"] is None
    assert "channel-down" not in active(rig, "a")
    lgctl(rig, "a", "alarm", "unshelve", "--kind", "channel-down")
    assert "channel-down" in active(rig, "a")
    for params in ({}, {"resource": "*"}, {"kind": "no-such-kind"}, {"kind": "channel-down", "duration_s": 0}):
        try:
            rig.rpc("a", "alarm_shelve", params)
        except RpcError as e:
            assert e.error["code"] == -32602 and e.error["data"]["path"].startswith("/params")
        else:
            raise AssertionError(f"shelved by {params}")
    assert rig.rpc("a", "alarm_shelf_list")["shelves"] == []


def test_why(sites):
    rig = sites
    rig.wait_for(lambda: why(rig, "b", "key")["well"], 60, "key")
    line = lgctl(rig, "b", "why", "key")
    assert line.startswith("Key is made") and line.count("\n") == 1 and "To do" not in line
    rig.ping(20, interval=0.05)
    time.sleep(1.1)
    assert why(rig, "a", "traffic")["cause"] == "flows", why(rig, "a", "traffic")
    assert why(rig, "a", "traffic", tunnel="dc")["well"]
    try:
        why(rig, "a", "traffic", tunnel="nowhere")
    except RpcError as e:
        assert e.error["data"]["path"] == "/params/tunnel"
    else:
        raise AssertionError("a tunnel that there is not")

    # No card any more, at both sites.
    rig.stop("model")
    rig.wait_for(lambda: why(rig, "b", "key")["cause"] == "no-card", 15, "no card")
    answer = why(rig, "b", "key")
    assert not answer["well"] and answer["action"] == next(
        k["action"] for k in rig.rpc("b", "alarm_catalogue", {"kind": "no-card"})["kinds"])
    line = lgctl(rig, "b", "why", "key")
    assert line.startswith("no-card at link/") and "To do: " in line and line.count("\n") == 1

    # The other gateway is gone: that comes before all that is missing for it.
    rig.kill("gw-a")
    rig.wait_for(lambda: why(rig, "b", "traffic")["cause"] in ("tunnel-down", "no-key"), 20, "no traffic")
    assert lgctl(rig, "b", "why", "traffic").count("\n") == 1
