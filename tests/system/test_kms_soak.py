# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench kms --only soak in short: requests of all kinds while the KMEs are killed."""

import pytest

from kme import Lab
from kms_soak import PAIRS, Soak


@pytest.mark.parametrize("requests,kills", [
    (2000, 2), pytest.param(100_000, 25, marks=pytest.mark.long)])
def test_soak(requests, kills):
    settings = {"store": {"max-size-kib": (2 + kills // 2) << 10}}
    with Lab(sparse=True, seed=requests, delay=0.002, settings=settings) as lab:
        lab.wait_key()
        f = Soak(lab, PAIRS, requests, kills, seed=requests).run()
        assert f["problems"] == []
        assert f["kills"] == kills
        assert (f["mismatches"], f["repeats"], f["lost"]) == (0, 0, 0)
        # Whatever was issued and answered came, but for answers that a crash cut off.
        assert f["fetched"] + f["lost_by_crash"] == f["keys"]
        assert f["lost_by_crash"] <= 2 * 128 * kills
        assert f["enc"] > requests / 5 and f["dec"] > requests / 5 and f["replays"] > 0
