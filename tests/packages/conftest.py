# SPDX-License-Identifier: BSD-3-Clause

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "lib")]

from debs import Debs  # noqa: E402


@pytest.fixture(scope="session", params=["12", "13"], ids=["debian12", "debian13"])
def debs(request):
    return Debs(request.param).build()
