# SPDX-License-Identifier: BSD-3-Clause
"""Keys of QKD and ML-KEM together: two gateways where OpenSSL has ML-KEM, a clear refusal elsewhere.

Debian 12 refuses; scripts/test --debian13 runs all of it.
"""

import copy
import json
import os
import ssl
import subprocess

import pytest
from conftest import start_imported
from rig import ROOT, Rig

HAS_ML_KEM = ssl.OPENSSL_VERSION_INFO[:2] >= (3, 5)


class HybridRig(Rig):
    def config(self, site):
        config = super().config(site)
        tunnel = config["lumengate:gateway"]["tunnel"][0]
        tunnel["policy"] = "hybrid"
        tunnel["rekey"]["hard-life-ms"] = 4000
        return config


@pytest.fixture
def hybrid():
    with HybridRig(quantum=False) as r:
        r.wire()
        yield r


def tunnel(rig, site):
    return rig.rpc(site, "tunnel_show", {"tunnel": "dc"})


def alarms(rig, site):
    return {a["kind"] for a in rig.rpc(site, "alarm_list")["alarms"] if a["active"]}


def set_policy(rig, site, policy):
    config = copy.deepcopy(rig.config(site))
    config["lumengate:gateway"]["tunnel"][0]["policy"] = policy
    rig.rpc(site, "config_set", {"config": config})


@pytest.mark.skipif(HAS_ML_KEM, reason="this OpenSSL has ML-KEM")
def test_without_ml_kem_the_configuration_is_refused(tmp_path):
    """Neither --check nor a start takes something less in its place."""
    rig = HybridRig(quantum=False)
    rig.memory = type("Memory", (), {"ring_frames": 64, "packets_on_huge_pages": False})
    path = tmp_path / "config.json"
    path.write_text(json.dumps(rig.config("a")))
    for words in (["--check"], []):
        done = subprocess.run([rig.program("lumengate"), "--config", str(path), "--yang-dir",
                               os.path.join(ROOT, "config"), *words],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 2
        assert "tunnel[name='dc']/policy: hybrid is not possible here: ML-KEM-768 is not in " \
               "OpenSSL" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not HAS_ML_KEM, reason="ML-KEM takes OpenSSL 3.5: scripts/test --debian13")
def test_two_gateways_agree_and_never_on_less(hybrid):
    rig = hybrid
    rig.start_watch()
    start_imported(rig)
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")
    rig.wait_for(lambda: tunnel(rig, "a")["rekeys"] >= 3, 10, "three rekeys")
    sent, answered = rig.ping(20, interval=0.1)[:2]
    assert (sent, answered) == (20, 20)
    for site in ("a", "b"):
        t = tunnel(rig, site)
        assert t["keyed_by"] == "hybrid"
        assert t["hybrid_failed"] == 0 and t["policy_refused"] == 0
        assert not alarms(rig, site) & {"no-key", "rekey-policy"}
    rig.wait_for(lambda: tunnel(rig, "a")["generation"] == tunnel(rig, "b")["peer_generation"],
                 5, "one generation at both ends")

    # One operator alone changes the policy: no key any more, then no traffic, and all are told.
    set_policy(rig, "b", "require-qkd")
    rig.wait_for(lambda: all("rekey-policy" in alarms(rig, s) for s in ("a", "b")), 5,
                 "the alarm at both ends")
    rig.wait_for(lambda: all("no-key" in alarms(rig, s) for s in ("a", "b")), 10,
                 "the end of the last key")
    assert rig.ping(2, wait=1)[1] == 0
    assert tunnel(rig, "b")["keyed_by"] == "stopped"

    set_policy(rig, "b", "hybrid")
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 10, "traffic again")
    for site in ("a", "b"):
        assert tunnel(rig, site)["keyed_by"] == "hybrid"
    rig.wait_for(lambda: not alarms(rig, "a") & {"no-key", "rekey-policy"}, 5, "no alarm")
    capture = rig.stop_watch()
    assert capture["plaintext"] == 0 and capture["other"] == 0 and capture["esp"] > 0
