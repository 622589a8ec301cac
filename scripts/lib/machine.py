# SPDX-License-Identifier: BSD-3-Clause
"""A Debian that runs beside this one: its own systemd as process 1, in namespaces of its own for mounts,
processes, names, network and control groups, above a root directory that stays as it is.

Not systemd-nspawn, which takes a systemd on this machine as well. What systemd wants of a container:
https://systemd.io/CONTAINER_INTERFACE (a read-only /proc/sys and /sys, /dev of its own, a control group).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "TERM=dumb",
               "DEBIAN_FRONTEND=noninteractive")

BOOT = r"""
set -e
root=$1
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
	IFS=: read -r name major minor <<<"$d"
	mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
mknod -m 666 "$root/dev/net/tun" c 10 200
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$root/dev/${n#*:}"; done
for d in dev/shm run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$root/$d"; done
chmod 755 "$root/run"
hostname lumengate
mkdir -p "$root/.outside"
cd "$root"
pivot_root . .outside
# Shared, or mounts that it makes for its services stay with those who made them. Its units load no module of the
# kernel and set no clock.
exec chroot . /bin/sh -c 'umount -l /.outside; mount --make-rshared /; shift
exec setpriv --bounding-set=-sys_module,-sys_time /usr/bin/env -i container=other "$@" /sbin/init' sh "$@"
"""


class MachineError(Exception):
    pass


def unified_cgroup():
    """Where the one hierarchy of control groups is, or the newer of two."""
    for line in open("/proc/self/mounts"):
        _, place, kind = line.split()[:3]
        if kind == "cgroup2":
            return place
    raise MachineError("no control groups of version 2 are mounted")


class Machine:
    """BASE, a root directory as scripts/lib/debian lays it; what the machine writes is gone with it."""

    def __init__(self, base):
        self.folder = tempfile.mkdtemp(prefix="lumengate-machine-")
        self.root = os.path.join(self.folder, "root")
        for name in ("root", "upper", "work"):
            os.mkdir(os.path.join(self.folder, name))
        # Where /tmp is an overlay itself nothing can be laid above it.
        self.mount("-t", "tmpfs", "-o", "mode=755,size=4g", "tmpfs", self.folder)
        for name in ("root", "upper", "work"):
            os.mkdir(os.path.join(self.folder, name))
        self.mount("-t", "overlay", "-o", f"lowerdir={base},upperdir={self.folder}/upper,"
                   f"workdir={self.folder}/work", "overlay", self.root)
        self.process = None
        self.pid = None
        self.cgroup = None

    @staticmethod
    def mount(*words):
        subprocess.run(["mount", *words], check=True)

    def prepare(self, *command):
        """Run COMMAND in it before it starts, with the network of this machine and no service manager."""
        subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec",
                        'mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"; root=$1; shift;'
                        'exec chroot "$root" /usr/bin/env -i "$@"',
                        "bash", self.root, *ENVIRONMENT, *command], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    @staticmethod
    def copy(source, target):
        shutil.copy(source, target)

    def path(self, *parts):
        """Of a file in it, before it starts; later, but for what is on a file system of its own."""
        return os.path.join(self.root, *(p.lstrip("/") for p in parts))

    def start(self, seconds=60):
        self.cgroup = os.path.join(unified_cgroup(), os.path.basename(self.folder))
        self.take_no_huge_pages(os.path.dirname(self.cgroup))
        join = f'echo $$ >"{self.cgroup}/cgroup.procs"; exec "$@"'
        self.log = open(os.path.join(self.folder, "console"), "wb")
        self.process = subprocess.Popen(
            ["bash", "-c", join, "bash", "unshare", "--mount", "--pid", "--ipc", "--uts", "--net",
             "--cgroup", "--fork", "--kill-child", "bash", "-c", BOOT, "bash", self.root,
             *ENVIRONMENT[:1]],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + seconds
        state = ""
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise MachineError("it does not start: " + self.console())
            if self.find_init():
                state = self.run("systemctl", "is-system-running", check=False).strip()
                if state in ("running", "degraded"):
                    return self
            time.sleep(0.2)
        raise MachineError(f"it is {state or 'not up'} after {seconds} s: {self.console()}")

    def take_no_huge_pages(self, parent):
        """Those there are were set aside for others: hugetlb.2MB.rsvd.max of cgroup-v2."""
        with open(os.path.join(parent, "cgroup.controllers")) as f:
            counted = "hugetlb" in f.read().split()
        if counted:
            with open(os.path.join(parent, "cgroup.subtree_control"), "w") as f:
                f.write("+hugetlb")
        os.mkdir(self.cgroup)
        if counted:
            with open(os.path.join(self.cgroup, "hugetlb.2MB.rsvd.max"), "w") as f:
                f.write("0")

    def console(self):
        with open(os.path.join(self.folder, "console"), errors="replace") as f:
            return f.read()[-2000:]

    def find_init(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            children = f.read().split()
        if not children:
            return False
        self.pid = int(children[0])
        with open(f"/proc/{self.pid}/comm") as f:
            return f.read().strip() == "systemd"

    def run(self, *command, check=True, timeout=300, data=None, user=None):
        """What COMMAND says in the machine; as USER, with the groups that USER has there."""
        if user is not None:
            command = ("runuser", "-u", user, "--", *command)
        done = subprocess.run(
            ["nsenter", "--target", str(self.pid), "--all", "--wd", "/usr/bin/env", "-i", *ENVIRONMENT,
             *command], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout)
        if check and done.returncode != 0:
            raise MachineError(f"{' '.join(command)}: status {done.returncode}: {done.stdout.strip()}")
        self.status = done.returncode
        return done.stdout

    def stop(self):
        if self.process is not None:
            if self.process.poll() is None and self.pid is not None:
                os.kill(self.pid, signal.SIGRTMIN + 3)  # halt.target, systemd(1)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()  # unshare takes its child with it
                self.process.wait(10)
            self.log.close()
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)
            self.process = None
        subprocess.run(["umount", self.root], check=True)
        subprocess.run(["umount", self.folder], check=True)
        for name in ("root", "upper", "work"):
            os.rmdir(os.path.join(self.folder, name))
        os.rmdir(self.folder)
