# SPDX-License-Identifier: BSD-3-Clause
"""The operator's guide, typed word for word by somebody who knows nothing else."""

import os

import pytest

from guide_rig import FIBRE, GuideRig, Handwork, read_guide
from rig import ROOT

GUIDE = os.path.join(ROOT, "docs", "operator-guide.md")


@pytest.fixture
def machines():
    with GuideRig() as r:
        r.wire()
        r.start_cards(*FIBRE)
        yield r


def follow(machines, first, last):
    """All that the guide's chapters FIRST to LAST have its reader do; how many blocks were typed."""
    typed = 0
    for block in read_guide(GUIDE):
        if not first <= block.chapter <= last:
            continue
        if isinstance(block, Handwork):
            machines.rack(block)
        else:
            machines.type(block)
            typed += bool(block.places)
    return typed


def test_from_the_rack_to_running(machines):
    assert follow(machines, 1, 7) >= 15


@pytest.mark.long
def test_the_days_after(machines):
    assert follow(machines, 1, 10) >= 45
