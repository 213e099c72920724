#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two layers call the hook: the engine's hooks.d and a CDI specification. Either alone is enough, both together attest once.

load helpers

# shellcheck disable=SC2016
CALL='"hooks": [{"hookName": "createRuntime", "path": "PATH", "args": ["cgpu-hook", "createRuntime", "--cdi"], "env": ["LC_ALL=C"]}]'

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	UUID=$("$CGPU" status --format json | jq -r '.gpus[0].uuid')
	export UUID
	import_image plain
	mkdir -p /run/test/none
}

setup() {
	system_setup
	rm -rf /run/test/look-alike "$EMULATED"/node/faults.conf
	write_spec "${CALL/PATH/$HOOK}"
}

# attested_once CALLER PODMAN-OPTION... -- ARGUMENT...: one attestation, for CALLER, and one mount.
attested_once() {
	local caller=$1 runtime options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	for runtime in runc crun; do
		attested_by "$caller" podman "${options[@]}" --runtime $runtime run --rm --network none "$@" plain sh -c "$RESULT"
	done
}

# each_device CALLER PODMAN-OPTION...: the same for all GPUs, one by its index, and one by its UUID.
each_device() {
	local name
	for name in all 0 "$UUID"; do
		attested_once "$@" -- --device "nvidia.com/gpu=$name"
	done
}

@test "both layers: attested once, by the CDI call" {
	each_device cdi
}

@test "a GPU that fails is refused once: by both layers, by CDI alone, by hooks.d alone" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for runtime in runc crun; do
		refused_by 20 126 start $runtime --rm --device "nvidia.com/gpu=$UUID" plain true
		refused_by 20 126 podman --hooks-dir /run/test/none --runtime $runtime run --rm --network none \
			--device nvidia.com/gpu=0 plain true
	done
	write_spec
	for runtime in runc crun; do
		refused_by 20 126 start $runtime --rm --device nvidia.com/gpu=all plain true
	done
}

@test "CDI alone" {
	each_device cdi --hooks-dir /run/test/none
}

@test "hooks.d alone" {
	write_spec
	each_device hooks.d
	write_spec "${CALL/PATH/$HOOK}"
	attested_once hooks.d -- --device /dev/nvidia0
}

# The call makes the gate look; what it finds decides.
@test "CDI alone, without a node: nothing can be reached, and nothing is attested" {
	local count
	count=$(audit_lines)
	cat >/etc/cdi/other.json <<-END
	{"cdiVersion": "0.5.0", "kind": "example.com/gate", "devices": [{"name": "all", "containerEdits": {${CALL/PATH/$HOOK}}}]}
	END
	for runtime in runc crun; do
		run start $runtime --rm --device example.com/gate=all plain ls /run
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
	[ "$(audit_lines)" -eq "$count" ]
	rm /etc/cdi/other.json
}

@test "a program that only looks like the hook does not stand in for it" {
	mkdir -p /run/test/look-alike
	cp /bin/true /run/test/look-alike/cgpu-hook
	write_spec "${CALL/PATH//run/test/look-alike/cgpu-hook}"
	attested_once hooks.d -- --device nvidia.com/gpu=all
}

@test "other arguments or another stage do not count as the call" {
	for call in "${CALL/, \"--cdi\"/, \"--cdi\", \"--version\"}" "${CALL/\"createRuntime\", \"--cdi\"/\"--version\"}" \
		"${CALL/createRuntime/poststop}"; do
		write_spec "${call/PATH/$HOOK}"
		for runtime in runc crun; do
			count=$(audit_lines)
			run start $runtime --rm --device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt
			echo "$output"
			# Attested by the hooks.d call, or refused by one of the two; never started without.
			[ "$status" -ne 0 ] || [[ $output == *eyJ* ]]
			[ "$(audit_lines)" -gt "$count" ]
		done
	done
}

@test "the hook at a stage of the container's is refused" {
	call=${CALL/createRuntime/createContainer}
	write_spec "${call/PATH/$HOOK}"
	for runtime in runc crun; do
		run start $runtime --rm --device nvidia.com/gpu=all plain true
		echo "$output"
		[ "$status" -ne 0 ]
	done
}

@test "annotations and variables gain nothing" {
	write_spec
	attested_once hooks.d -- --device nvidia.com/gpu=all --annotation cdi.k8s.io/cgpu=example.com/gate=all \
		--annotation org.cgpu.attested=true --annotation "$HOOK=createRuntime --cdi" -e CGPU_CDI=1 --label cgpu=exempt
}

# What the user of a container can put there: a file system, a volume, and names that look like the gate's.
@test "a file system at the place of the result is no result" {
	for mount in --tmpfs=/run/cgpu "--mount=type=tmpfs,destination=/run/cgpu" -v=/run/test/none:/run/cgpu; do
		for layer in "${CALL/PATH/$HOOK}" ''; do
			write_spec "$layer"
			refused runc 101 --device nvidia.com/gpu=all "$mount" plain true
			refused crun 101 --device nvidia.com/gpu=all "$mount" plain true
		done
	done
	import_image forged 'mkdir run/cgpu; echo CGPU_ATTESTATION_RESULT=pass >run/cgpu/attestation.env; echo eyJ >run/cgpu/token.jwt'
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	refused runc 20 --device nvidia.com/gpu=all forged true
	rm "$EMULATED"/node/faults.conf
	# What the image says lies below the mount.
	run start crun --rm --device nvidia.com/gpu=all forged cat /run/cgpu/token.jwt
	[ "$status" -eq 0 ]
	[[ $output == eyJ*.*.* ]]
}

@test "the edits of the specification are gone: hooks.d gates; the definition is gone: the specification gates" {
	local definition
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	refused runc 20 --device nvidia.com/gpu=all plain true
	write_spec
	refused runc 20 --device nvidia.com/gpu=all plain true
	write_spec "${CALL/PATH/$HOOK}"
	definition=$(echo /opt/cgpu/share/containers/oci/hooks.d/*.json)
	mv "$definition" /run/test/definition
	refused runc 20 --device nvidia.com/gpu=all plain true
	mv /run/test/definition "$definition"
	refused crun 20 --device nvidia.com/gpu=all plain true
}

# bundle RUNTIME HOOK...: the hooks of that order, of hooks.d and cdi, in a bundle of our own; status and output as of run.
bundle() {
	local hooks=() layer runtime=$1 dir=/run/test/bundle
	shift
	for layer in "$@"; do
		case $layer in
		hooks.d) hooks+=("{\"path\": \"$HOOK\", \"args\": [\"cgpu-hook\", \"createRuntime\"]}") ;;
		cdi) hooks+=("{\"path\": \"$HOOK\", \"args\": [\"cgpu-hook\", \"createRuntime\", \"--cdi\"]}") ;;
		esac
	done
	rm -rf $dir
	mkdir -p $dir/rootfs/{bin,proc,dev,run}
	cp "$(command -v busybox)" $dir/rootfs/bin/busybox
	for applet in sh cat grep; do ln -s busybox $dir/rootfs/bin/$applet; done
	(cd $dir && runc spec)
	jq --argjson hooks "[$(IFS=, && echo "${hooks[*]}")]" '.hooks.createRuntime = $hooks | .process.terminal = false
		| .process.args = ["sh", "-c", "cat /run/cgpu/token.jwt; grep -c \" /run/cgpu \" /proc/self/mountinfo"]
		| .linux.devices = [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0}]
		| .linux.resources.devices += [{"allow": true, "type": "c", "major": 195, "minor": 0, "access": "rwm"}]
		| del(.process.rlimits) | del(.linux.resources.memory)' $dir/config.json >$dir/new
	mv $dir/new $dir/config.json
	run "$runtime" run --bundle $dir "layers-$runtime"
	echo "${output:0:300}"
}

# CRI-O and podman put them in an order each of their own, and a runtime is called by whom it may.
@test "either order, and either alone, without an engine: one attestation, one mount" {
	local count order runtime
	for runtime in runc crun; do
		for order in 'hooks.d cdi' 'cdi hooks.d' cdi hooks.d; do
			count=$(audit_lines)
			# shellcheck disable=SC2086 # words
			bundle $runtime $order
			[ "$status" -eq 0 ]
			[[ $output == *eyJ* && $(tail -1 <<<"$output") = 1 ]]
			[ $(($(audit_lines) - count)) -eq 1 ]
		done
		echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
		for order in 'hooks.d cdi' 'cdi hooks.d'; do
			count=$(audit_lines)
			# shellcheck disable=SC2086
			bundle $runtime $order
			[ "$status" -ne 0 ]
			[ $(($(audit_lines) - count)) -eq 1 ]
		done
		rm "$EMULATED"/node/faults.conf
	done
}

# gates NAME AGE: /etc/cdi/NAME.json of kind example.com/NAME, with the gate as the installed cgpu-cdi puts it, or without an ID.
gates() {
	local edits='"env": ["A=b"]'
	[ "$1" != one ] || edits='"deviceNodes": [{"path": "/dev/nvidia0"}]'
	echo "{\"cdiVersion\": \"0.5.0\", \"kind\": \"example.com/$1\", \"devices\": [{\"name\": \"all\", \"containerEdits\": {$edits}}]}" |
		/opt/cgpu/bin/cgpu-cdi guard --format json >"/etc/cdi/$1.json"
	[ "$2" = new ] || sed -i -E 's/--cdi=[0-9a-f]+/--cdi/' "/etc/cdi/$1.json"
}

# change NAME JQ: the hook in that file by JQ.
change() {
	jq ".containerEdits.hooks[0] |= ($2)" "/etc/cdi/$1.json" >/run/test/changed
	cp /run/test/changed "/etc/cdi/$1.json"
}

# twist WHAT NAME OTHER: what may be wrong with one gate of several.
twist() {
	case $1 in
	same) change "$2" ".args = $(jq -c '.containerEdits.hooks[0].args' "/etc/cdi/$3.json")" ;;
	prestart) change "$2" '.hookName = "prestart"' ;;
	foreign) change "$2" '.args += ["--version"]' ;;
	help) change "$2" '.args = ["cgpu-hook", "--help"]' ;;
	timeout) change "$2" '.timeout = 1' ;;
	hand) change "$2" '.args[2] = "--cdi=1"' ;;
	esac
}

# several LAYERS RUNTIME NAME...: starts a container with a device of each; $started says whether it did, $attested how often it was
# attested. Layers are both, or cdi.
several() {
	local before options=() devices=() name
	[ "$1" = both ] || options=(--hooks-dir /run/test/none)
	for name in "${@:3}"; do devices+=(--device "example.com/$name=all"); done
	before=$(audit_lines)
	run podman "${options[@]}" --runtime "$2" run --rm --network none "${devices[@]}" plain sh -c "$RESULT"
	echo "$*: $status, $output"
	attested=$(tail -n "+$((before + 1))" "$AUDIT" | grep -c '"event":"allowed"') || true
	started=$((status == 0))
}

# age_of AGE NUMBER: of the gate of that number where all are new, all are old, or every other is.
age_of() {
	if [ "$1" = mixed ]; then
		if [ $(($2 % 2)) -eq 0 ]; then echo new; else echo old; fi
	else
		echo "$1"
	fi
}

@test "devices of several gated specifications: one attestation and one mount where all have an ID, in any order" {
	local runtime layers order
	rm -f /etc/cdi/nvidia.json
	for name in one two three; do gates $name new; done
	for runtime in runc crun; do
		for layers in both cdi; do
			for order in 'one two' 'two one' 'one two three' 'three one two'; do
				# shellcheck disable=SC2086 # words
				several $layers $runtime $order
				[ "$started $attested" = '1 1' ]
				[ "$output" = $'pass\n1' ]
			done
		done
	done
	rm /etc/cdi/{one,two,three}.json
}

@test "devices of several gated specifications, whatever is wrong with one: never without an attestation" {
	local age count names what number turn=0 runtimes=(runc crun) layers=(both cdi)
	rm -f /etc/cdi/nvidia.json
	for age in new old mixed; do
		for count in 2 3; do
			for what in none same prestart foreign help timeout hand; do
				names=(one two three)
				names=("${names[@]:0:count}")
				for number in "${!names[@]}"; do gates "${names[number]}" "$(age_of $age "$number")"; done
				twist $what "${names[turn % count]}" "${names[(turn + 1) % count]}"
				several "${layers[turn / 2 % 2]}" "${runtimes[turn % 2]}" "${names[@]}"
				[ $started -eq 0 ] || [ "$attested" -ge 1 ]
				case $age-$what in
				new-none | new-help) [ "$started $attested" = '1 1' ] ;;
				*-foreign) [ $started -eq 0 ] ;;
				old-none) [ "$started $attested" = "1 $count" ] ;;
				esac
				turn=$((turn + 1))
			done
		done
	done
	rm /etc/cdi/{one,two,three}.json
}

# CRI-O does not start with a definition that it does not understand: no member but those of schema 1.0.0, no stage of podman's
# own, one condition.
@test "the definition is what podman and CRI-O read alike" {
	local definition
	definition=$(echo /opt/cgpu/share/containers/oci/hooks.d/*.json)
	[ -f "$definition" ]
	jq -e --arg hook "$HOOK" '. == {version: "1.0.0", when: {always: true}, stages: ["createRuntime"],
		hook: {path: $hook, args: ["cgpu-hook", "createRuntime"], env: .hook.env, timeout: .hook.timeout}}
		and (.hook.env | length > 0) and (.hook.timeout | . == floor and . >= 30)' "$definition"
	[ -x "$HOOK" ]
}
