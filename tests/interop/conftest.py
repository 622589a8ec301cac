# SPDX-License-Identifier: BSD-3-Clause

import os
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "lib")]

from kernel_peer import KernelPeer  # noqa: E402


@pytest.fixture(scope="module")
def peer(request):
    """One gateway and one virtual machine for a file's cases; the verdict comes with the end.

    RESOURCES of the file: what its gateway's configuration has beside the usual.
    """
    with tempfile.TemporaryDirectory(prefix="lumengate-") as folder:
        peer = KernelPeer(folder, **getattr(request.module, "RESOURCES", {}))
        yield peer
        peer.close()
