#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The page lgctl(1): lgctl_man.sh LGCTL PAGE. groff has nothing to complain of, and every command is there.
set -u
failed=0 commands=0
warnings=$(groff -man -Tutf8 -ww -z "$2" 2>&1)
[ -z "$warnings" ] || {
	failed=1
	echo "$warnings"
}
# Unbroken lines without escapes of a terminal, one blank between words, as --help has it.
page=$(groff -man -Tascii -P-c -P-b -P-u -rLL=2000n "$2" | tr -s ' ' | sed 's/^ //')
while read -r line; do
	((commands += 1))
	grep -qE -- "^$(sed 's/[][|.]/\\&/g' <<<"$line")( [A-Z]|\$)" <<<"$page" || {
		failed=1
		echo "$line: not in the page"
	}
done < <("$1" --help | sed -n 's/^       //p')
for section in NAME SYNOPSIS OPTIONS COMMANDS 'EXIT STATUS' FILES; do
	grep -qx "$section" <<<"$page" || {
		failed=1
		echo "$section: no such section"
	}
done
for status in 0 1 2 3; do
	grep -qE "^$status [A-Z]" <<<"$page" || {
		failed=1
		echo "exit status $status: not in the page"
	}
done
[ "$failed" -eq 0 ] && [ "$commands" -gt 50 ]
