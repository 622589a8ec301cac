# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of a running pair: edited, committed, taken back, saved and read again."""

import json
import os
import random
import re
import signal
import stat
import time

import pytest
from conftest import lgctl
from rig import RpcError

PERIOD = "tunnel[name='dc']/rekey/period-ms"


def running(rig, site="a"):
    return rig.rpc(site, "config_get")["lumengate:gateway"]


def file_of(rig, site="a"):
    return rig.path("site-" + site, "config.json")


def test_edit_compare_commit_save(imported):
    """As an operator types it."""
    os.chmod(file_of(imported), 0o640)
    lgctl(imported, "a", "config", "set", PERIOD, "700")
    lgctl(imported, "a", "config", "set", "policy[name='all']",
          '{"action": "protect", "destination": "10.2.0.0/16"}')
    lgctl(imported, "a", "config", "set", "policy[name='back']",
          '{"action": "bypass", "source": "10.66.0.0/16"}', "--insert", "first")
    lgctl(imported, "a", "config", "delete", "policy[name='back']")
    shown = lgctl(imported, "a", "config", "diff").splitlines()
    assert shown == [f"~ /lumengate:gateway/{PERIOD}: 1000 -> 700",
                     "+ /lumengate:gateway/policy[name='all']: "
                     '{"name":"all","action":"protect","destination":"10.2.0.0/16"}']
    assert re.search(r"live +yes", lgctl(imported, "a", "config", "check"))
    assert running(imported)["tunnel"][0]["rekey"]["period-ms"] == 1000
    lgctl(imported, "a", "config", "commit", "--comment", "quicker, and a rule")
    assert running(imported)["tunnel"][0]["rekey"]["period-ms"] == 700
    assert [r["name"] for r in imported.rpc("a", "policy_list")["policy"]][0] == "all"
    assert "no difference" not in lgctl(imported, "a", "config", "diff", "startup", "running")
    lgctl(imported, "a", "config", "save")
    assert "no difference" in lgctl(imported, "a", "config", "diff", "startup", "running")
    told = imported.rpc("a", "status")["config"]
    assert (told["commit"], told["saved"], told["edited"]) == (2, True, False)
    assert stat.S_IMODE(os.stat(file_of(imported)).st_mode) == 0o640
    newest, oldest = imported.rpc("a", "config_history")["commits"]
    assert (newest["number"], newest["comment"]) == (0, "quicker, and a rule")
    assert oldest["comment"] == "read at start"
    lgctl(imported, "a", "config", "rollback", "1")
    lgctl(imported, "a", "config", "commit")
    assert "policy" not in running(imported)
    methods = [e["method"] for e in imported.rpc("a", "audit_list", {"limit": 4})["entries"]]
    assert methods == ["config_commit", "config_rollback", "config_save", "config_commit"]


def test_what_needs_a_restart_says_so_before(imported):
    lgctl(imported, "a", "config", "set", "port/lan/mtu", "1400")
    assert "(needs a restart)" in lgctl(imported, "a", "config", "diff")
    refused = lgctl(imported, "a", "config", "commit", check=False)
    assert refused.returncode == 1
    assert refused.stderr == ("lgctl: /lumengate:gateway/port/lan/mtu: cannot change live, "
                              "restart the gateway\n")
    done = json.loads(lgctl(imported, "a", "--json", "config", "commit",
                            "--restart-accepted", "true"))
    assert done["restart_waits"] is True
    assert running(imported)["port"]["lan"]["mtu"] == 1500
    restart(imported, "a", signal.SIGTERM)
    assert running(imported)["port"]["lan"]["mtu"] == 1400
    assert imported.rpc("a", "config_candidate")["restart_waits"] is False


def restart(rig, site, with_signal):
    gateway = rig.processes["gw-" + site]
    os.killpg(gateway.pid, with_signal)
    gateway.wait(timeout=30)
    rig.start_gateway(site)
    rig.wait_ready(site)


def test_save_restart_compare(imported):
    """What was saved is what runs after a restart; what was not is gone, the history is not."""
    lgctl(imported, "a", "config", "set", PERIOD, "900")
    lgctl(imported, "a", "config", "set", "route[prefix='10.9.0.0/16']", '{"tunnel": "dc"}')
    lgctl(imported, "a", "config", "commit")
    lgctl(imported, "a", "config", "save")
    saved = running(imported)
    written = imported.rpc("a", "config_get", {"source": "running"})
    lgctl(imported, "a", "config", "set", PERIOD, "800")
    lgctl(imported, "a", "config", "commit", "--confirm-timeout", "600", "--comment", "unsaved")
    # An edit under way ends with the gateway.
    lgctl(imported, "a", "config", "set", PERIOD, "600")
    restart(imported, "a", signal.SIGKILL)
    assert running(imported) == saved
    assert imported.rpc("a", "config_get", {"source": "running"}) == written
    with open(file_of(imported), encoding="utf-8") as f:
        assert json.load(f) == written
    state = imported.rpc("a", "config_candidate")
    assert (state["held"], state["unconfirmed"], state["saved"]) == (False, None, True)
    comments = [c["comment"] for c in imported.rpc("a", "config_history")["commits"]]
    assert comments == ["read at start", "unsaved", "", "read at start"]


def test_nobody_confirms(imported):
    """Who cuts himself off gets in again, and hears of it."""
    lgctl(imported, "a", "config", "delete", "route[prefix='10.2.0.0/24']")
    lgctl(imported, "a", "config", "commit", "--confirm-timeout", "2")
    assert not imported.ping(1, wait=1)[1]
    assert lgctl(imported, "a", "config", "save", check=False).returncode == 1
    imported.wait_for(lambda: len(running(imported)["route"]) == 2, 10, "the way back")
    imported.wait_for(lambda: imported.ping(1, wait=1)[1] == 1, 10, "traffic")
    alarms = imported.rpc("a", "alarm_list", {"active": True})["alarms"]
    assert [a["text"] for a in alarms if a["kind"] == "config-rolled-back"] == [
        "commit 2 was taken back: nobody confirmed it within 2 s"]
    entry = imported.rpc("a", "audit_list", {"limit": 20})["entries"]
    assert any(e["method"] == "config_commit_timeout" for e in entry)
    lgctl(imported, "a", "config", "set", PERIOD, "900")
    lgctl(imported, "a", "config", "commit", "--confirm-timeout", "3")
    lgctl(imported, "a", "config", "confirm")
    time.sleep(4)
    assert running(imported)["tunnel"][0]["rekey"]["period-ms"] == 900
    alarms = imported.rpc("a", "alarm_list", {"active": True})["alarms"]
    assert not [a for a in alarms if a["kind"] == "config-rolled-back"]


def an_edit(dice):
    """Parameters of config_edit: of four, one or two are refused, or make the commit be."""
    route = f"route[prefix='10.{dice.randrange(20)}.{dice.randrange(3)}.0/24']"
    rule = f"policy[name='r{dice.randrange(8)}']"
    return dice.choice((
        {"operation": "merge", "path": PERIOD, "value": dice.choice((500, 700, 1000, 99, "x"))},
        {"operation": "merge", "path": "qkd/qber-abort", "text": dice.choice(("0.07", "0.09", "0.6"))},
        {"operation": "merge", "path": "tunnel[name='dc']/policy", "text": dice.choice(("ratchet", "maybe"))},
        {"operation": "merge", "path": route, "value": {"tunnel": dice.choice(("dc", "dc", "none"))}},
        {"operation": "replace", "path": route, "value": {"via": "lan", "next-hop": f"10.{dice.choice((1, 77))}.0.9"}},
        {"operation": "remove", "path": route},
        {"operation": "merge", "path": rule, "insert": dice.choice(("first", "last")),
         "value": {"action": dice.choice(("protect", "bypass", "discard", "allow"))}},
        {"operation": "remove", "path": rule},
        {"operation": dice.choice(("merge", "remove", "eat")), "path": dice.choice(("nonsense", "/", "[", "name"))}))


def tells(rig):
    """What the gateway says of itself, in the words of the configuration."""
    routes = {r["prefix"] for r in rig.rpc("a", "route_list", {"limit": 1000})["routes"]
              if r["origin"] == "configured"}
    rules = [r["name"] for r in rig.rpc("a", "policy_list")["policy"]]
    return routes, rules


@pytest.mark.parametrize("edits", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_random_edits(imported, edits):
    """The running state is the accepted configuration, whatever was tried."""
    dice = random.Random(5)
    accepted = imported.rpc("a", "config_get", {"source": "running"})
    counts = {"done": 0, "refused": 0, "committed": 0, "not": 0}
    for n in range(edits):
        try:
            imported.rpc("a", "config_edit", an_edit(dice))
            counts["done"] += 1
        except RpcError as e:
            assert str(e)
            counts["refused"] += 1
        candidate = imported.rpc("a", "config_candidate")["config"]
        if dice.randrange(3) or candidate is None:
            continue
        try:
            imported.rpc("a", "config_commit")
            accepted = candidate
            counts["committed"] += 1
        except RpcError:
            imported.rpc("a", "config_discard")
            counts["not"] += 1
        assert imported.rpc("a", "config_get", {"source": "running"}) == accepted
        routes, rules = tells(imported)
        gateway = accepted["lumengate:gateway"]
        assert routes == {r["prefix"] for r in gateway.get("route", [])}
        named = [r["name"] for r in gateway.get("policy", [])]
        assert rules[:len(named)] == named
    assert min(counts.values()) > edits // 30, counts
    imported.rpc("a", "config_discard")
    imported.rpc("a", "config_rollback", {"number": len(imported.rpc("a", "config_history")["commits"]) - 1})
    if edits <= 300:
        imported.rpc("a", "config_commit")
        imported.wait_for(lambda: imported.ping(1, wait=1)[1] == 1, 30, "traffic as before")
