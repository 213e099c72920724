#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The hook under real podman with runc and crun: what a container with a GPU sees, and that nothing else changes.

load helpers

setup_file() {
	system_setup
	make_nodes
	register_driver
	gpu_setup
	import_image plain
	mkdir -p /run/test/volume
}

# The product's own cgpu on an emulated GPU, and beside it a stand-in that answers what a test wants.
gpu_setup() {
	emulate_gpus
	cp "$CGPU" "$CGPU.own"
	gcc -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/../.." -I"$BUILD" -o "$CGPU.stand-in" "$BATS_TEST_DIRNAME/fake_cgpu.c" \
		"$BUILD/libcgpu.a"
	chmod 755 "$CGPU.stand-in"
}

install_cgpu() {
	cp "$1" "$CGPU.new"
	mv "$CGPU.new" "$CGPU"
}

gpu_verdict() {
	install_cgpu "$CGPU.stand-in"
	echo "$1" >"$CGPU.verdict"
}

setup() {
	system_setup
	install_cgpu "$CGPU.own"
	rm -f "$CGPU.args"
}

# -- what is started, and what is seen of it --

# The script of a container that looks at its own result.
LOOK='cat /run/cgpu/attestation.env; cat /run/cgpu/token.jwt >/dev/null && echo token-readable; id -u
grep " /run/cgpu " /proc/self/mountinfo; ls -ln /run/cgpu/..data/; (echo x >/run/cgpu/x) 2>&1; (echo x >>/run/cgpu/token.jwt) 2>&1; true'

# check_row RUNTIME ARGUMENT...: the container has the result, read-only, and the node is as before.
check_row() {
	local before after
	before=$(mounts)
	run start "$@" plain sh -c "$LOOK"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *CGPU_ATTESTATION_RESULT=* && $output == *CGPU_ATTESTATION_NONCE=* && $output == *token-readable* ]]
	grep -qE ' /run/cgpu ro,[a-z,]*nosuid,nodev,noexec|/run/cgpu ro,nosuid,nodev,noexec' <<<"$output"
	[ "$(grep -c -- '-r--r--r--' <<<"$output")" -eq 5 ]
	[ "$(grep -c "can't create /run/cgpu/" <<<"$output")" -eq 2 ]
	after=$(mounts)
	diff <(echo "$before") <(echo "$after")
}

for_both() {
	for runtime in runc crun; do
		check_row $runtime --rm "$@"
	done
}

@test "default" {
	for_both --device /dev/nvidia0
}

@test "--read-only" {
	for_both --device /dev/nvidia0 --read-only
}

@test "--read-only --read-only-tmpfs=false" {
	for_both --device /dev/nvidia0 --read-only --read-only-tmpfs=false
}

@test "--user 1000" {
	for_both --device /dev/nvidia0 --user 1000
	[[ $output == *$'\n1000\n'* ]]
}

@test "--uidmap: the files belong to the container's root" {
	for_both --device /dev/nvidia0 --uidmap 0:100000:65536
	grep -qE -- '-r--r--r-- +1 0 +0 .*token.jwt' <<<"$output"
}

@test "--uidmap --read-only" {
	for_both --device /dev/nvidia0 --uidmap 0:100000:65536 --read-only
}

@test "--uidmap --user 1000" {
	for_both --device /dev/nvidia0 --uidmap 0:100000:65536 --user 1000
}

@test "--privileged" {
	for_both --privileged
	gpu_verdict pass
	for_both --privileged
	grep -qx -- '--gpus=all' "$CGPU.args"
}

@test "--privileged --uidmap" {
	for_both --privileged --uidmap 0:100000:65536 --device /dev/nvidia0
}

@test "-v /dev:/dev: gated where a rule lets the nodes be opened, else they are out of reach" {
	for_both -v /dev:/dev --device-cgroup-rule 'c 195:* rwm'
	gpu_verdict pass
	for_both -v /dev:/dev --device-cgroup-rule 'c 195:* rwm'
	grep -qx -- '--gpus=all' "$CGPU.args"
	rm "$CGPU.args"
	for runtime in runc crun; do
		run start $runtime --rm -v /dev:/dev plain sh -c 'ls /run; (: </dev/nvidia0) 2>&1'
		echo "$output"
		[[ $output == *'Operation not permitted'* && $output != *cgpu* ]]
	done
	[ ! -e "$CGPU.args" ]
}

@test "a node under another name" {
	for_both --device /dev/nvidia0:/dev/foo
}

@test "no GPU: nothing at /run/cgpu" {
	gpu_verdict pass
	for runtime in runc crun; do
		run start $runtime --rm plain ls /run
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
	[ ! -e "$CGPU.args" ]
}

@test "no GPU: starts although cgpu is missing" {
	mv "$CGPU" "$CGPU.away"
	for runtime in runc crun; do
		run start $runtime --rm plain true
		[ "$status" -eq 0 ] || break
	done
	mv "$CGPU.away" "$CGPU"
	[ "$status" -eq 0 ]
}

# -- refusals --

@test "a verdict of no: exit 126 with the code" {
	gpu_verdict 75
	for runtime in runc crun; do
		refused $runtime 75 --device /dev/nvidia0 plain true
	done
}

@test "an exemption: started without result" {
	gpu_verdict exempt
	for runtime in runc crun; do
		run start $runtime --rm --device /dev/nvidia0 plain ls /run
		[ "$status" -eq 0 ]
		[[ $output != *cgpu* ]]
	done
}

@test "targets in the image that are no directories" {
	import_image link 'ln -s /tmp run/cgpu'
	import_image parent 'rmdir run; ln -s ../../../../run/test run'
	import_image file ': >run/cgpu'
	import_image fifo 'mkfifo run/cgpu'
	import_image magic 'ln -s /proc/self/fd/3 run/cgpu'
	for image in link parent file fifo magic; do
		for runtime in runc crun; do
			# podman itself makes /run/.containerenv and may refuse an image whose /run leads elsewhere.
			run start $runtime --rm --device /dev/nvidia0 $image true
			echo "$image: $output"
			[ "$status" -ne 0 ]
			[ $image = parent ] || [[ $output == *"101"* ]]
		done
	done
	[ ! -e /run/test/cgpu ] && [ ! -e /tmp/token.jwt ]
}

@test "a volume with shared propagation over /run" {
	mkdir -p /run/test/shared
	mount -t tmpfs shared /run/test/shared
	mount --make-shared /run/test/shared
	for runtime in runc crun; do
		refused $runtime 102 --device /dev/nvidia0 -v /run/test/shared:/run:rshared plain true
	done
	[ -z "$(ls -A /run/test/shared/cgpu 2>/dev/null)" ]
	umount /run/test/shared
}

@test "a volume at the place of the result" {
	echo forged >/run/test/volume/token.jwt
	for runtime in runc crun; do
		refused $runtime 101 --device /dev/nvidia0 -v /run/test/volume:/run/cgpu plain true
	done
	[ "$(cat /run/test/volume/token.jwt)" = forged ]
	[ "$(ls /run/test/volume)" = token.jwt ]
}

@test "a container with the host's root" {
	for runtime in runc crun; do
		run start $runtime --rm --device /dev/nvidia0 --rootfs /
		[ "$status" -ne 0 ]
	done
}

# -- nothing of the token anywhere else, and a new one at each start --

@test "commit, diff and inspect show no token; a restart gives a new nonce" {
	for runtime in runc crun; do
		start $runtime --name c1 --device /dev/nvidia0 plain cat /run/cgpu/attestation.env >/run/test/first
		nonce=$(sed -n 's/^CGPU_ATTESTATION_NONCE=//p' /run/test/first)
		[ -n "$nonce" ]
		# Of the whole result the image layer may get an empty directory.
		run podman diff c1
		[[ $output != *run/cgpu/* ]]
		podman inspect c1 >/run/test/inspect
		absent -q -e "$nonce" -e eyJ /run/test/inspect
		podman commit -q c1 committed >/dev/null
		podman save -q -o /run/test/image.tar committed
		mkdir -p /run/test/image && tar -C /run/test/image -xf /run/test/image.tar
		absent -rqa "$nonce" /run/test/image
		absent -rqa "$nonce" /var/lib/containers /run/containers --exclude=ctr.log
		podman --runtime $runtime start -a c1 >/run/test/second
		[ "$(sed -n 's/^CGPU_ATTESTATION_NONCE=//p' /run/test/second)" != "$nonce" ]
		remove c1
		podman rmi -f committed >/dev/null
		rm -rf /run/test/image /run/test/image.tar
	done
}

@test "exec sees the result" {
	for runtime in runc crun; do
		start $runtime -d --name c2 --device /dev/nvidia0 plain sleep 60 >/dev/null
		run podman exec c2 cat /run/cgpu/token.jwt
		[ "$status" -eq 0 ] && [ -n "$output" ]
		remove c2
	done
}

@test "a hook that dies while cgpu works leaves nothing" {
	local before
	gpu_verdict hang
	for runtime in runc crun; do
		before=$(mounts)
		start $runtime --rm --device /dev/nvidia0 plain true >/run/test/killed 2>&1 &
		await pidof cgpu
		kill -9 "$(pidof cgpu-hook)"
		status=0
		wait $! || status=$?
		[ "$status" -eq 126 ]
		ended
		diff <(echo "$before") <(mounts)
	done
}
