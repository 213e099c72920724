# SPDX-License-Identifier: Apache-2.0
# Makes the list of cgpu-codes(7) from lib/code.def: awk -f codes.awk lib/code.def PAGE, with the list in place of @CODES@.
# One sentence, in lines of at most 78 bytes.
function text(s,    word, n, i, line, out) {
	gsub(/\\/, "\\e", s)
	gsub(/`/, "\\(ga", s)
	n = split(s ".", word, " ")
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line) + length(word[i]) > 77) {
			out = out line "\n"
			line = ""
		}
		line = line (line == "" ? "" : " ") word[i]
	}
	return out line "\n"
}

FNR == NR && /^\/\* [0-9]+-[0-9]+ / {
	sub(/^\/\* /, "")
	sub(/ \*\/$/, "")
	title = $0
	sub(/-/, "\\(en", title)
	list = list ".El\n.Ss " title "\n.Bl -tag -width 4n\n"
}
FNR == NR && /^CODE\(/ { entry = ""; open = 1 }
FNR == NR && open {
	entry = entry $0
	if (!/\)$/)
		next
	open = 0
	if (split(entry, part, "\"") != 11) {
		print "codes.awk: not understood: " entry >"/dev/stderr"
		exit 1
	}
	split(entry, number, /[(,]/)
	list = list ".It " number[2] " Pq " part[2] "\n" text(part[4]) ".br\n" text(part[6])
	if (part[8] != "")
		list = list ".br\nnvattest: " part[8] ".\n"
	if (part[10] != "")
		list = list ".br\n" text("cc_admin: " part[10])
}
FNR == NR { next }
/^@CODES@$/ { printf ".Bl -tag -width 4n\n%s.El\n", list; next }
{ print }
