#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bundles that somebody hands to runc or crun without an engine: the gate is where their config.json names it.

load helpers

BUNDLE=/run/test/bundle

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	import_image plain
	mkdir -p $BUNDLE/rootfs
	podman export "$(podman create plain true)" | tar -C $BUNDLE/rootfs -x
	(cd $BUNDLE && runc spec && mv config.json plain.json)
}

setup() {
	system_setup
	rm -f "$EMULATED"/node/faults.conf
}

teardown() {
	! mountpoint -q $BUNDLE/rootfs || umount $BUNDLE/rootfs
}

# write_bundle CALLS [EDIT]: config.json with nvidia0 and a call of the hook for each array of arguments in CALLS; and what jq
# makes of that by EDIT.
write_bundle() {
	jq --arg hook "$HOOK" --arg script "$RESULT" --argjson calls "$1" '
		.process.terminal = false | .process.rlimits = [] | .process.args = ["sh", "-c", $script] | .root.readonly = false |
		.linux.devices = [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0, "fileMode": 438}] |
		.linux.resources.devices += [{"allow": true, "type": "c", "major": 195, "minor": 0, "access": "rwm"}] |
		.hooks.createRuntime = [$calls[] | {"path": $hook, "args": ., "env": ["LC_ALL=C"], "timeout": 30}] |
		'"${2-.}" $BUNDLE/plain.json >$BUNDLE/config.json
}
BY_HOOKS='["cgpu-hook", "createRuntime"]'
BY_CDI='["cgpu-hook", "createRuntime", "--cdi"]'

for_both() { # COMMAND...: with the words RUNTIME and ID filled in
	local runtime word words
	for runtime in runc crun; do
		words=()
		for word in "$@"; do
			word=${word/RUNTIME/$runtime}
			words+=("${word/ID/$runtime-$BATS_TEST_NUMBER}")
		done
		"${words[@]}"
	done
}

@test "attested: called as from hooks.d, as by CDI, as by both" {
	write_bundle "[$BY_HOOKS]"
	for_both attested_by hooks.d RUNTIME run -b $BUNDLE ID
	write_bundle "[$BY_CDI]"
	for_both attested_by cdi RUNTIME run -b $BUNDLE ID
	write_bundle "[$BY_HOOKS, $BY_CDI]"
	for_both attested_by cdi RUNTIME run -b $BUNDLE ID
	write_bundle "[$BY_CDI, $BY_HOOKS]"
	for_both attested_by cdi RUNTIME run -b $BUNDLE ID
}

@test "a bundle that reaches no node starts without a token, whoever calls" {
	local runtime count
	count=$(audit_lines)
	for call in "$BY_CDI" "$BY_HOOKS"; do
		write_bundle "[$call]" 'del(.linux.devices, .linux.resources.devices[1:]) | .process.args = ["ls", "/run"]'
		for runtime in runc crun; do
			run "$runtime" run -b $BUNDLE "$runtime-$BATS_TEST_NUMBER"
			echo "$output"
			[ "$status" -eq 0 ]
			[[ $output != *attestation.env* ]]
		done
	done
	[ "$(audit_lines)" -eq "$count" ]
}

@test "attested: a bundle with a user namespace, one that is read-only, one started in two steps" {
	write_bundle "[$BY_HOOKS]" '.root.readonly = true'
	for_both attested_by hooks.d RUNTIME run -b $BUNDLE ID
	write_bundle "[$BY_HOOKS]" '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 $BUNDLE/rootfs
	for_both attested_by hooks.d RUNTIME run -b $BUNDLE ID
	chown -R 0:0 $BUNDLE/rootfs
	write_bundle "[$BY_HOOKS]"
	for_both attested_by hooks.d two_steps RUNTIME ID
}

# An engine may hand a root over that is mounted read-only already. runc keeps it so, crun makes its own mount writable.
@test "a root that is read-only before the hook runs: attached over an empty /run, else refused with its own code" {
	local root=$BUNDLE/rootfs count
	rm -rf $root/run/cgpu
	mkdir $root/run/cgpu.kept
	write_bundle "[$BY_HOOKS]"
	mount --bind $root $root
	mount -o remount,bind,ro $root
	refused_by 232 '1|255' runc run -b $BUNDLE "runc-$BATS_TEST_NUMBER"
	attested_by hooks.d crun run -b $BUNDLE "crun-$BATS_TEST_NUMBER"
	umount $root
	rmdir $root/run/cgpu $root/run/cgpu.kept
	mount --bind $root $root
	mount -o remount,bind,ro $root
	count=$(audit_lines)
	run runc run -b $BUNDLE "runc-$BATS_TEST_NUMBER"
	echo "$output"
	[ "$output" = $'pass\n0' ] # the mount is on /run
	[ $(($(audit_lines) - count)) -eq 1 ]
	[ ! -e $root/run/cgpu ]
	umount $root
	mkdir $root/run/cgpu
	mount --bind $root $root
	mount -o remount,bind,ro $root
	for_both attested_by hooks.d RUNTIME run -b $BUNDLE ID
	umount $root
}

# two_steps RUNTIME ID: create and start, as a shim does.
two_steps() {
	"$1" create -b $BUNDLE "$2" >$BUNDLE/output 2>&1 </dev/null || return
	"$1" start "$2"
	await_text stopped state_of "$1" "$2"
	"$1" delete "$2"
	cat $BUNDLE/output
}

@test "refused: a GPU that fails" {
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	for call in "$BY_HOOKS" "$BY_CDI"; do
		write_bundle "[$call]"
		for_both refused_by 20 '1|255' RUNTIME run -b $BUNDLE ID
		for_both refused_by 20 '1|255' RUNTIME create -b $BUNDLE ID
	done
}

@test "refused: the program is missing" {
	write_bundle "[$BY_CDI]"
	mv "$HOOK" "$HOOK.away"
	local text=
	for runtime in runc crun; do
		run "$runtime" run -b $BUNDLE gone
		echo "$output"
		[ "$status" -ne 0 ] && [[ $output != *pass* ]] || break
		text+=$output
	done
	mv "$HOOK.away" "$HOOK"
	[ "$status" -ne 0 ]
	# At times all that crun tells is that its init process is gone.
	[[ $text == *"$HOOK"* ]]
}

@test "refused: a mount at the result's place" {
	write_bundle "[$BY_CDI]" '.mounts += [{"destination": "/run/cgpu", "type": "tmpfs", "source": "tmpfs"}]'
	for_both refused_by 101 '1|255' RUNTIME run -b $BUNDLE ID
}

# What nobody calls cannot refuse: runtimes read no hooks directory and no CDI specification.
@test "not gated: a bundle that does not name the hook" {
	rm -rf $BUNDLE/rootfs/run/cgpu
	write_bundle '[]' '.process.args = ["ls", "/run"]'
	for runtime in runc crun; do
		run "$runtime" run -b $BUNDLE "$runtime-$BATS_TEST_NUMBER"
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
}
