# SPDX-License-Identifier: BSD-3-Clause
"""lgctl kms over the running program: SAEs come, change and go, and who took what is shown."""

import json
import os
import subprocess

import pytest

from conftest import ROOT  # noqa: F401: the path of what follows
from kme import Lab
from kms import deliver, is_error, issue

TERMS = ("--quota-bits", "512", "--quota-period-s", "3600")


@pytest.fixture(scope="module")
def lab():
    with Lab(seed=15) as x:
        x.wait_key()
        yield x


def lgctl(lab, site, *words, status=0):
    done = subprocess.run(
        [lab.program("lgctl"), "--socket", lab.kme[site].path("control.sock"), "--json", "kms", *words],
        capture_output=True, text=True, timeout=10)
    assert done.returncode == status, (words, done)
    return json.loads(done.stdout) if status == 0 else done.stderr


def sae(lab, site, name, command="sae list"):
    found = [s for s in lgctl(lab, site, *command.split())["saes"] if s["id"] == name]
    return found[0] if found else None


def test_an_sae_comes_changes_and_goes(lab):
    """Each change holds at once, and a restart later; it stands in the log with who made it."""
    kme = lab.kme["a"]
    with lab.client("a-new") as c:
        is_error(c.status("b-1"), 401)
        lgctl(lab, "a", "sae", "add", "a-new")
        assert c.status("b-1").status == 200
        lgctl(lab, "a", "sae", "set", "a-new", "--enabled", "false")
        is_error(c.status("b-1"), 401, "this SAE is disabled")
        lgctl(lab, "a", "sae", "set", "a-new", "--enabled", "true", *TERMS)
        issue(c, "b-1", 2)
        is_error(c.enc("b-1"), 503, "the quota of this SAE is used up")
    kme.end()
    kme.start()
    with lab.client("a-new") as c:
        is_error(c.enc("b-1"), 503, "the quota of this SAE is used up")
        assert sae(lab, "a", "a-new", "usage")["quota_taken_bits"] == 512
        lgctl(lab, "a", "sae", "remove", "a-new")
        is_error(c.status("b-1"), 401)
    assert sae(lab, "a", "a-new") is None
    for what in ("added", "changed", "removed"):
        assert f"SAE a-new {what} by uid {os.getuid()} pid " in kme.log()


@pytest.mark.parametrize("words,reason", [
    (("sae", "add", "a-1"), "/params/sae/id: there is an SAE a-1 already"),
    (("sae", "add", "x", "--identity", "a-1"), "/params/sae/identity: SAE a-1 has it"),
    (("sae", "add", "x", "--weight", "0"), "/params/sae/weight: is not from 1 to 1000"),
    (("sae", "set", "x", "--weight", "1"), "/params/sae/id: there is no such SAE"),
    (("sae", "remove", "x"), "/params/id: there is no SAE x"),
])
def test_bad_words_change_nothing(lab, words, reason):
    before = lgctl(lab, "a", "sae", "list")
    assert reason in lgctl(lab, "a", *words, status=1)
    names = [s["id"] for s in before["saes"]]
    assert [s["id"] for s in lgctl(lab, "a", "sae", "list")["saes"]] == names


def test_usage_counts_keys_and_refusals(lab):
    was = sae(lab, "a", "a-1", "usage"), sae(lab, "b", "b-1", "usage")
    with lab.client("a-1") as a, lab.client("b-1") as b:
        keys = deliver(a, b, number=3)
        is_error(b.dec("a-1", [keys[0][0]]), 400)
        is_error(a.enc("nobody"), 400)
    now = sae(lab, "a", "a-1", "usage"), sae(lab, "b", "b-1", "usage")
    grown = [{k: v - w[k] for k, v in n.items() if isinstance(v, int)} for n, w in zip(now, was)]
    assert (grown[0]["keys_given"], grown[0]["bits_given"], grown[0]["refused"]) == (3, 768, 1)
    assert (grown[1]["keys_fetched"], grown[1]["replays"], grown[1]["refused"]) == (3, 1, 1)


def test_lock_out_is_listed_and_lifted(lab):
    with lab.client("a-1") as a, lab.client("b-2") as thief:
        ids = [i for i, _ in issue(a, "b-1")]
        for _ in range(5):
            is_error(thief.dec("a-1", ids), 401)
        is_error(thief.status("a-1"), 401)
        assert 0 < sae(lab, "b", "b-2")["locked_out_s"] <= 60
        lab.wait_for(lambda: any(x["kind"] == "kms-lockout" and x["resource"] == "sae/b-2" and x["active"]
                                 for x in lgctl(lab, "b", "alarms")["alarms"]), 2, "the alarm")
        lgctl(lab, "b", "sae", "unlock", "b-2")
        assert thief.status("a-1").status == 200
