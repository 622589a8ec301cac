# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages that the rig and the benchmarks borrow (scripts/lib/huge_pages.py)."""

import conftest  # noqa: F401  finds scripts/lib
import huge_pages
import pytest

FIGURES = """\
HugePages_Total:      40
HugePages_Free:       37
HugePages_Rsvd:       {reserved}
HugePages_Surp:        8
Hugepagesize:       2048 kB
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """What stands for the kernel's two files."""
    for name, file in (("COUNT", "count"), ("MEMINFO", "meminfo")):
        monkeypatch.setattr(huge_pages, name, str(tmp_path / file))
    (tmp_path / "count").write_text("32\n")
    return tmp_path


@pytest.mark.parametrize("reserved, left", [(0, 37), (30, 7), (37, 0)])
def test_pages_that_others_reserved_are_not_there(kernel, reserved, left):
    (kernel / "meminfo").write_text(FIGURES.format(reserved=reserved))
    assert huge_pages.read() == (40, left)


def test_what_is_borrowed_is_given_back_and_surplus_is_not_kept(kernel):
    (kernel / "meminfo").write_text(FIGURES.format(reserved=0))
    with huge_pages.HugePages(192) as pages:
        assert pages.borrowed == 96
        assert int((kernel / "count").read_text()) == 128
        # Another borrower in between.
        assert huge_pages.HugePages.change(10) == 10
    assert int((kernel / "count").read_text()) == 42
