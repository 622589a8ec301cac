# SPDX-License-Identifier: BSD-3-Clause
"""scripts/kms-demo, as a newcomer runs it: key from real gateways, the same with curl at both ends."""

import os
import re
import subprocess

from conftest import ROOT
from test_demo import leftovers


def test_the_same_key_at_both_ends():
    before = leftovers()
    done = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "scripts/lib/kms_demo.py")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    answers = re.findall(r"^  (\d{3}) (\{.*\})$", done.stdout, re.M)
    assert [status for status, _ in answers] == ["200", "200", "400", "401"]
    assert answers[0][1] == answers[1][1]
    assert len(set(re.findall(r'"key": ?"([A-Za-z0-9+/]{43}=)"', answers[0][1]))) == 2
    took = float(re.search(r"all as it should be, after ([0-9.]+) s", done.stdout)[1])
    assert took < 60
    assert leftovers() == before
