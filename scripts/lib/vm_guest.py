# SPDX-License-Identifier: BSD-3-Clause
"""Inside the virtual machine: run what the tests ask for, and give the verdict at the end.

A line of the serial device is a request {"shell": TEXT, "seconds": N}, a line back its answer
{"status": N, "out": TEXT}. "finish" in place of "shell" ends it. The verdict is a line on the
console, since nothing else of a machine shows that its kernel was well to the end:

    VM-VERDICT ok commands=N           or  VM-VERDICT kernel-complained commands=N
"""

import json
import subprocess
import sys

COMPLAINTS = ("BUG:", "Oops", "WARNING:", "Call Trace", "general protection", "soft lockup")


def shell(text, seconds):
    process = subprocess.Popen(["/bin/bash", "-c", text], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        out, _ = process.communicate(timeout=seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        status = 124
    return {"status": status, "out": out.decode(errors="replace")}


def kernel_complaints():
    log = subprocess.run(["/bin/busybox", "dmesg"], stdout=subprocess.PIPE).stdout
    return [line for line in log.decode(errors="replace").splitlines()
            if any(word in line for word in COMPLAINTS)]


def main(device):
    count = 0
    with open(device, "rb", buffering=0) as rx, open(device, "wb", buffering=0) as tx:
        tx.write(b'{"hello": true}\n')
        data = b""
        while True:
            data += rx.read(4096) or b""
            while b"\n" in data:
                line, data = data.split(b"\n", 1)
                request = json.loads(line)
                if "finish" in request:
                    bad = kernel_complaints()
                    for text in bad:
                        print("VM-KERNEL " + text, flush=True)
                    print(f"VM-VERDICT {'kernel-complained' if bad else 'ok'} "
                          f"commands={count}", flush=True)
                    return
                count += 1
                answer = shell(request["shell"], request["seconds"])
                tx.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
