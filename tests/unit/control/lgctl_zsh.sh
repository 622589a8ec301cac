#!/usr/bin/env zsh
# SPDX-License-Identifier: BSD-3-Clause
#
# lgctl's completion in zsh: lgctl_zsh.sh LGCTL COMPLETION. What belongs to zsh's line editor is
# replaced by what prints.
program=$1
completion=$2
passed=0 failed=0 nl=$'\n'
compadd() { shift; print -r -- "$@" }
_files() { print -r -- "files $*" }
_describe() { print -rl -- $list }
lgctl() {
	case "$*" in
	('tunnel list') printf 'NAME  STATE\ndc    up\n$(touch${IFS}owned) up\ndepot up\n' ;;
	('alarm explain') printf 'no-key: critical, at tunnel/NAME\n  cause:  x.\n\nno-light: major, at link/NAME\n' ;;
	('--socket /s tunnel list') printf 'NAME  STATE\nelsewhere up\n' ;;
	esac
}

complete_line() {
	words=("$@")
	CURRENT=$#
	source $completion
}

expect() { # WANTED WORD...
	local wanted=$1 got
	shift
	got=$(complete_line "$@")
	if [[ $got == $~wanted ]]; then
		(( passed += 1 ))
	else
		(( failed += 1 ))
		print -r -- "$*: \"$got\" instead of \"$wanted\""
	fi
}

$program --help | sed -n 's/^       //p' | while read -r noun verb rest; do
	expect "(|* )$noun(| *)" lgctl ''
	[[ $verb == [a-z]* ]] && expect "(|*$nl)$verb:[A-Z]*" lgctl $noun ''
done
expect '--socket --json --help --version' lgctl -
expect "list:*${nl}show:*${nl}rekey:Rekey a tunnel now." lgctl --json tunnel ''
expect "*${nl}baseline:The file of what the monitors learnt\\\\: *" lgctl watch ''
expect 'dc depot' lgctl tunnel rekey ''
expect 'elsewhere' lgctl --socket /s tunnel rekey ''
expect 'no-key no-light' lgctl alarm ack ''
expect 'lan wan' lgctl capture start --port ''
expect '--port --direction *' lgctl capture start --port wan ''
expect 'list add set remove unlock' lgctl kms sae ''
expect 'files ' lgctl config set ''
expect 'files -/' lgctl doctor --root ''
expect 'files ' lgctl --socket ''
print "$passed passed, $failed failed"
(( failed == 0 && passed > 60 ))
