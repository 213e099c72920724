# SPDX-License-Identifier: Apache-2.0
# The table of make.sh as a completion of bash, which needs nothing of the bash-completion package but its folder.
function reply(kind,    words) {
	words = kind
	sub(/^words /, "", words)
	if (kind ~ /^words/)
		return "mapfile -t COMPREPLY < <(compgen -W '" words "' -- \"$cur\")"
	if (kind == "file" || kind == "dir")
		return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -" substr(kind, 1, 1) " -- \"$cur\")"
	return ":"
}
$1 == "command" { commands = commands $2 " " }
$1 == "operand" { operand[$2] = $4 }
$1 == "option" {
	options[$2] = options[$2] "--" $3 " "
	if ($4 != "nothing")
		values = values "\t'" $2 " --" $3 "') " reply($4) "; return ;;\n"
}
END {
	name = program
	gsub(/-/, "_", name)
	print "# SPDX-License-Identifier: Apache-2.0"
	print "_" name "() {"
	print "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} first=2"
	print "\tCOMPREPLY=()"
	print "\tif [ \"$COMP_CWORD\" -eq 1 ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W '" commands "--help --version' -- \"$cur\")"
	print "\t\treturn"
	print "\tfi"
	print "\t# --option=value is three words here."
	print "\tif [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi"
	print "\tcase \"$command $prev\" in"
	printf "%s", values
	print "\tesac"
	print "\twhile [[ ${COMP_WORDS[first]} == -* && $first -lt $COMP_CWORD ]]; do ((first++)); done"
	print "\tcase $command in"
	n = split(commands, command, " ")
	for (i = 1; i <= n; i++) {
		print "\t" command[i] ")"
		print "\t\tif [[ $cur == -* ]]; then"
		print "\t\t\tmapfile -t COMPREPLY < <(compgen -W '" options[command[i]] "' -- \"$cur\")"
		if (operand[command[i]] ~ /^words/) {
			print "\t\telif [ \"$COMP_CWORD\" -gt \"$first\" ]; then"
			print "\t\t\t" reply("file")
		}
		print "\t\telse"
		print "\t\t\t" reply(operand[command[i]])
		print "\t\tfi ;;"
	}
	print "\tesac"
	print "}"
	print "complete -F _" name " " program
}
