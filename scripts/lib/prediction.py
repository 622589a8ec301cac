# SPDX-License-Identifier: BSD-3-Clause
"""What the demo's link must show, worked out from its data sheet alone.

The device model shares nothing with this file; the demo and the system tests compare the
gateways' figures with it. Gains after Ma, Qi, Zhao and Lo, PRA 72, 012326 (2005).
"""

import math

LINK = {
    "distance_km": 20.0, "loss_db_per_km": 0.2, "receiver_loss_db": 3.0, "efficiency": 0.20,
    "dark_per_detector": 1e-6, "detectors": 4, "misalignment": 0.01, "afterpulse": 0.01,
    "intensity": (0.3, 0.1), "probability": (0.3, 0.7), "p_z": 0.8, "hold_off_s": 1e-6,
    "slots_per_s": 1e9,
}


def predict(link=LINK):
    """Clicks a second, error rate of either basis, sifted Z bits a second."""
    loss_db = link["distance_km"] * link["loss_db_per_km"] + link["receiver_loss_db"]
    transmittance = link["efficiency"] * 10 ** (-loss_db / 10)
    light = sum(p * (1 - math.exp(-transmittance * mu))
                for mu, p in zip(link["intensity"], link["probability"]))
    dark = link["detectors"] * link["dark_per_detector"]
    prompt = light + dark
    # An afterpulse remembers the last click, not this pulse: half of them are errors.
    prompt_errors = (link["misalignment"] * light + dark / 2) / prompt
    errors = (prompt_errors + link["afterpulse"] / 2) / (1 + link["afterpulse"])
    rate = prompt * link["slots_per_s"] * (1 + link["afterpulse"])
    clicks = rate / (1 + rate * link["hold_off_s"])
    return {"clicks_per_s": clicks, "qber": errors,
            "sifted_z_per_s": clicks * link["p_z"] ** 2}


def tolerance(qber, bits):
    """4 standard deviations of a rate counted over BITS, and 3 % for what is left out above."""
    return 4 * math.sqrt(qber * (1 - qber) / max(bits, 1)) + 0.03 * qber
