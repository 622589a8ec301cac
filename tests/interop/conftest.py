# SPDX-License-Identifier: BSD-3-Clause

import os
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "lib")]

from kernel_peer import KernelPeer  # noqa: E402


@pytest.fixture(scope="session")
def peer():
    """One gateway and one virtual machine for all cases; its verdict comes with the end."""
    with tempfile.TemporaryDirectory(prefix="lumengate-") as folder:
        peer = KernelPeer(folder)
        yield peer
        peer.close()
