# SPDX-License-Identifier: BSD-3-Clause
"""Attacks that the cards' own monitors see, each by its name, on one running link."""

import time

# Switched on the model alone: the gateways are told nothing. In an order in which nothing that
# still stands explains what comes next.
ATTACKS = [
    ("trojan-horse 0.001 1", "a", "trojan-horse", 1),
    ("laser-damage 1", "a", "laser-damage", 10),
    ("time-shift 1 0.25 10", "b", "time-shift", 10),
    ("blinding-pulsed 1 1.5 0.1 10", "b", "detector-blinding", 10),
]
KINDS = {kind for _, _, kind, _ in ATTACKS} | {"fake-state"}


def watch(rig, site):
    return rig.rpc(site, "status")["watch"]


def raised(rig, site):
    return {a["kind"] for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def learnt(rig):
    """Currents, powers and arrivals are learnt in the same ten seconds."""
    receiver = watch(rig, "b")["card"].get("receiver", {})
    return (watch(rig, "a")["card"].get("transmitter", {}).get("learnt")
            and receiver.get("efficiency_ratio", {}).get("learnt"))


def blocks(rig):
    return rig.rpc("a", "link_show")["engine"]["blocks_ok"]


def test_attacks_have_their_names(rig):
    rig.start_model(("--seed", "12"))
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    rig.wait_for(lambda: blocks(rig) > 0, 60, "a block of key")
    rig.wait_for(lambda: learnt(rig), 60, "the baselines")
    for site in ("a", "b"):
        shown = watch(rig, site)
        assert not KINDS & raised(rig, site) and not shown["holds_key"]
        assert shown["false_alarms_a_year"] < 1
    receiver = watch(rig, "b")["card"]["receiver"]
    assert 0.4 < receiver["efficiency_ratio"]["baseline"] < 0.6
    assert receiver["arrivals"][4]["far_share"] < 0.05

    before = {"a": set(), "b": set()}
    for attack, site, kind, seconds in ATTACKS:
        assert "error" not in rig.model(f"attack {attack}")
        start = time.monotonic()
        # As much again for what the machine is busy with besides.
        rig.wait_for(lambda: kind in raised(rig, site), 2 * seconds + 5, f"the alarm {kind}")
        print(f"{attack}: {kind} after {time.monotonic() - start:.1f} s")
        before[site].add(kind)
        assert watch(rig, site)["holds_key"]
        held = blocks(rig)
        time.sleep(1)
        for end in ("a", "b"):
            assert KINDS & raised(rig, end) == before[end], f"{attack} at {end}"
        assert blocks(rig) <= held + 1
        assert "error" not in rig.model("attack none")
        time.sleep(1)
    for site in ("a", "b"):
        assert not {"loss-step", "double-clicks"} & raised(rig, site)
