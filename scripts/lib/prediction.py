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


QUANTUM_THZ, BAND_NM = 193.4, 0.12
# Raman scattering of a pump at 1550 nm into 1 nm: wavelength, 1e-9 / (km nm), after Eraerds et al.,
# NJP 12 063027 (2010), as tabulated in github.com/damianobacchin/ml-qkd.
RHO = {1551: 1.9, 1552: 1.8, 1553: 1.9, 1554: 2.1, 1555: 2.7, 1556: 3.4, 1557: 3.8}


def raman(channels, link=LINK):
    """Counts per slot, of all detectors, that data channels (THz, dBm, counter) make."""
    light, planck = 299792.458, 6.62607015e-34
    alpha = link["loss_db_per_km"] * math.log(10) / 10
    length, quantum = link["distance_km"], light / QUANTUM_THZ
    counts = 0.0
    for thz, dbm, counter in channels:
        # Where the same shift would lie for a pump at 1550 nm.
        at = 1 / (1 / 1550 + 1 / quantum - thz / light)
        low = math.floor(at)
        rho = 1e-9 * (RHO[low] + (RHO[low + 1] - RHO[low]) * (at - low)) * (at / quantum) ** 4
        effective = (1 - math.exp(-2 * alpha * length)) / (2 * alpha) if counter else \
            length * math.exp(-alpha * length)
        photons = 1e-3 * 10 ** (dbm / 10) * rho * BAND_NM * effective / \
            (planck * QUANTUM_THZ * 1e12)
        counts += photons / link["slots_per_s"] * link["efficiency"] * \
            10 ** (-link["receiver_loss_db"] / 10)
    return counts


def predict(link=LINK, channels=()):
    """Clicks a second, error rate of either basis, sifted Z bits a second."""
    loss_db = link["distance_km"] * link["loss_db_per_km"] + link["receiver_loss_db"]
    transmittance = link["efficiency"] * 10 ** (-loss_db / 10)
    light = sum(p * (1 - math.exp(-transmittance * mu))
                for mu, p in zip(link["intensity"], link["probability"]))
    dark = link["detectors"] * link["dark_per_detector"] + raman(channels, link)
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
