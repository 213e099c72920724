#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make.sh bash|zsh|fish PROGRAM: the completion for that shell, made of what the program's --help says. When it is used, it
# calls no program: a key pressed must not ask a driver or a network. RUN in the environment goes in front of PROGRAM.
set -eu
here=$(dirname "$0")
shell=$1 program=$2

ask() {
	# shellcheck disable=SC2086 # a command with its arguments
	${RUN-} "$program" "$@"
}

# Lines of fields between tabs: "command", its name, summary; "operand" or "option", command, name or "-", what follows, help.
# What follows an option or a command: "nothing", "text", "file", "dir", or "words" and these. After such a word come files.
table() {
	local command
	ask --help | sed -nE 's/^  ([a-z]+) +(.*)/command\t\1\t\2/p'
	for command in $(ask --help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
		ask "$command" --help | awk -v command="$command" -v codes="$(codes "$command")" '
		function follows(argument,    n, i, alternative, words) {
			if (argument == "CODE" && codes != "")
				return "words " codes
			n = split(argument, alternative, "|")
			for (i = 1; i <= n; i++)
				if (alternative[i] ~ /^[a-z]/)
					words = words " " substr(alternative[i], 1, match(alternative[i] " ", " ") - 1)
			if (words != "")
				return "words" words
			if (argument ~ /^DIR/)
				return "dir"
			return argument ~ /FILE/ ? "file" : argument == "" ? "nothing" : "text"
		}
		/^usage: / {
			sub(/^usage: [^ ]+ [^ ]+( \[OPTION\]\.\.\.)? ?/, "")
			if ($0 !~ /^[a-z]/)
				gsub(/[][]/, "")
			print "operand\t" command "\t-\t" follows($0) "\t"
		}
		match($0, /^  --[a-z-]+/) {
			name = substr($0, 5, RLENGTH - 4)
			rest = substr($0, RLENGTH + 1)
			argument = ""
			if (match(rest, /^ [^ ]+/))
				argument = substr(rest, 2, RLENGTH - 1)
			rest = substr(rest, RLENGTH > 0 ? RLENGTH + 1 : 1)
			sub(/^ +/, "", rest)
			print "option\t" command "\t" name "\t" follows(argument) "\t" rest
		}'
		printf 'option\t%s\thelp\tnothing\tprint this and end\n' "$command"
	done
}

# The names that `cgpu explain` takes.
codes() {
	[ "$1" != explain ] || ask explain | sed -nE 's/^ *[0-9]+  ([a-z0-9-]+):.*/\1/p' | tr '\n' ' '
}

name=${program##*/}
table | awk -F '\t' -v program="$name" -f "$here/$shell.awk"
