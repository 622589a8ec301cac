# SPDX-License-Identifier: BSD-3-Clause
"""The cards' random sources: tested, shown, recorded."""

import json
import os
import re
import subprocess

import pytest

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
    assert done["claimed"] == 4.0 and done["claim_holds"] and done["most_common_value"] < 8
    lane = json.loads(lgctl(rig, "a", "--json", "qrng", "record", raw, "--bytes", "50000",
                            "--lane", "3"))
    assert lane["symbols"] == 50000
    status = rig.rpc("a", "status")["qrng"]
    assert status["state"] == "ok" and status["lanes"] == 4 and status["key_bytes_card"] > 0

    bits = rig.path("bits.bin")
    lgctl(rig, "a", "qrng", "record", bits, "--stream", "conditioned", "--bytes", "1000",
          "--symbol", "1")
    with open(bits, "rb") as f:
        data = f.read()
    assert len(data) == 8000 and set(data) == {0, 1}

    refused = lgctl(rig, "a", "qrng", "record", bits, "--stream", "best", check=False)
    assert refused.returncode == 1 and "best is not one of raw, conditioned" in refused.stderr
    refused = lgctl(rig, "a", "qrng", "rearm", check=False)
    assert refused.returncode == 1 and "no fault is latched" in refused.stderr
    os.unlink(raw)


@pytest.mark.long
def test_restarts(rig):
    """Rows behind each start-up, in the dark; a generator that begins alike is found by them alone."""
    start(rig)
    rows = rig.path("rows.bin")
    words = ("qrng", "restart-test", rows, "--restarts", "25", "--samples", "400")
    done = json.loads(lgctl(rig, "a", "--json", *words))
    assert done["restarts"] == 25 and done["symbols"] == 10000 and done["sane"]
    with open(rows, "rb") as f:
        data = f.read()
    assert len({data[i:i + 16] for i in range(0, 10000, 400)}) == 25
    rig.wait_for(lambda: rig.rpc("a", "link_show").get("card", {}).get("armed"), 20, "light again")
    assert "error" not in rig.model("attack qrng-periodic 1 1e9")
    refused = lgctl(rig, "a", *words, check=False)
    alike = re.search(r", (\d+) in a column", refused.stderr)
    assert refused.returncode == 1 and int(alike.group(1)) >= 20, refused.stderr
    # Nothing else sees it, and the source is in order for all it knows.
    shown = rig.rpc("a", "qrng_show")
    assert shown["failures"] == 0 and not shown["latched"]
    rig.wait_for(lambda: rig.rpc("a", "link_show").get("card", {}).get("armed"), 20, "light again")
    bound = lgctl(rig, "a", *words, "--lane", "4", check=False)
    assert bound.returncode == 1 and "lane: 4 is not one of the 4" in bound.stderr


def ea(name):
    program = os.path.join(os.environ.get("LUMENGATE_EA", ""), name)
    return program if os.access(program, os.X_OK) else None


@pytest.mark.skipif(ea("ea_non_iid") is None,
                    reason="LUMENGATE_EA names no directory with NIST's ea_non_iid")
def test_assessment_holds_the_claim(rig):
    start(rig)
    bits = rig.path("bits.bin")
    claimed = json.loads(lgctl(rig, "a", "--json", "qrng", "record", bits, "--bytes", "125000",
                               "--symbol", "1"))["claimed"]
    said = subprocess.run([ea("ea_non_iid"), bits, "1"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    assessed = float(re.search(r"H_original: ([0-9.]+)", said).group(1))
    assert claimed <= assessed < 1, said


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
