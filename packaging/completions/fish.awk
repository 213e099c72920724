# SPDX-License-Identifier: Apache-2.0
# The table of make.sh as a completion of fish.
function quoted(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/'/, "\\'", text)
	return "'" text "'"
}
function takes(kind) {
	if (kind ~ /^words/)
		return " -x -a " quoted(substr(kind, 7))
	return kind == "file" ? " -r -F" : kind == "dir" ? " -x -a '(__fish_complete_directories)'" : kind == "text" ? " -x" : ""
}
BEGIN {
	print "# SPDX-License-Identifier: Apache-2.0"
	print "complete -c " program " -f"
	print "complete -c " program " -n __fish_use_subcommand -l help -d 'list the commands'"
	print "complete -c " program " -n __fish_use_subcommand -l version -d 'tell the version'"
}
{ seen = "complete -c " program " -n '__fish_seen_subcommand_from " $2 "'" }
$1 == "command" { print "complete -c " program " -n __fish_use_subcommand -a " $2 " -d " quoted($3) }
$1 == "operand" && $4 ~ /^words/ { print seen " -a " quoted(substr($4, 7)) }
$1 == "operand" && ($4 == "file" || $4 ~ /^words/) { print seen " -F" }
$1 == "operand" && $4 == "dir" { print seen takes($4) }
$1 == "option" { print seen " -l " $3 takes($4) " -d " quoted($5) }
