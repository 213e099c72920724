#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cgpu-cdi: specifications in the vendor's shape, and what is refused of them.

load helpers

HOOK=$ROOT/libexec/oci/hooks.d/cgpu-hook

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	"$BATS_TEST_DIRNAME/../cdi-specs.sh" specs
}

# spec KIND [MEMBERS-OF-EDITS]: a small one with a device that needs nothing.
spec() {
	cat <<-END
	{"cdiVersion":"0.3.0","kind":"$1","containerEdits":{${2-}},"devices":[{"name":"all","containerEdits":{"env":["A=b"]}}]}
	END
}

# refused CODE TEXT COMMAND...: nothing on standard output, one line on standard error.
refused() {
	local code=$1 text=$2
	shift 2
	run -"$code" --separate-stderr "$@"
	echo "$stderr"
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$text"*"code $code]" ]]
}

bats_require_minimum_version 1.5.0

# id FILE: that of its gate. without_id [FILE]: the text with all IDs alike.
id() {
	grep -oE -- '--cdi=[0-9a-f]{32}\b' "$1"
}

absent() {
	if grep -q "$@"; then return 1; fi
}

without_id() {
	sed -E 's/--cdi=[0-9a-f]{32}/--cdi=ID/' "$@"
}

@test "guard, generate: an ID for each file, kept when it is written again" {
	spec nvidia.com/gpu >a.json
	cgpu-cdi guard --output one a.json
	cgpu-cdi guard --output two a.json
	[ "$(id one | wc -l)" -eq 1 ]
	[ "$(id one)" != "$(id two)" ]
	[ "$(cgpu-cdi guard a.json | id -)" != "$(cgpu-cdi guard a.json | id -)" ]
	# A file that another tool wrote again gets the ID of what it replaces.
	before=$(id one)
	spec nvidia.com/gpu '"env":["B=c"]' >b.json
	run -0 cgpu-cdi guard --output one b.json
	[ "$(id one)" = "$before" ]
	grep -q B=c one
	# Its own goes with it where nothing is there.
	cgpu-cdi guard --output three one
	[ "$(id three)" = "$before" ]
	cgpu-cdi guard --in-place one
	[ "$(id one)" = "$before" ]
}

@test "guard --in-place: calls of an earlier version get an ID, those of other vendors too" {
	mkdir a
	spec nvidia.com/gpu | cgpu-cdi guard | sed -E 's/--cdi=[0-9a-f]+/--cdi/' >a/gpu.json
	spec example.com/nic | cgpu-cdi guard | sed -E 's/--cdi=[0-9a-f]+/--cdi/' >a/nic.json
	spec example.com/none >a/none.json
	run -240 cgpu-cdi check --engines '' --spec-dirs a
	[[ $output == *"a/gpu.json: cdi-gate-id: "*" [code 240]"* ]]
	bash -c "$(sed -n 's/^  run: //p' <<<"$output")"
	cgpu-cdi check --engines '' --spec-dirs a
	run -0 cgpu-cdi guard --in-place a
	[ "$output" = 'a/nic.json: gated' ]
	[ "$(cat a/gpu.json a/nic.json | id - | sort -u | wc -l)" -eq 2 ]
	run -0 cgpu-cdi guard --in-place a
	[ -z "$output" ]
	[ "$(<a/none.json)" = "$(spec example.com/none)" ]
}

@test "guard: the vendor's specifications; a second run changes nothing" {
	for file in specs/*; do
		cgpu-cdi guard "$file" >once
		cgpu-cdi guard once >twice
		cmp once twice
		rm -f thrice
		cgpu-cdi guard --output thrice "$file"
		diff <(without_id once) <(without_id thrice)
		[ "$(stat -c %a thrice)" = 644 ]
		cgpu-cdi guard <"$file" | without_id | diff - <(without_id once)
		[ "$(head -c 1 once)" = "$(head -c 1 "$file" | sed 's/[#]/-/')" ]
	done
}

@test "guard: the call as the hook knows it, and nothing else changed, as another reader sees it" {
	python3 -c 'import yaml' 2>/dev/null || skip 'no python3-yaml'
	for file in specs/*; do
		cgpu-cdi guard "$file" >gated
		HOOK=$HOOK python3 - "$file" gated <<-'END'
		import os, re, sys, yaml
		was, now = (yaml.safe_load(open(name)) for name in sys.argv[1:])
		gate = now["containerEdits"]["hooks"].pop(0)
		assert re.fullmatch("--cdi=[0-9a-f]{32}", gate["args"].pop())
		assert gate == {"hookName": "createRuntime", "path": os.environ["HOOK"], "args": ["cgpu-hook", "createRuntime"],
		    "env": ["LC_ALL=C"], "timeout": 30}
		assert now["containerEdits"]["env"].pop() == "CGPU_ATTESTATION_ENV_FILE=/run/cgpu/attestation.env"
		assert now == was, (now, was)
		END
	done
}

@test "guard: every result follows the schema, ours and, where it is at hand, the published one" {
	python3 -c 'import yaml, jsonschema' 2>/dev/null || skip 'no python3-yaml or python3-jsonschema'
	for file in specs/*; do
		for format in yaml json; do
			cgpu-cdi guard --format $format "$file" >"gated-${file#specs/}.$format"
		done
	done
	python3 - "$BATS_TEST_DIRNAME/../cdi.schema.json" "$SAMPLES/schemas/cdi/schema.json" gated-* <<-'END'
	import json, os, sys, yaml, jsonschema
	checks = []
	for name in filter(os.path.exists, sys.argv[1:3]):
	    schema = json.load(open(name))
	    checks.append(jsonschema.Draft7Validator(schema, resolver=jsonschema.RefResolver("file://" + os.path.abspath(name), schema)))
	for name in sys.argv[3:]:
	    gated = yaml.safe_load(open(name))
	    for check in checks:
	        check.validate(gated)
	    gated["containerEdits"]["hooks"][0]["hookname"] = "x"
	    assert not checks[0].is_valid(gated)
	assert len(sys.argv) > 10
	END
}

@test "guard: from one form to the other and back" {
	for file in specs/*; do
		cgpu-cdi guard --format json "$file" >one
		jq -e --arg hook "$HOOK" '.containerEdits.hooks[0].path == $hook' one
		cgpu-cdi guard --format yaml one >other
		cgpu-cdi guard --format json other | cmp - one
	done
}

@test "guard --in-place: the GPUs of a directory, and no others" {
	spec example.com/nic >specs/nic.json
	spec example.com/gpu '"deviceNodes":[{"path":"/dev/x","type":"c","major":195,"minor":0}]' >specs/own.json
	cp specs/nic.json specs/nvidia.yml
	cp -r specs before
	run -0 cgpu-cdi guard --in-place specs
	[ "${#lines[@]}" -eq 7 ]
	cmp specs/nic.json before/nic.json
	cmp specs/nvidia.yml before/nvidia.yml
	for file in index.yaml uuid.yaml mig.yaml coherent.yaml anchors.yaml index.json own.json; do
		grep -qF "$HOOK" "specs/$file"
	done
	stat -c '%n %i %y' specs/* >stamps
	run -0 cgpu-cdi guard --in-place specs
	[ -z "$output" ]
	stat -c '%n %i %y' specs/* | cmp - stamps
	[ "$(find specs -type f | wc -l)" -eq 9 ]
	run -0 cgpu-cdi guard --in-place before/index.yaml
	diff <(without_id before/index.yaml) <(without_id specs/index.yaml)
}

@test "guard --in-place: a bad file does not keep the others from being gated" {
	echo '{' >specs/bad.json
	run -121 cgpu-cdi guard --in-place specs
	grep -qF "$HOOK" specs/index.yaml
	[ "$(cat specs/bad.json)" = '{' ]
	ln -s index.yaml specs/link.yaml
	rm specs/bad.json
	run -121 cgpu-cdi guard --in-place specs
	[ -L specs/link.yaml ]
}

@test "guard: from the directory of another tool into that of the engines" {
	spec example.com/nic >specs/nic.json
	cp -r specs before
	cgpu-cdi guard --output out specs
	diff -r specs before
	[ ! -e out/nic.json ]
	for file in index.yaml uuid.yaml mig.yaml coherent.yaml anchors.yaml index.json; do
		cgpu-cdi guard "specs/$file" | without_id | diff - <(without_id "out/$file")
	done
	stat -c '%n %i %y' out out/* >stamps
	run -0 cgpu-cdi guard --output out specs
	[ -z "$output" ]
	stat -c '%n %i %y' out out/* | cmp - stamps
	# What becomes bad there does not take away what stands here, nor keep the others back.
	echo '{' >specs/index.yaml
	sed -i s/570.86.10/580.65.06/ specs/uuid.yaml
	run -121 cgpu-cdi guard --output out specs
	[[ $output == *'out/uuid.yaml: gated'* && $output == *'specs/index.yaml: CDI specification: JSON:'* ]]
	cgpu-cdi guard before/index.yaml | without_id | diff - <(without_id out/index.yaml)
	mkdir empty
	run -0 cgpu-cdi guard --output out empty
	[ "$output" = 'empty: no CDI specification is there' ]
	refused 2 'specs/uuid.yaml/x: mkdir: ENOTDIR' cgpu-cdi guard --output specs/uuid.yaml/x before
}

@test "guard: what is refused, and leaves everything as it was" {
	printf 'cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: no\n  containerEdits: {env: [A=b]}\n' >no.yaml
	refused 121 "no.yaml: CDI specification: YAML: line 4: 'no' without quotes" cgpu-cdi guard no.yaml
	refused 121 'standard input: CDI specification: YAML: no document' cgpu-cdi guard </dev/null
	refused 121 "'later': no version of CDI" cgpu-cdi guard - <<<"$(spec a/b '"later":1')"
	refused 121 "'<<': no version" cgpu-cdi guard - <<<"$(spec a/b '"<<":{}')"
	refused 121 'a merge key' cgpu-cdi guard - <<<$'a: &x {b: c}\nd:\n  <<: *x'
	refused 121 'JSON: syntax error' cgpu-cdi guard - <<<'{kind: a/b}'
	refused 121 'a second document' cgpu-cdi guard - <<<$'--- a\n--- b'
	refused 121 'a tag' cgpu-cdi guard - <<<'kind: !!str x'
	refused 121 'more than 1048576 bytes' cgpu-cdi guard - < <(head -c 1048577 /dev/zero)
	refused 2 'guard: nowhere/x: open of the directory: ENOENT' cgpu-cdi guard --output nowhere/x specs/index.yaml
	refused 2 'ENOENT' cgpu-cdi guard missing.yaml
	refused 2 'rewritten --in-place, or to the --output directory' cgpu-cdi guard specs
	refused 2 'no --output' cgpu-cdi guard --in-place --output x specs
	refused 2 'no --output' cgpu-cdi guard --in-place
	refused 2 'neither yaml nor json' cgpu-cdi guard --format text specs/index.yaml
	refused 2 'operands' cgpu-cdi guard specs/index.yaml specs/mig.yaml
	spec a/b >ours.json
	hook=$(cgpu-cdi guard --format json ours.json | jq -c '.containerEdits.hooks')
	jq --argjson hooks "$hook" '.devices[0].containerEdits.hooks = $hooks' ours.json >twice.json
	refused 121 'calls the hook by itself' cgpu-cdi guard twice.json
	[ "$(find . -name '*.yaml.*' -o -name '.*.*' | tr '\n' ' ')" = '' ]
	[ ! -e x ]
}

@test "guard: a failing write leaves the old file" {
	cp -r specs before
	# shellcheck disable=SC2016
	run -2 bash -c 'ulimit -f 0; cgpu-cdi guard --in-place specs/index.yaml 2>&1 | cat; exit "${PIPESTATUS[0]}"'
	[[ $output == *'write: EFBIG'* ]]
	diff -r specs before
}

# check TEXT-OF-EXPECTED-CODES: the exit status, and the codes of the findings, each once.
check() {
	local want=$1 count
	run -"${want%% *}" --separate-stderr cgpu-cdi check --engines '' --spec-dirs a:b --format json
	echo "$output"
	[ "$(jq -r '[.findings[].code] | unique | map(tostring) | join(" ")' <<<"$output")" = "${want#0}" ]
	[ "$(jq .code <<<"$output")" = "${want%% *}" ]
	count=$(jq '.findings | length' <<<"$output")
	run -"${want%% *}" cgpu-cdi check --engines '' --spec-dirs a:b
	[ "$(grep -c 'code 12.\]$' <<<"$output")" -eq "$count" ]
}

@test "check: one code per kind of finding, the worst is the exit status" {
	mkdir a b
	check 0
	spec example.com/nic >a/nic.json
	check 0
	spec nvidia.com/gpu >a/gpu.json
	check 120
	cgpu-cdi guard --in-place a
	check 0
	echo x >a/bad.yaml
	check 121
	rm a/bad.yaml
	cp a/gpu.json a/more.yaml
	check 122
	mv a/more.yaml b
	check 125
	rm a/gpu.json
	check 0
	spec nvidia.com/nic '"mounts":[{"hostPath":"/nowhere/libcuda.so.1.2","containerPath":"/x"}]' | cgpu-cdi guard >b/nic.json
	check 123
	spec nvidia.com/null '"deviceNodes":[{"path":"/dev/null","major":195,"minor":0}]' | cgpu-cdi guard >b/null.json
	check '123 124'
	spec nvidia.com/gpu >a/gpu.json
	check '123 124 125'
	spec management.nvidia.com/gpu >a/management.json
	check '120 123 124 125'
	jq -c '.kind = "nvidia.com/a.b"' a/management.json >a/management.json.new
	mv a/management.json.new a/management.json
	check '120 121 123 124 125'
}

@test "check: an engine that cannot read a file, and the command that mends it" {
	mkdir a
	spec nvidia.com/gpu | jq '.cdiVersion = "0.7.0" | .containerEdits.additionalGids = [44]' | cgpu-cdi guard >a/gpu.json
	cgpu-cdi check --spec-dirs a --engines podman=5.4.2
	run -241 cgpu-cdi check --spec-dirs a --engines podman=4.9.3,dockerd=26.1.5
	[ "$(grep -c 'code 241\]$' <<<"$output")" -eq 1 ]
	[[ $output == *'a/gpu.json: cdi-version: cdiVersion is 0.7.0, its members need 0.7.0: podman 4.9.3 reads up to 0.6.0'* ]]
	[[ $output == *'run: cgpu-cdi generate --output a/gpu.json'* ]]
	run -241 cgpu-cdi check --spec-dirs a --engines podman=4.9.3 --format json
	[ "$(jq -r '.findings[0].advice' <<<"$output")" = 'cgpu-cdi generate --output a/gpu.json' ]
	spec nvidia.com/gpu | cgpu-cdi guard | sed 's/0.3.0/0.7.0/' >a/gpu.json
	run -241 cgpu-cdi check --spec-dirs a --engines podman=4.9.3
	bash -c "$(sed -n 's/^  run: //p' <<<"$output")"
	cgpu-cdi check --spec-dirs a --engines podman=4.9.3
	refused 2 "--engines: want NAME=VERSION,..., have 'podman'" cgpu-cdi check --engines podman
}

@test "unguard: what guard did is undone, in every shape" {
	spec example.com/nic >specs/nic.json
	for file in specs/*; do
		cgpu-cdi guard --format json "$file" >gated
		cgpu-cdi unguard gated >bare
		absent -e cgpu-hook -e CGPU_ATTESTATION_ENV_FILE bare
		cgpu-cdi guard --format json bare | without_id | jq -S . | diff - <(without_id gated | jq -S .)
	done
	cp -r specs before
	cgpu-cdi guard --in-place specs
	cgpu-cdi guard --in-place specs/nic.json
	cp specs/nic.json specs/nic.yml
	run -0 cgpu-cdi unguard --in-place specs
	[ "${#lines[@]}" -eq 7 ]
	absent -r cgpu-hook specs --include='*.yaml' --include='*.json'
	grep -q cgpu-hook specs/nic.yml
	run -0 cgpu-cdi unguard --in-place specs
	[ -z "$output" ]
	run -0 cgpu-cdi unguard --output bare specs/nic.yml
	absent cgpu-hook bare
}

@test "unguard: what it does not understand stays as it is" {
	mkdir a
	spec nvidia.com/gpu | cgpu-cdi guard >a/gpu.json
	sed 's/createRuntime/poststop/' a/gpu.json >a/hand.json
	echo '{' >a/bad.json
	cp -r a before
	refused 121 'a/hand.json: hooks[0]: calls the hook as no version of cgpu-cdi does: edit the file by hand' \
		cgpu-cdi unguard --in-place a/hand.json
	run -121 cgpu-cdi unguard --in-place a
	[[ $output == *'a/gpu.json: ungated'* && $output == *'a/bad.json'* && $output == *'a/hand.json'* ]]
	diff a/hand.json before/hand.json
	diff a/bad.json before/bad.json
	absent cgpu-hook a/gpu.json
	spec nvidia.com/gpu | cgpu-cdi guard --format json | jq -c '.containerEdits.hooks' >hooks
	spec nvidia.com/gpu | jq --slurpfile hooks hooks '.devices[0].containerEdits.hooks = $hooks[0]' >device.json
	refused 121 'calls the hook by itself, want the call in the edits of the file alone: cgpu-cdi unguard takes it out' \
		cgpu-cdi guard device.json
	cgpu-cdi unguard device.json | cgpu-cdi guard | grep -q -- --cdi=
	refused 2 'no --output' cgpu-cdi unguard --in-place
	refused 2 'operands' cgpu-cdi unguard a b
}

# Whoever reads the directory finds the old file or the new one.
@test "unguard: a failing write leaves the old file" {
	cgpu-cdi guard --in-place specs/index.yaml
	cp -r specs before
	# shellcheck disable=SC2016
	run -2 bash -c 'ulimit -f 0; cgpu-cdi unguard --in-place specs/index.yaml 2>&1 | cat; exit "${PIPESTATUS[0]}"'
	[[ $output == *'write: EFBIG'* ]]
	diff -r specs before
}

@test "check: a specification whose gate is missing, and directories that are not there" {
	mkdir a
	spec nvidia.com/gpu | cgpu-cdi guard >a/gpu.json
	cgpu-cdi check --engines '' --spec-dirs a:nowhere
	mv "$HOOK" "$HOOK.away"
	run cgpu-cdi check --engines '' --spec-dirs a
	mv "$HOOK.away" "$HOOK"
	[ "$status" -eq 119 ]
	[[ $output == *"a/gpu.json: cdi-missing: hook $HOOK: ENOENT [code 123]"* ]]
	[[ $output == *"zz-cgpu.json: hooks-program: program $HOOK: ENOENT [code 119]"* ]]
	sed "s|$HOOK|/elsewhere/cgpu-hook|" a/gpu.json >a/gpu.json.new
	mv a/gpu.json.new a/gpu.json
	run -120 cgpu-cdi check --engines '' --spec-dirs a
	refused 121 'ENOTDIR' cgpu-cdi check --engines '' --spec-dirs a/gpu.json
	run -121 cgpu-cdi check --engines '' --spec-dirs a/gpu.json --format json
	[ "$(jq -r .name <<<"$output")" = cdi-spec ]
}

@test "check: the hook definition" {
	mkdir a
	run -0 cgpu-cdi check --engines '' --spec-dirs a --format json
	[ "$(jq -r '.definition.state, .definition.file' <<<"$output" | tr '\n' ' ')" = \
		"stands $ROOT/share/containers/oci/hooks.d/zz-cgpu.json " ]
	run -118 cgpu-cdi check --engines '' --spec-dirs a --hooks-dirs nowhere
	[[ $output == *'nowhere: hooks-definition: no definition calls the hook [code 118]'* ]]
	run -118 cgpu-cdi check --engines '' --spec-dirs a --hooks-dirs nowhere --format json
	[ "$(jq -r '.definition.state, .name, .findings[0].file' <<<"$output" | tr '\n' ' ')" = 'missing hooks-definition nowhere ' ]
	cgpu-cdi check --engines '' --spec-dirs a --hooks-dirs "nowhere:$ROOT/share/containers/oci/hooks.d:a"
	sed 's/true/false/' "$ROOT/share/containers/oci/hooks.d/zz-cgpu.json" >a/zz-cgpu.json
	run -118 cgpu-cdi check --engines '' --spec-dirs b --hooks-dirs "$ROOT/share/containers/oci/hooks.d:a"
	[[ $output == *'a/zz-cgpu.json: hooks-definition: when: is not always alone [code 118]'* ]]
	refused 118 ENOTDIR cgpu-cdi check --engines '' --spec-dirs b --hooks-dirs a/zz-cgpu.json
}

@test "list: devices, files, states" {
	mkdir a b
	spec example.com/nic >a/nic.json
	spec nvidia.com/gpu >a/gpu.json
	spec management.nvidia.com/gpu | cgpu-cdi guard >a/management.json
	echo '{' >a/bad.json
	run -0 cgpu-cdi list --spec-dirs a:b
	[ "$(sed -E 's/  +/|/g' <<<"$output")" = 'no GPU|example.com/nic=all|a/nic.json
gated|management.nvidia.com/gpu=all|a/management.json
NOT GATED|nvidia.com/gpu=all|a/gpu.json
unclear|-|a/bad.json' ]
	spec nvidia.com/gpu | cgpu-cdi guard >b/gpu.json
	cp b/gpu.json b/more.json
	mv a/management.json b/nic.json
	run -0 cgpu-cdi list --spec-dirs a:b
	[ "$(grep -c ^conflict <<<"$output")" -eq 3 ]
	run -0 cgpu-cdi list --spec-dirs a:b --format json
	[ "$(jq -c '.devices | map(select(.gpu) | [.gated, .standing]) | unique' <<<"$output")" = \
		'[[false,"conflict"],[true,"conflict"],[true,"stands"]]' ]
}

@test "generate: what is missing is named" {
	mint
	# This machine has no driver: its libraries are what is looked for first.
	refused 10 'libcuda.so.' cgpu-cdi generate --driver-root "$BATS_TEST_TMPDIR"
	refused 10 'nowhere: ENOENT' cgpu-cdi generate --driver-root nowhere
	refused 2 'not vendor/class' cgpu-cdi generate --kind x
	refused 2 'neither yaml nor json' cgpu-cdi generate --format text
	fault 'at nvmlInit_v2 return 9'
	refused 12 'cgpu status' cgpu-cdi generate
	rm -f "$CONF"
	refused 10 'cgpu status' cgpu-cdi generate
}

@test "usage" {
	run -0 cgpu-cdi --help
	[ "$(grep -c '^  ' <<<"$output")" -eq 5 ]
	[[ $(cgpu-cdi --version) == "cgpu-cdi "* ]]
	refused 2 'no command given' cgpu-cdi
	refused 2 'unknown command: x' cgpu-cdi x
	refused 2 "see cgpu-cdi guard --help" cgpu-cdi guard --what
	refused 2 'operands' cgpu-cdi check x
	refused 2 'operands' cgpu-cdi list x
	refused 2 "neither text nor json" cgpu-cdi list --format yaml
}
