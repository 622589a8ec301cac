# SPDX-License-Identifier: BSD-3-Clause
"""The length of each key follows from its block's record, by formulas written down twice."""

import json
import os
import sqlite3
import subprocess

import pytest
from conftest import ROOT, lgctl
from rig import SITES

AUDIT = os.path.join(ROOT, "scripts/audit-blocks")
BLOCK_BITS = 400000


def blocks(rig, site):
    return json.loads(lgctl(rig, site, "--json", "block", "list"))["blocks"]


def plan(rig, record, *words):
    done = subprocess.run([rig.program("lgctl"), "--json", "plan", "finite-key", *words],
                          input=json.dumps(record), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    return json.loads(done.stdout)


def stored_records(rig, site):
    """Of all blocks, from the stopped gateway's key store."""
    db = sqlite3.connect(rig.path("site-" + site, "keys.db"))
    try:
        return [json.loads(r) for (r,) in db.execute("SELECT record FROM block") if r]
    finally:
        db.close()


def start(rig, site):
    rig.start_gateway(site)
    rig.wait_ready(site)


@pytest.mark.parametrize("proof", ["wiesemann2024", "rusca2018"])
def test_length_follows_from_the_record(rig, proof):
    for site in SITES:
        config = rig.config(site)
        config["lumengate:gateway"]["qkd"]["block-bits"] = BLOCK_BITS
        if proof != "wiesemann2024":
            config["lumengate:gateway"]["qkd"]["proof"] = proof
        rig.write_config(site, config)
    rig.start_model()
    for site in SITES:
        start(rig, site)
    rig.wait_for(lambda: all(len(blocks(rig, s)) >= 2 for s in SITES), 90, "two blocks")

    records = {site: {b["number"]: b for b in blocks(rig, site)} for site in SITES}
    both = set(records["a"]) & set(records["b"])
    assert len(both) >= 1
    for number in both:
        a, b = (records[site][number] for site in SITES)
        assert {k: v for k, v in a.items() if k not in ("time", "eps_auth")} == \
               {k: v for k, v in b.items() if k not in ("time", "eps_auth")}
        assert a["proof"] == proof and a["protocol"] == "four-state one-decoy BB84"
        assert a["eps_sec"] == 1e-12 and 0 < a["eps_auth"] < 1e-32
        assert (a["leak_mode"], a["method"]) in (("two-way", "cascade"), ("one-way", "ldpc"))
        assert a["leaked_bits"] / 2 < a["disclosed_bits"] <= a["leaked_bits"]
        # Fixed for the errors planned for; those that there were allow no less.
        again = plan(rig, {**a, "m_z": a["planned_z"]})
        assert again["proof"] == proof and again["keys"] * 256 == a["secret_bits"]
        assert plan(rig, a)["secret_bits"] >= a["secret_bits"]
        # The other proof's figure for the same counts, to compare.
        other = plan(rig, a, "--protocol", "rusca" if proof != "rusca2018" else "wiesemann")
        assert other["proof"] != proof and other["length"] != again["length"]

    for site in SITES:
        listed = lgctl(rig, site, "--json", "block", "list")
        done = subprocess.run([AUDIT], input=listed, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout
        longer = json.loads(listed)
        longer["blocks"][0]["secret_bits"] += 256
        leaky = json.loads(listed)
        leaky["blocks"][0]["leaked_bits"] = leaky["blocks"][0]["disclosed_bits"] - 1
        unproven = json.loads(listed)
        unproven["blocks"][0]["leak_mode"] = "alice-only"
        other_mode = json.loads(listed)
        other_mode["blocks"][0]["leak_mode"] = \
            "two-way" if other_mode["blocks"][0]["method"] == "ldpc" else "one-way"
        for wrong in (longer, leaky, unproven, other_mode):
            assert subprocess.run([AUDIT], input=json.dumps(wrong), stdout=subprocess.DEVNULL,
                                  text=True).returncode == 1

    total = json.loads(lgctl(rig, "a", "--json", "status"))["keystore"]["eps_total"]
    assert abs(total / 1.001e-12 - round(total / 1.001e-12)) < 1e-6
    assert round(total / 1.001e-12) >= 2
    # It is the sum since the store was created, not since the gateway started.
    rig.stop("gw-a")
    stored = stored_records(rig, "a")
    assert set(both) <= {r["number"] for r in stored}
    for record in stored:
        assert plan(rig, {**record, "m_z": record["planned_z"]})["keys"] * 256 == \
            record["secret_bits"]
    assert subprocess.run([AUDIT], input=json.dumps({"blocks": stored}), stdout=subprocess.DEVNULL,
                          text=True).returncode == 0
    start(rig, "a")
    assert rig.rpc("a", "keystore_show")["eps_total"] >= total
