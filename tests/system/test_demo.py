# SPDX-License-Identifier: BSD-3-Clause
"""The demo itself, as a newcomer runs it."""

import glob
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import ROOT

DEMO = ["/usr/bin/python3", os.path.join(ROOT, "scripts/lib/demo.py")]


def leftovers():
    spaces = subprocess.run(["ip", "netns"], stdout=subprocess.PIPE, text=True).stdout
    running = subprocess.run(["pgrep", "-f", os.path.join(ROOT, "build") + "/.*lumengate"],
                             stdout=subprocess.PIPE, text=True).stdout
    return ([s for s in spaces.split() if s.startswith("lg")], running.split(),
            glob.glob("/tmp/lumengate-*"), glob.glob("/var/run/dpdk/lg*"))


def run_demo(tmp_path, *options, timeout=200):
    out = tmp_path / "out.json"
    done = subprocess.run(DEMO + ["--json", str(out), *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout)
    summary = json.loads(out.read_text()) if out.exists() else None
    return done, summary


def test_honest_link(tmp_path):
    before = leftovers()
    done, s = run_demo(tmp_path, "--seconds", "30")
    assert done.returncode == 0, done.stdout
    assert s["tunnel"]["rekeys"] >= 22
    assert s["ping"]["sent"] == s["ping"]["received"] > 250
    assert s["udp"]["sent"] == s["udp"]["received"] > 2500
    assert s["tunnel"]["lost"] == 0
    assert s["quantum"]["secret_bits"] > 1_500_000
    assert s["quantum"]["simulated"] is True
    assert s["first_ping_seconds"] <= 15
    for what in ("plaintext", "other", "kernel_dropped"):
        assert s["wan_capture"][what] == 0
    assert leftovers() == before


def near(errors, expected, compared):
    """Within five standard deviations of so many outcomes, of which there are enough."""
    return compared > 300 and abs(errors - expected) < 5 * (expected * (1 - expected) /
                                                            compared) ** 0.5


@pytest.mark.long
def test_intercept_resend_both_bases(tmp_path):
    done, s = run_demo(tmp_path, "--seconds", "30", "--attack", "intercept-resend=1,0.5")
    assert done.returncode == 0, done.stdout
    a = s["attack"]
    # Not quite one in four: dark counts and a light that is not quite aligned add to it.
    assert near(a["qber_z"], 0.2575, a["compared_z"])
    assert near(a["qber_x"], 0.2575, a["compared_x"])
    assert a["alarm"] == "intercept-resend"
    assert 0 <= a["detected_after_seconds"] <= 2
    assert a["blocks_keyed_during"] == 0
    assert a["cleared_after_seconds"] is not None
    assert s["ping"]["sent"] == s["ping"]["received"]


def test_interrupt_leaves_nothing(tmp_path):
    before = leftovers()
    demo = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(8)
    demo.send_signal(signal.SIGINT)
    out, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, out
    assert leftovers() == before


def test_bad_options():
    for options in (["--seconds", "5"], ["--attack", "laser"], ["--attack",
                                                               "intercept-resend=2"]):
        done = subprocess.run(DEMO + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        assert done.returncode == 2
        assert options[0].lstrip("-") in done.stderr
