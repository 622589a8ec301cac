# SPDX-License-Identifier: BSD-3-Clause
"""The watch on the fibre: it learns, tells of eavesdroppers by name, stops key, and goes on."""

import json
import time

import pytest
from conftest import lgctl


def alarms(rig, site):
    return {a["kind"] for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def blocks(rig):
    return rig.rpc("a", "link_show")["engine"]["blocks_ok"]


def baselines(rig, site):
    shown = json.loads(lgctl(rig, site, "--json", "watch", "baseline", "show"))
    return shown, {b["baseline"]: b["learnt"] for b in shown["baselines"]}


@pytest.mark.long
def test_attacks_are_named_stop_key_and_end(rig):
    rig.start_model(("--seed", "5"))
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    shown, learnt = baselines(rig, "b")
    assert shown["at_start"] == "none" and not any(learnt.values())
    monitors = {m["monitor"]: m for m in rig.rpc("b", "watch_show")["monitors"]}
    assert monitors["errors-x-weak"]["alarm"] == "errors-rise-x"
    assert 0 < rig.rpc("b", "watch_show")["false_alarms_a_year"] < 1
    rig.wait_for(lambda: blocks(rig) > 0, 60, "a block of key")

    # Somebody measures every pulse, all in Z: X shows it at both sites, and no block becomes key.
    assert "error" not in rig.model("attack intercept-resend 1 1")
    for site in ("a", "b"):
        rig.wait_for(lambda: "qber-x" in alarms(rig, site), 10, "qber-x")
    before = blocks(rig)
    rig.wait_for(lambda: baselines(rig, "b")[1]["doubles_log"], 90, "a baseline of doubles")
    assert blocks(rig) == before and "qber-x" in alarms(rig, "a")
    assert "error" not in rig.model("attack none")
    rig.wait_for(lambda: blocks(rig) > before, 60, "key again")
    assert "qber-x" not in alarms(rig, "a") | alarms(rig, "b")

    # Blinded detectors: what is learnt of double clicks tells, and key waits for the operator.
    assert "error" not in rig.model("attack blinding 1 1")
    rig.wait_for(lambda: "detector-blinding" in alarms(rig, "b"), 10, "the alarm detector-blinding")
    before = blocks(rig)
    assert rig.rpc("b", "watch_show")["holds_key"]
    assert "error" not in rig.model("attack none")
    # Not over by itself at once; what was on its way would raise it again.
    time.sleep(1)
    assert rig.rpc("b", "watch_show")["holds_key"]
    lgctl(rig, "b", "watch", "clear")
    rig.wait_for(lambda: "detector-blinding" not in alarms(rig, "b"), 5, "the end of the alarm")
    assert not rig.rpc("b", "watch_show")["holds_key"]
    rig.wait_for(lambda: blocks(rig) > before + 1, 60, "key after the operator's word")

    # A restart does not have to learn again; a file that was changed is refused and replaced.
    rig.stop("gw-b")
    rig.start_gateway("b")
    rig.wait_ready("b")
    shown, learnt = baselines(rig, "b")
    assert shown["at_start"].startswith("loaded") and learnt["doubles_log"]
    rig.stop("gw-b")
    with open(shown["file"]) as f:
        text = f.read()
    with open(shown["file"], "w") as f:
        f.write(text.replace('"version": 1', '"version": 9'))
    rig.start_gateway("b")
    rig.wait_ready("b")
    shown, learnt = baselines(rig, "b")
    assert "refused" in shown["at_start"] and "version 9" in shown["at_start"]
    assert not any(learnt.values())
    lgctl(rig, "b", "watch", "baseline", "relearn")
    with open(shown["file"]) as f:
        assert json.load(f)["version"] == 1
