#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""systemctl for machines without systemd, in tests: the units of config/systemd, by their own words.

    systemctl enable|start|stop|restart|reload|is-active [--now] [--all] UNIT...

It heeds ExecStart, ExecReload, User, Group, SupplementaryGroups, LoadCredential, RuntimeDirectory,
StateDirectory, ConditionPathExists and Type=notify; whether systemd likes the rest is the matter of other tests.
"""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
UNITS = os.path.join(HERE, "../../config/systemd")
STATE = "/var/lib/units"  # pids and logs
WORDS = {"@sysconfdir@": "/etc", "@bindir@": "/usr/local/bin", "@docdir@": "/usr/share/doc/lumengate"}


def read_unit(name):
    settings = {}
    with open(os.path.join(UNITS, name + ".service.in"), encoding="utf-8") as f:
        for line in f:
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                for word, means in WORDS.items():
                    value = value.replace(word, means)
                settings[key] = value
    return settings


def pid_of(name):
    try:
        with open(os.path.join(STATE, name + ".pid"), encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return pid if f.read().rpartition(")")[2].split()[0] != "Z" else None
    except (OSError, ValueError):
        return None


def folders(unit, user):
    for setting, where in (("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")):
        for name in unit.get(setting, "").split():
            path = os.path.join(where, name)
            os.makedirs(path, 0o755, exist_ok=True)
            os.chmod(path, int(unit.get(setting + "Mode", "755"), 8))
            os.chown(path, user.pw_uid, user.pw_gid)


def credentials(name, unit, user):
    folder = os.path.join("/run/credentials", name)
    os.makedirs(folder, exist_ok=True)
    os.chmod("/run/credentials", 0o755)
    for one in unit.get("LoadCredential", "").split():
        key, _, path = one.partition(":")
        at = os.path.join(folder, key)
        with open(path, "rb") as f, open(at, "wb") as out:
            os.fchmod(out.fileno(), 0o400)
            os.fchown(out.fileno(), user.pw_uid, user.pw_gid)
            out.write(f.read())
    os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def start(name):
    unit = read_unit(name)
    if pid_of(name) is not None:
        return
    if not os.path.exists(unit.get("ConditionPathExists", "/")):
        return
    user = pwd.getpwnam(unit.get("User", "root"))
    folders(unit, user)
    command = unit["ExecStart"].split()
    if user.pw_uid != 0:
        groups = f",{unit['SupplementaryGroups']}" if "SupplementaryGroups" in unit else ""
        # In place of LimitMEMLOCK=, which takes rights that a container has not.
        command = ["setpriv", "--reuid", user.pw_name, "--regid", user.pw_name, "--groups",
                   user.pw_name + groups, "--inh-caps", "-all,+ipc_lock", "--ambient-caps", "+ipc_lock", *command]
    ready = os.path.join("/run", name + ".notify")
    if os.path.exists(ready):
        os.unlink(ready)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(ready)
    os.chmod(ready, 0o666)
    listener.settimeout(0.2)
    with open(os.path.join(STATE, name + ".log"), "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                   start_new_session=True,
                                   env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": ready,
                                        "CREDENTIALS_DIRECTORY": credentials(name, unit, user)})
    with open(os.path.join(STATE, name + ".pid"), "w", encoding="ascii") as f:
        f.write(str(process.pid))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if b"READY=1" in listener.recv(4096).split(b"\n"):
                return
        except TimeoutError:
            if process.poll() is not None:
                sys.exit(f"{name}: ended with status {process.returncode}")
    sys.exit(f"{name}: not ready within a minute")


def stop(name):
    pid = pid_of(name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 30
    while pid_of(name) is not None:
        if time.monotonic() > until:
            sys.exit(f"{name}: did not stop")
        time.sleep(0.02)


def reload(name):
    subprocess.run(read_unit(name)["ExecReload"].split(), check=True)


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    options = {w for w in sys.argv[1:] if w.startswith("--")}
    if not words:
        sys.exit(__doc__)
    os.makedirs(STATE, exist_ok=True)
    verb, names = words[0], [w.removesuffix(".service") for w in words[1:]]
    if "--all" in options:
        names = [f[:-4] for f in os.listdir(STATE) if f.endswith(".pid")]
    for name in names:
        if verb == "is-active":
            sys.exit(0 if pid_of(name) is not None else 3)
        if verb in ("stop", "restart"):
            stop(name)
        if verb in ("start", "restart") or (verb == "enable" and "--now" in options):
            start(name)
        if verb == "reload":
            reload(name)


if __name__ == "__main__":
    main()
