# SPDX-License-Identifier: BSD-3-Clause
"""The fibre under the cards' OTDRs: traces, baseline, a tap and its alarm, files and plots."""

import json
import re
import struct
import xml.dom.minidom

from conftest import lgctl

TAP_KM = 12.0


def start(rig):
    """Short traces: at site a on command alone, at site b each ten seconds."""
    rig.start_model(("--seed", "11"))
    for site in ("a", "b"):
        config = rig.config(site)
        config["lumengate:gateway"]["qkd"]["otdr"] = {
            "interval-s": 0 if site == "a" else 10, "pulse-ns": 200, "range-m": 24000, "averages": 2000}
        rig.write_config(site, config)
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
        rig.wait_for(lambda: rig.rpc(site, "status")["optics"]["present"], 20, "the card")


def run(rig):
    """A trace of site a on command; its report."""
    return json.loads(lgctl(rig, "a", "--json", "otdr", "run"))["report"]


def alarms(rig, site):
    return {a["kind"]: a for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def test_a_tap_is_found_where_it_is(rig):
    start(rig)
    report = run(rig)
    assert report["simulated"] is True and report["has_end"] is True
    assert abs(report["end_km"] - 20) < 0.01
    assert abs(report["slope_db_km"] - 0.21) < 0.02
    assert report["events"][0]["kind"] == "reflection" and report["events"][-1]["kind"] == "end"
    done = lgctl(rig, "a", "otdr", "baseline", "approve", check=False)
    assert done.returncode == 1 and "traces: 16 are asked for" in done.stderr

    for _ in range(3):
        run(rig)
    text = lgctl(rig, "a", "otdr", "baseline", "approve", "--traces", "4")
    assert re.search(r"dead zone +0\.0000 to .* start", text) and "end" in text
    quiet = run(rig)
    assert quiet["changes"] == [] and quiet["cells"] > 100
    assert "fibre-bend" not in alarms(rig, "a")

    assert "error" not in rig.model(f"fibre tap {TAP_KM} 0.1")
    found = run(rig)["changes"]
    assert len(found) == 1
    assert abs(found[0]["km"] - TAP_KM) < 0.02 and abs(found[0]["loss_db"] - 0.1) < 0.03
    assert found[0]["deviations"] > 6.2
    shown = rig.rpc("a", "status")["otdr"]
    assert shown["baseline_traces"] == 4 and shown["changes"] == 1 and shown["largest_deviations"] > 6.2
    alarm = alarms(rig, "a")["fibre-bend"]
    assert alarm["severity"] == "critical"
    assert abs(float(re.search(r"at ([0-9.]+) km", alarm["text"])[1]) - TAP_KM) < 0.02

    table = lgctl(rig, "a", "otdr", "show", "--history", "10")
    assert "bend" in table and "deviations" in table and "CHANGES" in table
    sor, svg = rig.path("trace.sor"), rig.path("trace.svg")
    lgctl(rig, "a", "otdr", "export", sor)
    lgctl(rig, "a", "otdr", "export", svg)
    refused = lgctl(rig, "a", "otdr", "export", rig.path("trace.png"), check=False)
    assert refused.returncode == 2 and "is not FILE.sor or FILE.svg" in refused.stderr
    with open(sor, "rb") as f:
        data = f.read()
    assert data[:6] == b"Map\0" + struct.pack("<H", 200)
    assert xml.dom.minidom.parse(svg).documentElement.tagName == "svg"
    read = json.loads(lgctl(rig, "a", "--json", "otdr", "import", sor, rig.path("again.svg")))
    assert read["checksum"] == "good" and read["wavelength_nm"] == 1625
    assert abs(read["events"][-1]["km"] - 20) < 0.01

    # The other site sees the same fibre from its end, by itself.
    rig.wait_for(lambda: rig.rpc("b", "otdr_show")["state"]["traces"] > 0, 30, "a trace by schedule")
    report = rig.rpc("b", "otdr_show")["report"]
    assert abs(report["end_km"] - 20) < 0.01

    # All this beside the quantum light, which it does not touch.
    rig.wait_for(lambda: rig.rpc("a", "status")["optics"]["blocks_stored"] > 0, 60, "a block of key")
    assert not {"qber-z", "qber-x", "otdr-failed"} & set(alarms(rig, "a"))
