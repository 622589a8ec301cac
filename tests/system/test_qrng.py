# SPDX-License-Identifier: BSD-3-Clause
"""The cards' random sources: tested, shown, recorded."""

import json
import os

from conftest import lgctl


def start(rig):
    rig.start_model(("--seed", "11"))
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
        rig.wait_for(lambda: rig.rpc(site, "qrng_show")["state"] == "ok", 20, "the start-up tests")


def test_source_is_tested_and_recorded(rig):
    start(rig)
    rig.wait_for(lambda: rig.rpc("a", "link_show")["engine"]["blocks_ok"] > 0, 60, "a block of key")
    for site in ("a", "b"):
        shown = rig.rpc(site, "qrng_show")
        assert shown["present"] and shown["simulated"] and not shown["latched"]
        assert shown["cutoffs"]["repetition"] == 121 and shown["bytes_a_digest"] == 80
        assert shown["samples"] > 1 << 18 and shown["failures"] == 0
        assert 0 < shown["false_latches_a_year"] < 0.01
        used = {(u["use"], u["source"]): u.get("bytes") for u in shown["uses"]}
        assert used["distillation", "card QRNG, SHA-256"] > 0
    text = lgctl(rig, "a", "qrng", "show")
    assert "random source of a simulated card: ok" in text and "false latches a year" in text

    raw = rig.path("raw.bin")
    done = json.loads(lgctl(rig, "a", "--json", "qrng", "record", raw, "--bytes", "200000"))
    assert done["bits_per_symbol"] == 8 and done["symbols"] == 200000
    with open(raw, "rb") as f:
        data = f.read()
    assert len(data) == 200000
    ones = sum(bin(byte).count("1") for byte in data)
    assert abs(ones - 800000) < 6 * 633  # 6 deviations of 1.6 million fair samples

    bits = rig.path("bits.bin")
    lgctl(rig, "a", "qrng", "record", bits, "--stream", "conditioned", "--bytes", "1000",
          "--symbol", "1")
    with open(bits, "rb") as f:
        data = f.read()
    assert len(data) == 8000 and set(data) == {0, 1}

    refused = lgctl(rig, "a", "qrng", "record", bits, "--stream", "best", check=False)
    assert refused.returncode == 1 and "best is not raw or conditioned" in refused.stderr
    refused = lgctl(rig, "a", "qrng", "rearm", check=False)
    assert refused.returncode == 1 and "no fault is latched" in refused.stderr
    os.unlink(raw)


def alarms(rig, site):
    return {a["kind"] for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def blocks(rig):
    return rig.rpc("a", "link_show")["engine"]["blocks_ok"]


def test_faults_stop_key_until_they_are_let_go(rig):
    start(rig)
    for card, site, fault, how in (
            (1, "a", "stuck", "1"), (1, "a", "biased", "0.8"), (2, "b", "periodic", "5000")):
        before = blocks(rig)
        rig.wait_for(lambda: blocks(rig) > before, 60, "key")
        assert "error" not in rig.model(f"attack qrng-{fault} {card} {how}")
        rig.wait_for(lambda: f"qrng-{fault}" in alarms(rig, site), 10, f"the alarm qrng-{fault}")
        before = blocks(rig)
        shown = rig.rpc(site, "qrng_show")
        assert shown["state"] == "failed" and shown["fault"] == fault
        assert not rig.rpc(site, "link_show").get("card", {}).get("armed", False)
        # It stays while the source is at fault, whatever is asked for.
        lgctl(rig, site, "qrng", "rearm")
        rig.wait_for(lambda: rig.rpc(site, "qrng_show")["failures"] > shown["failures"], 10,
                     "start-up tests that fail")
        assert "error" not in rig.model("attack none")
        assert f"qrng-{fault}" in alarms(rig, site) and blocks(rig) == before
        lgctl(rig, site, "qrng", "rearm")
        rig.wait_for(lambda: not any(k.startswith("qrng-") for k in alarms(rig, site)), 20,
                     "start-up tests that pass")
        rig.wait_for(lambda: blocks(rig) > before, 60, "key again")
    for site in ("a", "b"):
        assert rig.rpc(site, "link_show")["engine"]["aborts"]["random_source"] > 0
