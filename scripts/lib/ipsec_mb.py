# SPDX-License-Identifier: BSD-3-Clause
"""The newer IPsec-MB that scripts/setup brings, if it could."""

import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def newer_library():
    """Its path, or None: the system's is used."""
    path = os.path.join(TOP, "build-ipsec-mb", "libIPSec_MB.so.2")
    return path if os.path.exists(path) else None
