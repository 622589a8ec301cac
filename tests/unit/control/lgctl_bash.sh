#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lgctl's completion in bash: lgctl_bash.sh LGCTL COMPLETION
set -u
program=$1
# shellcheck disable=SC1090
source "$2" || exit 1
passed=0 failed=0 order=cat

# What follows the words, the last of which is being typed.
complete_line() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_lgctl
	printf '%s\n' "${COMPREPLY[@]}"
}

expect() { # WANTED WORD...
	local wanted=$1 got
	shift
	got=$(complete_line "$@" | $order | tr '\n' ' ')
	if [ "${got% }" = "$wanted" ]; then
		((passed += 1))
	else
		((failed += 1))
		printf '%s: "%s" instead of "%s"\n' "$*" "${got% }" "$wanted"
	fi
}

# What a gateway would say, one name of which is no name.
lgctl() {
	case "$*" in
	'tunnel list') printf 'NAME  STATE\ndc    up\n$(touch${IFS}owned) up\ndepot up\n' ;;
	'--socket /s tunnel list') printf 'NAME  STATE\nelsewhere up\n' ;;
	'alarm explain') printf 'no-key: critical, at tunnel/NAME\n  cause:  x.\n\nno-light: major, at link/NAME\n' ;;
	methods) printf 'METHOD  ACCESS\nstatus  read\nsa_list  read\n' ;;
	esac
}

# Every command that lgctl has: its noun, its verb.
while read -r noun verb rest; do
	expect "$noun" lgctl "$noun"
	case $verb in
	'' | [a-z]*) ;;
	*) verb='' ;;
	esac
	[ -z "$verb" ] || complete_line lgctl "$noun" '' | grep -qx -- "$verb" || {
		((failed += 1))
		echo "$noun $verb is not there"
	}
done < <("$program" --help | sed -n 's/^       //p')

folder=$(mktemp -d) && cd "$folder" || exit 1
touch 'a.json' 'b c.json' && mkdir down
expect 'list show rekey' lgctl tunnel ''
expect 'tunnel' lgctl tu
expect '' lgctl dance ''
expect '--socket --json --help --version' lgctl -
expect 'rekey' lgctl --json --socket /s tunnel re
expect 'dc depot' lgctl tunnel rekey ''
expect 'elsewhere' lgctl --socket /s tunnel rekey ''
expect 'dc depot' lgctl sa list d
expect 'sa_list' lgctl rpc sa
expect 'no-key no-light' lgctl alarm explain ''
expect 'no-light' lgctl --socket /s alarm shelve --kind no-l
expect '--kind --resource' lgctl alarm history ''
expect '--port --direction --filter --snap-length --file --file-size-max --files --packets --seconds' \
	lgctl capture start ''
expect 'lan wan' lgctl capture start --port ''
expect 'tx' lgctl capture start --port wan --direction t
expect '' lgctl capture start --port wan --packets ''
expect 'list add set remove unlock' lgctl kms sae ''
expect '--skip' lgctl kms sae set APP --sk
expect 'true false' lgctl kms sae set APP --skip ''
expect 'show approve clear' lgctl otdr baseline ''
expect '--traces' lgctl otdr baseline approve ''
expect 'err warning info debug' lgctl log set link ''
order=sort # of files
expect 'a.json b c.json down' lgctl config set ''
expect 'a.json b c.json down' lgctl --socket ''
expect 'down' lgctl doctor --root ''
[ ! -e owned ] || {
	((failed += 1))
	echo "a tunnel's name was executed"
}
cd / && rm -r "$folder"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 60 ]
