# SPDX-License-Identifier: BSD-3-Clause
"""Data channels beside the quantum channel, in the closed loop: their noise, their alarms."""

import json
import time

import prediction
import pytest

from conftest import lgctl

WAN_LIGHT = [("C37", 193.7, -15, False), ("C38", 193.8, -15, True)]
MODERATE = ("C40", 194.0, -12, True)
BRIGHT = ("C40", 194.0, -2, True)
ERRORS = {"qber-z", "qber-x", "intercept-resend"}


def spoken(channel):
    name, _, dbm, counter = channel
    return f"{name} {dbm} {'counter' if counter else 'co'}"


def start(rig):
    rig.start_model([word for c in WAN_LIGHT for word in ("--channel", spoken(c))])
    for site in ("a", "b"):
        config = rig.config(site)
        config["lumengate:gateway"]["qkd"]["dwdm"] = {
            "fibre-loss-db": "4", "prediction": {"length-km": "20"},
            "channel": [{"name": name, "direction": "counter" if counter else "co",
                         "power-dbm": str(dbm)} for name, _, dbm, counter in WAN_LIGHT]}
        rig.write_config(site, config)
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)


def dwdm(rig, site):
    return json.loads(lgctl(rig, site, "--json", "dwdm", "show"))


def states(rig, site):
    return {c["channel"]: c["state"] for c in dwdm(rig, site)["channels"]}


def alarms(rig, site):
    return {a["kind"]: a for a in rig.rpc(site, "alarm_list")["alarms"]}


def measure(rig, seconds):
    """Error rate in Z from samples of so much time, and how many they were."""
    before = rig.rpc("b", "status")["link"]["engine"]
    time.sleep(seconds)
    after = rig.rpc("b", "status")["link"]["engine"]
    n, e = (after[k] - before[k] for k in ("sampled_z", "sample_errors_z"))
    return e / max(n, 1), n


def expected(channels):
    return prediction.predict(channels=[c[1:] for c in channels])["qber"]


def c40(rig, site):
    return next(c for c in dwdm(rig, site)["channels"] if c["channel"] == "C40")


def near(shown, channels, site_b_least):
    """Both ends predict what the demo's data sheet says, each by its reading of the direction."""
    want = expected(channels)
    return abs(shown["seen_least" if site_b_least else "seen_most"]["qber_z"] - want) < 0.03 * want


@pytest.mark.long
def test_a_channel_more(rig):
    start(rig)
    rig.wait_for(lambda: rig.rpc("a", "status")["link"]["engine"]["blocks_ok"] > 0, 60, "a block of key")
    for site in ("a", "b"):
        assert states(rig, site) == {"C37": "as-planned", "C38": "as-planned"}
        rig.wait_for(lambda s=site: rig.rpc(s, "status")["optics"]["calibration"]["done"], 20, "the light's start")
    loops = rig.rpc("a", "status")["link"]["card"]["loops"]
    assert {loops[name]["state"] for name in ("attenuator", "bias", "laser")} == {"held"}
    shown = dwdm(rig, "b")
    assert shown["end"] == "receiver"
    assert near(shown["predicted"], WAN_LIGHT, True) and near(shown["predicted"], WAN_LIGHT, False)
    quiet, n = measure(rig, 2)
    want = expected(WAN_LIGHT)
    assert n > 5000 and abs(quiet - want) <= prediction.tolerance(want, n)

    # One that costs errors, but not the key.
    assert "error" not in rig.model("channel add " + spoken(MODERATE))
    rig.wait_for(lambda: all("dwdm-new" in alarms(rig, s) for s in ("a", "b")), 5, "the alarm")
    alarm = alarms(rig, "b")["dwdm-new"]
    assert alarm["resource"] == "link/demo/C40" and "not an eavesdropper" in alarm["text"]
    time.sleep(0.3)
    lit, n = measure(rig, 2)
    want = expected(WAN_LIGHT + [MODERATE])
    assert abs(lit - want) <= prediction.tolerance(want, n) and lit > quiet + 0.005
    # It goes from Bob to Alice: at Bob's end that is the less, at Alice's the more of the two.
    for site in ("a", "b"):
        shown = dwdm(rig, site)
        assert states(rig, site)["C40"] == "new"
        assert near(shown["predicted"], WAN_LIGHT + [MODERATE], site == "b")
        # Each has the other's spectrum over the channel: both know where it is launched.
        rig.wait_for(lambda s=site: c40(rig, s)["direction"] == "counter", 5, "the far end's spectrum")
        assert abs(c40(rig, "a")["far_dbm"] - c40(rig, "b")["seen_dbm"]) < 0.3
        exact = dwdm(rig, site)["predicted"]
        assert near(exact, WAN_LIGHT + [MODERATE], True) and near(exact, WAN_LIGHT + [MODERATE], False)
        assert abs(shown["measured"]["qber_z"] - want) < 0.01
    blocks = rig.rpc("a", "status")["link"]["engine"]["blocks_ok"]
    rig.wait_for(lambda: rig.rpc("a", "status")["link"]["engine"]["blocks_ok"] > blocks + 1, 20, "more key")
    assert not ERRORS & set(alarms(rig, "a")) and not ERRORS & set(alarms(rig, "b"))
    assert "from the scan, most" in lgctl(rig, "b", "dwdm", "show")

    # It is taken off: all as before.
    assert "error" not in rig.model("channel remove C40 counter")
    rig.wait_for(lambda: not alarms(rig, "b")["dwdm-new"]["active"], 5, "the alarm's end")
    rig.wait_for(lambda: "C40" not in states(rig, "b"), 5, "the far end's spectrum without it")

    # One that costs the key: its alarm is first, and is named as the cause of the errors.
    assert "error" not in rig.model("channel add " + spoken(BRIGHT))
    rig.wait_for(lambda: ERRORS & set(alarms(rig, "b")), 10, "the alarm of errors")
    first = alarms(rig, "b")
    assert first["dwdm-new"]["active"]
    assert all(first["dwdm-new"]["raised"] <= first[k]["raised"] for k in ERRORS & set(first))
    time.sleep(1.5)
    # Its kind may change while windows come that are mixed.
    now = rig.wait_for(lambda: {k: a for k, a in alarms(rig, "b").items()
                                if k in ERRORS and a["active"]}, 5, "an alarm of errors")
    kind = next(iter(now))
    assert now[kind]["severity"] == "critical"
    assert "light of C40 (dwdm-new) explains" in now[kind]["text"]
    assert "no key is made" in now[kind]["text"]
    # And so it is, by the engine's own figures.
    made = rig.rpc("a", "status")["link"]["engine"]["secret_bits"]
    time.sleep(1)
    assert rig.rpc("a", "status")["link"]["engine"]["secret_bits"] == made
    assert "error" not in rig.model("channel remove C40 counter")
    rig.wait_for(lambda: rig.rpc("a", "status")["link"]["engine"]["secret_bits"] > made, 20, "key again")

    # A laser off its frequency, and its own power.
    assert "error" not in rig.model("channel remove C37")
    assert "error" not in rig.model("channel add 193.706 -11")
    rig.wait_for(lambda: {"dwdm-drift", "dwdm-power"} <= set(alarms(rig, "b")), 5, "the alarms")
    assert "+6.0 GHz" in alarms(rig, "b")["dwdm-drift"]["text"]
    assert alarms(rig, "b")["dwdm-drift"]["resource"] == "link/demo/C37"
