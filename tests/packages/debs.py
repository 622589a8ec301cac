# SPDX-License-Identifier: BSD-3-Clause
"""Debian packages of these sources, built where nothing is installed but what debian/control names."""

import glob
import hashlib
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.environ.get("LUMENGATE_PACKAGES") or os.path.join(ROOT, "build-packages")

BUILD = r"""
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends build-essential lintian
rm -rf /var/tmp/build
mkdir /var/tmp/build
cp -a /src /var/tmp/build/lumengate
cd /var/tmp/build/lumengate
apt-get build-dep -y -qq --no-install-recommends ./
dpkg-buildpackage -us -uc
"""


class PackageError(Exception):
    pass


def run(*command, log=None, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    if log is not None:
        with open(log, "w") as f:
            f.write(done.stdout)
    if done.returncode != 0:
        raise PackageError(f"{' '.join(command)[:200]}: status {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


class Debs:
    """Of Debian RELEASE ("12"): .deb files in FOLDER, and a clean Debian to install them in."""

    def __init__(self, release):
        self.release = release
        self.folder = os.path.join(FOLDER, release)
        self.clean = os.path.join(self.folder, "clean", "root")

    def debian(self, *words, log=None):
        return run(os.path.join(ROOT, "scripts/lib/debian"), self.release, *words, log=log)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def build(self):
        os.makedirs(self.folder, exist_ok=True)
        self.debian("clean", self.path("clean"))
        if not os.path.exists(self.path("build", "laid")):
            shutil.rmtree(self.path("build"), ignore_errors=True)
            run("cp", "-a", self.path("clean"), self.path("build"))
        if self.stamp() != self.stamped():
            self.debian("run", self.path("build"), "--", "bash", "-ec", BUILD,
                        log=self.path("build.log"))
            with open(self.path("stamp"), "w") as f:
                f.write(self.stamp())
        self.files = {re.match("[^_]+", os.path.basename(f))[0]: f
                      for f in glob.glob(self.path("build/root/var/tmp/build/*.deb"))}
        self.version = run("dpkg-deb", "-f", self.files["lumengate"], "Version").strip()
        return self

    def stamp(self):
        """Of all that packages are made from."""
        names = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard",
                    cwd=ROOT).split("\0")
        digest = hashlib.sha256(BUILD.encode())
        for name in sorted(names):
            if name != "scripts/setup-machine" and name.startswith(("tests/", "scripts/")):
                continue
            if os.path.isfile(os.path.join(ROOT, name)):
                with open(os.path.join(ROOT, name), "rb") as f:
                    digest.update(f"{name}\0{os.fstat(f.fileno()).st_mode}\0".encode() + f.read())
        return digest.hexdigest()

    def stamped(self):
        try:
            with open(self.path("stamp")) as f:
                return f.read()
        except FileNotFoundError:
            return None

    def lintian(self):
        """Its lines, of the source package and the binary ones."""
        done = subprocess.run(
            [os.path.join(ROOT, "scripts/lib/debian"), self.release, "run", self.path("build"), "--",
             "sh", "-c", "cd /var/tmp/build && lintian --allow-root --tag-display-limit 0 *.changes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.splitlines()

    def before(self):
        """The packages of an older version: those in LUMENGATE_PACKAGES_BEFORE/RELEASE, or these very ones
        with a version that is lower, which say what an upgrade does to services and files."""
        given = os.environ.get("LUMENGATE_PACKAGES_BEFORE")
        folder = self.path("before")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        files = glob.glob(os.path.join(given, self.release, "*.deb")) if given else self.files.values()
        for deb in files:
            tree = os.path.join(folder, "tree")
            run("dpkg-deb", "-R", deb, tree)
            control = os.path.join(tree, "DEBIAN/control")
            with open(control) as f:
                text = f.read()
            version = re.search(r"^Version: (.*)$", text, re.M)[1]
            if not given:
                with open(control, "w") as f:
                    f.write(text.replace(version, version + "~before"))
            run("dpkg-deb", "--root-owner-group", "-b", tree, folder)
            shutil.rmtree(tree)
        return sorted(glob.glob(os.path.join(folder, "*.deb")))
