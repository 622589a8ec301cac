# SPDX-License-Identifier: BSD-3-Clause
"""Machines for the operator's guide: each with an /etc, /run and /var/lib of its own, in which what
is typed there does what it says, and the parts of the product are installed.

    host-a --- a --- wan --- b --- host-b

What such a machine has not is systemd: guide_systemctl.py stands in for systemctl.
"""

import os
import re
import subprocess

from rig import LAN, ROOT, WAN, Rig, RigError, run

FIBRE = ("--seed", "3", "--distance", "20")
PROGRAMS = {"control": ("lumengate", "lgctl", "lumengate-kms", "lumengate-kme-client", "lumengate-web",
                        "lumengate-wanwatch")}
RACK = re.compile(r"<!-- rack: (.+) -->")
WHERE = re.compile(r"# (?:at|on) (.+?):?$")
PLACES = {"site a": ("a",), "site b": ("b",), "both sites": ("a", "b"), "a host of site a": ("host-a",),
          "a host of site b": ("host-b",), "the second gateway of site a": ("a2",),
          "the second gateway of site b": ("b2",), "both second gateways": ("a2", "b2"),
          "real machines": ()}


class Block:
    """Commands of the guide: where, and the section that they are in."""

    def __init__(self, chapter, section, line, text):
        self.chapter = chapter
        first, _, self.commands = text.partition("\n")
        match = WHERE.match(first)
        if match is None or match[1] not in PLACES:
            raise ValueError(f"line {line}: a block of commands does not say where: {first}")
        self.section, self.line, self.places = section, line, PLACES[match[1]]

    def __repr__(self):
        return f"line {self.line} of the guide ({self.section})"


class Handwork:
    """What somebody does at the rack or on the way between two blocks, in the words of a comment."""

    def __init__(self, chapter, section, line, what):
        self.chapter, self.section, self.line, self.what = chapter, section, line, what


def read_guide(path):
    """All blocks of commands and what is done by hand between them, in order."""
    blocks, chapter, section, text, begin = [], 0, "", None, 0
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if text is not None:
                if line.startswith("```"):
                    blocks.append(Block(chapter, section, begin, text))
                    text = None
                else:
                    text += line
            elif line.startswith("```sh"):
                text, begin = "", number + 1
            elif line.startswith("#"):
                section = line.lstrip("# ").strip()
                chapter = int(re.match(r"# (\d+)\.", line)[1]) if re.match(r"# \d+\.", line) else chapter
            elif match := RACK.match(line):
                blocks.append(Handwork(chapter, section, number, match[1]))
    return blocks


class GuideRig(Rig):
    """The machines, the wires and what else the guide's reader has racked."""

    def hold_gateway(self, site):
        """The machine: namespaces whose folders for configuration and state are its own."""
        home = self.path("machine-" + site)
        for name in ("run", "lib", "root", "carry"):
            os.makedirs(os.path.join(home if name != "carry" else self.dir, name), exist_ok=True)
        run("cp", "-a", "/etc", os.path.join(home, "etc"))
        local = os.path.join(home, "local")
        os.makedirs(os.path.join(local, "bin"))
        os.makedirs(os.path.join(local, "share/lumengate/yang"))
        os.symlink(os.path.join(ROOT, "config/lumengate.yang"),
                   os.path.join(local, "share/lumengate/yang/lumengate.yang"))
        for folder, names in PROGRAMS.items():
            for name in names:
                os.symlink(os.path.join(self.build, folder, name), os.path.join(local, "bin", name))
        os.symlink(os.path.join(ROOT, "tests/system/guide_systemctl.py"), os.path.join(local, "bin/systemctl"))
        script = f"""
mount --make-rprivate /
mount --bind {home}/etc /etc
mount --bind {local} /usr/local
mount -t sysfs none /sys
mount -t tmpfs none /run
mkdir -p /run/lumengate /run/lock
mount --bind {home}/run /run/lumengate
mount --bind {home}/lib /var/lib
mount --bind {home}/root /root
mount -t tmpfs none /usr/share/doc
mkdir -p /usr/share/doc/lumengate
cp -r {ROOT}/config/examples /usr/share/doc/lumengate/examples
mount -t tmpfs none /media
mkdir /media/carry
mount --bind {self.path("carry")} /media/carry
ip link set lo up
systemd-sysusers {ROOT}/config/systemd/lumengate.sysusers.conf
sed s,@sysconfdir@,/etc, {ROOT}/config/systemd/lumengate.tmpfiles.conf.in > /run/tmpfiles.conf
systemd-tmpfiles --create /run/tmpfiles.conf
echo held
exec sleep infinity
"""
        holder = subprocess.Popen(["unshare", "--mount", "--net", "sh", "-ec", script], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True, start_new_session=True)
        for line in holder.stdout:
            if line.strip() == "held":
                self.holders[site] = holder
                return
        raise RigError(f"machine {site} cannot be made here")

    def in_gateway(self, site):
        return ["nsenter", "-t", str(self.holders[site].pid), "-m", "-n"]

    def wire_site(self, site):
        """A host behind lan0, the WAN behind wan0; the machine's side is the guide's."""
        other = {"a": "b", "b": "a"}[site]
        self.cable(site, f"dc-{site}", "lan0", "lan0", 1500)
        self.cable(site, "wan", "wan0", "w" + site, 1600)
        dc = self.ns(f"dc-{site}")
        run("ip", "-n", self.ns("wan"), "link", "set", "w" + site, "master", "br0")
        run("ip", "-n", dc, "addr", "add", f"{LAN[site]}.2/24", "dev", "lan0")
        run("ip", "-n", dc, "route", "add", f"{LAN[other]}.0/24", "via", f"{LAN[site]}.1")

    def cable(self, machine, place, here, there, mtu):
        """Interface HERE of MACHINE and THERE of the namespace PLACE, which is up."""
        temporary = self.tag + machine + here[0]
        place = self.ns(place)
        run("ip", "-n", place, "link", "add", there, "mtu", str(mtu), "type", "veth", "peer", "name", temporary)
        run("ip", "-n", place, "link", "set", temporary, "netns", str(self.holders[machine].pid))
        run(*self.in_gateway(machine), "ip", "link", "set", temporary, "name", here)
        run("ip", "-n", place, "link", "set", there, "up")
        run("ip", "netns", "exec", place, "ethtool", "-K", there, "tso", "off", "gso", "off", "tx", "off",
            "gro", "off")

    def start_cards(self, *options):
        """The fibre and both cards, with the folders of the machines in which they are."""
        self.start("model", [
            *self.prefer(-15), self.program("lumengate-optics-sim"),
            "--alice", self.path("machine-a", "run", "card"), "--bob", self.path("machine-b", "run", "card"),
            "--control", self.path("sim", "control.sock"), *options])
        self.wait_for(lambda: os.path.exists(self.path("machine-b", "run", "card")), 10, "the cards")

    def type(self, block, timeout=120):
        """Each place gets the block's commands, as they stand."""
        for place in block.places:
            enter = self.in_ns("dc-" + place[-1]) if place.startswith("host-") else self.in_gateway(place)
            done = subprocess.run([*enter, "env", "HOME=/root", "bash", "-e"], input=block.commands, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                                  cwd=self.path("machine-" + place, "root") if place in self.holders else None)
            print(f"--- {place}, {block}\n{block.commands}{done.stdout}", flush=True)
            if done.returncode != 0:
                raise RigError(f"{block}, at {place}: status {done.returncode}\n{done.stdout}\n"
                               + self.unit_logs(place))

    def rack(self, work):
        """The reader's hands."""
        if work.what == "another card":
            self.stop("model")
            self.start_cards(*FIBRE)
        elif work.what == "tap at 12 km":
            self.model("fibre tap 12 0.1")
        elif work.what == "mended":
            self.model("fibre restore")
        elif work.what == "another fibre of 10 km":
            self.stop("model")
            self.start_cards("--seed", "5", "--distance", "10")
        elif work.what == "second gateways":
            self.second_gateways()
        else:
            raise ValueError(f"line {work.line}: nobody knows how to do this: {work.what}")

    def second_gateways(self):
        """A machine more at each site, on wires of their own, that reaches the KME of its site."""
        self.add_namespace("wan2")
        run("ip", "-n", self.ns("wan2"), "link", "add", "br0", "mtu", "1600", "type", "bridge")
        run("ip", "-n", self.ns("wan2"), "link", "set", "br0", "up")
        for number, site in enumerate("ab"):
            machine = site + "2"
            self.hold_gateway(machine)
            self.add_namespace("dc-" + machine)
            self.cable(machine, "dc-" + machine, "lan0", "lan0", 1500)
            self.cable(machine, "wan2", "wan0", "w" + machine, 1600)
            run("ip", "-n", self.ns("wan2"), "link", "set", "w" + machine, "master", "br0")
            run(*self.in_gateway(site), "ip", "link", "add", "mgmt0", "type", "veth", "peer", "name", "mgmt1")
            run(*self.in_gateway(site), "ip", "link", "set", "mgmt1", "netns", str(self.holders[machine].pid))
            net = "198.51.100."
            run(*self.in_gateway(site), "ip", "addr", "add", f"{net}{4 * number + 1}/30", "dev", "mgmt0")
            run(*self.in_gateway(machine), "ip", "addr", "add", f"{net}{4 * number + 2}/30", "dev", "mgmt1")
            run(*self.in_gateway(site), "ip", "link", "set", "mgmt0", "up")
            run(*self.in_gateway(machine), "ip", "link", "set", "mgmt1", "up")
            # In place of a name server.
            with open(self.path("machine-" + machine, "etc", "hosts"), "a", encoding="ascii") as f:
                f.write(f"{net}{4 * number + 1} kme-{site}.example.net\n")

    def add_namespace(self, name):
        run("ip", "netns", "add", self.ns(name))
        self.namespaces.append(self.ns(name))
        run("ip", "-n", self.ns(name), "link", "set", "lo", "up")

    def unit_logs(self, place):
        folder = self.path("machine-" + place, "lib", "units")
        text = ""
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".log"):
                with open(os.path.join(folder, name), errors="replace") as f:
                    text += f"{name}:\n" + "".join(f.readlines()[-12:])
        return text

    def down(self):
        for site in list(self.holders):
            subprocess.run([*self.in_gateway(site), "/usr/local/bin/systemctl", "stop", "--all"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        super().down()
