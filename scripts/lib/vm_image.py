# SPDX-License-Identifier: BSD-3-Clause
"""What a virtual machine boots: Debian's cloud kernel, and an initial file system of busybox,
bash, a few of this machine's own programs with their libraries, and Python.

The kernel comes from the machine's own Debian mirror and is unpacked beside the tests; nothing
of it is installed. An image is kept in its folder and made again when the kernel package, the
programs or the files change.
"""

import glob
import gzip
import hashlib
import json
import lzma
import os
import shutil
import struct
import subprocess
import tempfile

KERNEL_META = "linux-image-cloud-amd64"
# The kernel finds its algorithms by /sbin/modprobe, but seqiv wants the default random
# generator, and says only "unable to initialize" when a part of that is not there.
MODULES = """virtio_pci virtio_net esp4 esp6 xfrm_user aesni_intel ghash_clmulni_intel gcm seqiv
echainiv authenc crypto_user drbg jitterentropy_rng hmac sha256_generic sha512_generic ctr
dummy veth""".split()
PROGRAMS = ["bash", "ip", "ping", "iperf3", "python3"]
# What the guest's own programs import; the files behind it are found by importing it here.
PYTHON_IMPORTS = ["base64", "json", "os", "select", "signal", "socket", "struct", "subprocess",
                  "sys", "time", "encodings.idna", "encodings.ascii", "encodings.latin_1"]

INIT = """#!/bin/bash
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
export PYTHONHOME=/usr PYTHONDONTWRITEBYTECODE=1
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs tmp /tmp
busybox mkdir -p /run/netns /var/run
for m in %(modules)s; do busybox modprobe $m || echo "VM-ERROR no module $m"; done
busybox stty -F /dev/ttyS1 raw -echo
python3 -S /vm_guest.py /dev/ttyS1
busybox poweroff -f
"""


class ImageError(Exception):
    pass


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          **options)
    if done.returncode != 0:
        raise ImageError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def kernel_package():
    """The newest cloud kernel that the machine's sources offer."""
    for update in (False, True):
        if update:
            run("apt-get", "update", "-qq")
        out = subprocess.run(["apt-cache", "depends", KERNEL_META], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout
        names = [line.split()[1] for line in out.splitlines() if "Depends: linux-image" in line]
        if names:
            return names[0]
    raise ImageError(f"the Debian sources of this machine have no {KERNEL_META}")


def unpack_vmlinux(bzimage, vmlinux):
    """The ELF file out of a bzImage: PVH boot of it saves the guest from unpacking it.

    Documentation/x86/boot.rst of Linux: setup_sects at 0x1f1, payload_offset at 0x248 (from
    the protected-mode code), payload_length at 0x24c. Four bytes behind the compressed data
    hold its unpacked size.
    """
    with open(bzimage, "rb") as f:
        image = f.read()
    code = ((image[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    packed = image[code + offset:code + offset + length - 4]
    if packed.startswith(b"\xfd7zXZ\0"):
        plain = lzma.LZMADecompressor().decompress(packed)
    else:
        tools = {b"\x02\x21\x4c\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
        tool = tools.get(packed[:4], "gzip")
        # The tools complain of what follows the data, but write all of it.
        plain = subprocess.run([tool, "-dc"], input=packed, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
    if plain[:4] != b"\x7fELF":
        raise ImageError(f"{bzimage}: no kernel found in it")
    with open(vmlinux, "wb") as f:
        f.write(plain)


def libraries(path):
    """The shared objects that a program or library of this machine needs."""
    out = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True).stdout
    return [word for line in out.splitlines() for word in line.split() if word.startswith("/")]


def python_files():
    """The program of Debian's Python and the files behind PYTHON_IMPORTS."""
    code = ("import sys, json, importlib\n"
            "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
            "print(json.dumps([m.__spec__.origin for m in list(sys.modules.values())"
            " if getattr(m, '__spec__', None) and m.__spec__.has_location]))")
    out = run("/usr/bin/python3", "-S", "-c", code, json.dumps(PYTHON_IMPORTS))
    return [p for p in json.loads(out) if p.startswith("/usr/")]


class Image:
    """vmlinux and initrd in FOLDER, with FILES (guest path -> path here) inside, and EXECUTABLES
    with the libraries that they need."""

    def __init__(self, folder, files, modules=MODULES, programs=PROGRAMS, executables=None):
        self.folder = folder
        self.files = files
        self.module_names, self.programs = modules, programs
        self.executables = executables or {}
        self.vmlinux = os.path.join(folder, "vmlinux")
        self.initrd = os.path.join(folder, "initrd")
        os.makedirs(folder, exist_ok=True)

    def make(self):
        package = kernel_package()
        stamp = self.stamp(package)
        path = os.path.join(self.folder, "stamp")
        try:
            with open(path) as f:
                old = json.load(f)
        except (OSError, ValueError):
            old = {}
        if old != stamp:
            if os.path.exists(path):
                os.unlink(path)
            if old.get("kernel") != package:
                self.fetch_kernel(package)
            self.make_initrd()
            with open(path, "w") as f:
                json.dump(stamp, f)
        return self

    def stamp(self, package):
        digest = hashlib.sha256(repr((INIT, self.module_names, self.programs,
                                      PYTHON_IMPORTS)).encode())
        for name, source in sorted({**self.files, **self.executables}.items()):
            with open(source, "rb") as f:
                digest.update(name.encode() + f.read())
        return {"kernel": package, "content": digest.hexdigest()}

    def fetch_kernel(self, package):
        tree = os.path.join(self.folder, "kernel")
        shutil.rmtree(tree, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            # The unprivileged user of apt has no way into our folders.
            run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package, cwd=work)
            run("dpkg", "-x", glob.glob(os.path.join(work, "*.deb"))[0], tree)
        unpack_vmlinux(glob.glob(os.path.join(tree, "boot", "vmlinuz-*"))[0], self.vmlinux)

    def modules(self, root):
        tree = os.path.join(self.folder, "kernel")
        version = os.listdir(os.path.join(tree, "lib/modules"))[0]
        run("depmod", "-b", tree, version)
        for module in self.module_names:
            out = run("modprobe", "-d", tree, "-S", version, "--show-depends", module)
            for line in out.splitlines():
                if line.startswith("insmod "):
                    source = line.split()[1]
                    self.copy(source, root + source[len(tree):])
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            path = f"/lib/modules/{version}/{name}"
            self.copy(tree + path, root + path)
        run("depmod", "-b", root, version)

    @staticmethod
    def copy(source, target):
        if not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)  # the file, where SOURCE is a link

    def make_initrd(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as root:
            for name in ("bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "run", "root"):
                os.makedirs(os.path.join(root, name))
            self.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
            os.symlink("/bin/busybox", root + "/sbin/modprobe")
            for name in run("busybox", "--list").split():
                if name not in self.programs and name != "busybox":
                    os.symlink("busybox", os.path.join(root, "bin", name))
            self.modules(root)
            wanted = {}
            for program in self.programs:
                path = ("/usr/bin/python3" if program == "python3" else shutil.which(program))
                if path is None:
                    raise ImageError(f"{program} is not installed")
                wanted["/bin/" + program] = path
            for path in python_files():
                wanted[path] = path
            wanted.update(self.executables)
            for target, path in wanted.items():
                self.copy(path, root + target)
                for library in libraries(path):
                    self.copy(library, root + library)
            for target, path in self.files.items():
                self.copy(path, root + target)
            # Python looks for its library from where it is installed.
            os.makedirs(root + "/usr/bin", exist_ok=True)
            os.symlink("/bin/python3", root + "/usr/bin/python3")
            init = os.path.join(root, "init")
            with open(init, "w") as f:
                f.write(INIT % {"modules": " ".join(self.module_names)})
            os.chmod(init, 0o755)
            archive = run_cpio(root)
        with open(self.initrd, "wb") as f:
            f.write(gzip.compress(archive, 1))


def run_cpio(root):
    names = subprocess.run(["find", "."], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names,
                          stdout=subprocess.PIPE, check=True).stdout
