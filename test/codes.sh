#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# codes.sh: every exit code is given by a program and wanted by a test that provokes its cause. A test wants it by its constant
# or name in C, or in bats as what a status, a code or a helper that compares one is. A code that a test itself puts into an
# error, a step or a list, to see what becomes of it, was not provoked.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/count.bash
. test/count.bash
own='err_set\(|err_wrap\(|steps_(add|fail)\(|finding_[a-z]+\(|frame_put_u32\(|\.code = CODE_'
# In bats: `-eq 20`, `= 20`, `code 20`, `code: 20`, `refused runc 20`, and rows of tables whose first or second word it is.
wanted() { # NUMBER CONSTANT NAME
	grep -rhE --include='*.[ch]' --exclude=test_err.c --exclude=test_log.c "\bCODE_$2\b|\"$3[\" ]" test/unit | grep -vE "$own" | grep -q . && return
	grep -rhE --include='*.bats' "\b$1\b" test/bats test/system | grep -vE '^[[:space:]]*#' | grep -qE \
		"(-eq|=|code|code:|status|refused [a-z\$\"]+|refuses|refused|never_set|starts_observed|ends|finds|fails|row) '?\"?$1\b|^[[:space:]]*'?[^ ]+ $1 $3\b|\b$1 $3\b|^[[:space:]]+$1 --?[a-z]"
}
while read -r number constant name; do
	[ "$constant" != INTERNAL ] || continue # a fault of the program: what is found of them is mended
	check "$number ($name): no program gives it" \
		grep -rqE --include='*.[ch]' "\bCODE_$constant\b" lib spec attest hook cdi
	check "$number ($name): no test wants it" wanted "$number" "$constant" "$name"
done < <(sed -nE 's/^CODE\(([0-9]+), ([A-Z_0-9]+), "([a-z0-9-]+)".*/\1 \2 \3/p' lib/code.def)
check 'lib/code.def was not read' [ $passed -gt 100 ]
finish
