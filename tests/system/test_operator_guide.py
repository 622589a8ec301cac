# SPDX-License-Identifier: BSD-3-Clause
"""The operator's guide, typed word for word by somebody who knows nothing else."""

import os

import pytest

from guide_rig import GuideRig, read_guide
from rig import ROOT

GUIDE = os.path.join(ROOT, "docs", "operator-guide.md")


@pytest.fixture
def machines():
    with GuideRig() as r:
        r.wire()
        r.start_cards("--seed", "3")
        yield r


def chapters(first, last):
    """The blocks of the guide's chapters FIRST to LAST."""
    def number(block):
        head = block.section.split(".")[0]
        return int(head) if head.isdigit() else 10
    return [b for b in read_guide(GUIDE) if first <= number(b) <= last]


def test_from_the_rack_to_running(machines):
    blocks = chapters(1, 7)
    assert len(blocks) > 15
    for block in blocks:
        machines.type(block)
