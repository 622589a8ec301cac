# SPDX-License-Identifier: BSD-3-Clause
"""Programs of the build directory, built when they are not up to date."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build")


class BuildError(Exception):
    pass


def program(target):
    """The path of meson's TARGET, such as "tests/bench/bench_engine"."""
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, TOP], check=True, stdout=sys.stderr)
    built = subprocess.run(
        ["ninja", "-C", BUILD, target], capture_output=True, text=True, check=False
    )
    if built.returncode != 0:
        raise BuildError(f"cannot build {target}:\n{built.stdout}{built.stderr}")
    return os.path.join(BUILD, target)
