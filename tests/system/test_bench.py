# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench dataplane and attacks, in short: figures are there, and what they are made of adds up."""

import json
import os
import subprocess

import pytest

from conftest import ROOT


def measure(tmp_path, row):
    out = tmp_path / "out.json"
    subprocess.run([os.path.join(ROOT, "scripts/bench"), "dataplane", "--only", row, "--seconds",
                    "0.2", "--no-secgw", "--json", str(out)], check=True, timeout=120)
    document = json.loads(out.read_text())
    assert document["bench"] == "dataplane"
    (figures,) = document["rows"]
    assert figures["name"] == row
    return figures


@pytest.mark.parametrize("row,mean_bytes", [("seal/64", 64), ("open/imix", 4148 / 12)])
def test_bodies(tmp_path, row, mean_bytes):
    f = measure(tmp_path, row)
    # A cipher takes time, and a gateway more.
    assert 0 < f["forward_cycles"] < f["cipher_cycles"] < f["gateway_cycles"]
    assert f["overhead_cycles"] == pytest.approx(f["gateway_cycles"] - f["cipher_cycles"], abs=0.2)
    assert 0 < f["ratio_to_raw"] < 1
    assert f["gbps"] == pytest.approx(f["mpps"] * mean_bytes * 8 / 1000, rel=0.01)
    assert f["provider"]


def test_tunnels(tmp_path):
    f = measure(tmp_path, "tunnels/64")
    assert f["tunnels"] == 1024
    assert f["ratio_to_one"] == pytest.approx(f["one_cycles"] / f["many_cycles"], rel=0.01)


def test_rekey(tmp_path):
    """Through the real protocol, each 100 ms: no packet lost, none late within its flow."""
    f = measure(tmp_path, "rekey/100ms")
    assert f["rekeys"] >= 3
    assert f["packets"] > 10000
    assert (f["lost"], f["reordered"]) == (0, 0)


def attacks(tmp_path):
    """A link that learns for 20 s, so that what needs no baseline is found: a few rows."""
    out = tmp_path / "attacks.json"
    subprocess.run(
        [os.path.join(ROOT, "scripts/bench"), "attacks", "--attack", "intercept-resend=1,0.5",
         "--attack", "tap-compensated=20,1", "--attack", "qrng-stuck=1,0", "--trials", "2",
         "--learn", "20", "--seconds", "100", "--hours", "0.01", "--statistics", "2000",
         "--json", str(out)],
        check=True, timeout=120, stderr=subprocess.DEVNULL,
    )
    return {row["name"]: row for row in json.loads(out.read_text())["rows"]}


@pytest.mark.long
def test_attacks(tmp_path):
    rows = attacks(tmp_path)
    for name, kind in (("intercept-resend/1,0.5", "intercept-resend"),
                       ("tap-compensated/20,1", "fibre-bend"), ("qrng-stuck/1,0", "qrng-stuck")):
        assert (rows[name]["detected"], rows[name]["trials"]) == (1, 2)
        assert rows[name]["right"] == 1
        assert kind in [a["kind"] for a in rows[name]["alarms"]]
    assert rows["intercept-resend/1,0.5"]["released_bits"] == 0
    assert rows["intercept-resend/1,0.5"]["worst_compared_bits"] < 4000
    assert rows["honest"]["false_alarms"] == 0
    assert rows["honest"]["compared_z"] > 10000
    assert rows["otdr/50"]["statistics"] >= 2000
    assert rows["otdr-tap/0.1"]["one_trace"] == 1
    # The same seed is the same table, but for what it cost.
    again = attacks(tmp_path)
    for r in (*rows.values(), *again.values()):
        r.pop("cpu_s", None)
        r.pop("real_time", None)
    assert rows == again


@pytest.mark.long
@pytest.mark.parametrize("row", ["requests", "connections", "memory"])
def test_kms(tmp_path, row):
    out = tmp_path / "out.json"
    subprocess.run([os.path.join(ROOT, "scripts/bench"), "kms", "--only", row, "--seconds", "0.2",
                    "--memory-requests", "8000", "--json", str(out)], check=True, timeout=120)
    (f,) = json.loads(out.read_text())["rows"]
    assert f["name"] == row
    if row == "requests":
        assert f["per_s"] > 200 and f["dec_per_s"] > 50 and f["cpu_us"] > 1
    elif row == "connections":
        assert f["ratio_to_s_time"] == pytest.approx(
            f["one_after_the_other_per_s"] / f["s_time_per_s"])
        assert f["per_s"] > 10
    else:
        assert f["requests"] >= 8000 > f["first_requests"]
        assert f["ratio"] == pytest.approx(f["last_kb"] / f["first_kb"])


@pytest.mark.long
def test_control(tmp_path):
    """Subscribers and garbage beside traffic: rekeys go on, no subscriber is lost or left out."""
    out = tmp_path / "out.json"
    subprocess.run([os.path.join(ROOT, "scripts/bench"), "control", "--only", "garbage", "--pairs", "2",
                    "--seconds", "0.6", "--json", str(out)], check=True, timeout=120)
    (f,) = json.loads(out.read_text())["rows"]
    assert f["subscribers_lost"] == 0
    # All hear the same, but for what is under way when it ends.
    assert f["counts"]["lines_most"] - f["counts"]["lines_least"] <= 4
    assert f["events_s"] > 10 and f["garbage_mb_s"] > 0.1
    assert f["rekeys"] >= 1 and f["rekeys_alone"] >= 1
    # A shared machine's noise is less than that; a core that waits for clients is far below.
    assert f["ratio"] > 0.7


@pytest.mark.parametrize("bench", ["dataplane", "testpmd", "engine", "rekey", "kms", "control"])
def test_unknown_row(bench):
    done = subprocess.run([os.path.join(ROOT, "scripts/bench"), bench, "--only", "seal/65"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert "no row seal/65" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("where", ["nowhere/out.json", "."])
def test_figures_that_cannot_be_written(tmp_path, where):
    """It says so before it measures."""
    done = subprocess.run([os.path.join(ROOT, "scripts/bench"), "engine", "--only", "sift", "--json",
                           str(tmp_path / where)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert "--json" in done.stderr and "cannot be written" in done.stderr
    assert done.stdout == ""
