# SPDX-License-Identifier: Apache-2.0
# The table of make.sh as a completion of zsh.
function quoted(text) {
	gsub(/'/, "'\\''", text)
	return text
}
function help(text) {
	gsub(/\\|\[|\]|:/, "\\\\&", text)
	return quoted(text)
}
function action(kind) {
	if (kind ~ /^words/)
		return "(" substr(kind, 7) ")"
	return kind == "file" ? "_files" : kind == "dir" ? "_files -/" : ""
}
$1 == "command" { commands = commands " \\\n\t\t\t'" $2 ":" help($3) "'" }
$1 == "operand" {
	order[++n] = $2
	if ($4 ~ /^words/)
		operand[$2] = " \\\n\t\t\t'1:operand:" action($4) "' '*:file:_files'"
	else if ($4 != "nothing")
		operand[$2] = " \\\n\t\t\t'*:operand:" action($4) "'"
}
$1 == "option" && $4 == "nothing" { options[$2] = options[$2] " \\\n\t\t\t'--" $3 "[" help($5) "]'" }
$1 == "option" && $4 != "nothing" { options[$2] = options[$2] " \\\n\t\t\t'--" $3 "=[" help($5) "]:value:" action($4) "'" }
END {
	name = program
	gsub(/-/, "_", name)
	print "#compdef " program
	print "# SPDX-License-Identifier: Apache-2.0"
	print "_" name "() {"
	print "\tlocal curcontext=$curcontext state line"
	print "\t_arguments -C '(- *)--help[list the commands]' '(- *)--version[tell the version]' \\"
	print "\t\t'1:command:->command' '*::argument:->argument'"
	print "\tcase $state in"
	print "\tcommand)"
	print "\t\tlocal -a commands"
	print "\t\tcommands=(" substr(commands, 2) ")"
	print "\t\t_describe command commands ;;"
	print "\targument)"
	print "\t\tcase $words[1] in"
	for (i = 1; i <= n; i++)
		print "\t\t" order[i] ")\n\t\t\t_arguments" options[order[i]] operand[order[i]] " ;;"
	print "\t\tesac ;;"
	print "\tesac"
	print "}"
	print "_" name " \"$@\""
}
