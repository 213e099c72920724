#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# man.sh O: the pages are clean mdoc, and pages, --help, keys of the configuration and code table say the same.
set -u
cd "$(dirname "$0")/.." || exit 1
O=$1
# shellcheck source=test/count.bash
. test/count.bash
same() { # A B: two lists of lines
	diff <(sort -u <<<"$1") <(sort -u <<<"$2")
}

# mandoc looks for other projects' pages in the system; which are installed here is no matter of ours.
for page in "$O"/man/*.[0-9]; do
	if command -v mandoc >/dev/null; then
		complaints=$(mandoc -T lint -W all "$page" 2>/dev/null | grep -v 'referenced manual not found')
		check "$complaints" [ -z "$complaints" ]
	else
		skipped=$((skipped + 1))
		echo "man: $page: mandoc is not installed"
	fi
	if command -v groff >/dev/null; then
		complaints=$(groff -mdoc -ww -z -T utf8 "$page" 2>&1)
		check "$complaints" [ -z "$complaints" ]
	fi
	check "$page does not refer to the overview" grep -qE '^\.(Xr cgpu 7|Dt CGPU 7)' "$page"
	strange=$(comm -23 <(sed -nE '/^\.Xr/d; s/^(.*[^a-z-])?codes? ([0-9]+).*/\2/p' "$page" | sort -u) \
		<(sed -nE 's/^CODE\(([0-9]+),.*/\1/p' lib/code.def | sort -u))
	check "$page tells of codes that are not there: $strange" [ -z "$strange" ]
	check "$page: a placeholder is left" [ -z "$(grep -E '@[A-Za-z_]+@' "$page")" ]
	while read -r name section; do
		check "$page refers to $name($section), which is not there" [ -e "$O/man/$name.$section" ]
	done < <(sed -nE 's/^\.Xr (cgpu[a-z.-]*) ([0-9]).*/\1 \2/p' "$page")
done

check 'cgpu(7) does not name every page' same "$(cd man && printf '%s\n' *.[0-9] | grep -vx cgpu.7)" \
	"$(sed -nE 's/^\.(It )?Xr (cgpu[a-z.-]*) ([0-9]).*/\2.\3/p' man/cgpu.7 | grep -vx cgpu.7)"
codes=$(grep -oE '^CODE\([0-9]+, [A-Z_0-9]+, "[a-z0-9-]+"' lib/code.def | sed -E 's/CODE\(([0-9]+), [^"]*"(.*)"/\1 \2/')
check 'cgpu-codes(7) and lib/code.def differ' \
	same "$codes" "$(sed -nE 's/^\.It ([0-9]+) Pq (.*)/\1 \2/p' "$O/man/cgpu-codes.7")"

# The keys that the page describes, and those of the sample, each with its section.
page_keys=$(sed -nE -e 's/^\.Ss The (.*) sections?$/[\1]/p' -e 's/^\.It Ic ([a-z-]+) Li =.*/\1/p' man/cgpu.conf.5)
sample_keys=$(sed -nE -e 's/^(# )?(\[.*)/\2/p' -e 's/^# ([a-z-]+) =.*/\1/p' "$O/packaging/cgpu.conf")
check 'cgpu.conf(5) and packaging/cgpu.conf differ' [ "$page_keys" = "$sample_keys" ]

# The project's own claims: each in the source has an item on the page, and no item is of another.
claims=$(grep -rohE 'x-cgpu-[a-z0-9-]+' attest spec)
check 'cgpu-token(7) and the claims in the source differ' \
	same "$claims" "$(sed -nE 's/^\.It Li (x-cgpu-[a-z0-9-]+)$/\1/p' man/cgpu-token.7)"
check 'cgpu-token(7) tells of a claim that is not there' \
	same "$claims" "$(grep -ohE 'x-cgpu-[a-z0-9-]*[a-z0-9]' man/cgpu-token.7)"

# What the programs say about themselves.
shown_keys=$("$O/cgpu" config show | sed -nE -e '/^\[exempt /d; s/^(\[.*)/\1/p' -e 's/^([a-z-]+) =.*/\1/p')
check 'cgpu.conf(5) and cgpu config show differ' [ "${page_keys%%"[exempt"*}" = "$shown_keys"$'\n' ]
page_of() { # PROGRAM COMMAND: its part of OPTIONS
	awk -v start=".Ss $1 $2" '/^\.S[sh]/ { inside = $0 == start } inside' "man/$1.1"
}
options_of_page() { sed -nE 's/^\.It Fl -([a-z-]+).*/\1/p'; }
options_of_help() { sed -nE 's/^  --([a-z-]+).*/\1/p'; }
for program in cgpu cgpu-cdi; do
	commands=$("$O/$program" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
	check "$program(1) and $program --help know other commands" \
		same "$commands" "$(sed -n '/^\.Sh DESC/,/^\.Sh OPT/p' "man/$program.1" | sed -nE 's/^\.It Cm ([a-z]+)/\1/p')"
	for command in $commands; do
		check "$program(1) and $program $command --help differ" \
			same "$(page_of $program "$command" | options_of_page)" "$("$O/$program" "$command" --help | options_of_help)"
	done
done
# Completions: the options that bash would offer, and those that stand in the files of the other shells.
offered_by_bash() { # PROGRAM WORD...
	bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}" 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' \
		- "$O/completions/bash/$1" "$@"
}
for program in cgpu cgpu-cdi; do
	commands=$("$O/$program" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
	check "bash completes other commands of $program" same "$commands" "$(offered_by_bash $program '' | grep -v ^--)"
	check "zsh completes other commands of $program" \
		same "$commands" "$(sed -nE "s/^\t\t\t'([a-z]+):.*/\1/p" "$O/completions/zsh/_$program")"
	check "fish completes other commands of $program" \
		same "$commands" "$(sed -nE 's/.* -n __fish_use_subcommand -a ([a-z]+) .*/\1/p' "$O/completions/fish/$program.fish")"
	for command in $commands; do
		options=$("$O/$program" "$command" --help | options_of_help; echo help)
		check "bash completes other options of $program $command" \
			same "$options" "$(offered_by_bash $program "$command" -- | cut -c3-)"
		check "zsh completes other options of $program $command" \
			same "$options" "$(awk -v start="$command)" '/^\t\t[a-z]+\)$/ { inside = $1 == start } inside' "$O/completions/zsh/_$program" |
				sed -nE "s/^\t\t\t'--([a-z-]+).*/\1/p")"
		check "fish completes other options of $program $command" \
			same "$options" "$(sed -nE "s/.*_from $command' -l ([a-z-]+).*/\1/p" "$O/completions/fish/$program.fish")"
	done
	for file in "zsh/_$program" "fish/$program.fish"; do
		command -v "${file%%/*}" >/dev/null || continue
		check "completions/$file is not understood" "${file%%/*}" -n "$O/completions/$file"
	done
done
check 'bash completes other codes' same "$(cut -d' ' -f2 <<<"$codes")" "$(offered_by_bash cgpu explain '')"
check 'cgpu explain says something else' \
	same "$codes" "$("$O/cgpu" explain | sed -nE 's/^ *([0-9]+)  ([a-z0-9-]+):.*/\1 \2/p')"
check 'cgpu-hook(8) and cgpu-hook --help differ' \
	same "$("$O/cgpu-hook" --help | grep -oE -- '--[a-z]+' | cut -c3-)" \
	"$(sed -nE 's/^\.It Fl -(.*)/\1/p' man/cgpu-hook.8 | sed 's/ Ns .*//; s/ , -/\n/g')"
finish
