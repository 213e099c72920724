#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # scripts for the shell inside
# New tokens for containers that run: whoever reads finds one result and no mix, and a container that works against it gets
# nothing written anywhere else.

load helpers
load ../as-unit

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
RECORDS=/run/cgpu/containers
GOT=/run/test/got

setup_file() {
	system_setup
	make_nodes
	register_driver
	emulate_gpus
	write_spec
	import_image plain
	mkdir -p /run/test
}

setup() {
	system_setup
	remove c1 c2 || true
}

teardown() {
	remove c1 c2 || true
	rm -f $CONF "$EMULATED"/node/faults.conf
}

# up RUNTIME ARGUMENT...: container c1 with a GPU, which waits; $id and $pid of it.
up() {
	local runtime=$1
	shift
	podman --runtime "$runtime" run -d --network none --name c1 --device nvidia.com/gpu=all "$@" plain \
		sh -c "${SCRIPT:-:}; exec sleep 600" >/dev/null
	id=$(podman inspect -f '{{.Id}}' c1)
	pid=$(podman inspect -f '{{.State.Pid}}' c1)
}

inside() {
	podman exec c1 "$@"
}

# As the container's root user with all that the kernel allows him.
hostile=(--privileged --security-opt seccomp=unconfined)

nonce() {
	inside busybox sed -n 's/^CGPU_ATTESTATION_NONCE=//p' /run/cgpu/attestation.env
}

# fails CODE: the refresh ends with it, says it, and the container runs on.
fails() {
	run "$CGPU" attest --refresh "$id"
	echo "$output"
	[ "$status" -eq "$1" ]
	[[ $output == *"code $1]"* ]]
	[ -d "/proc/$pid" ]
}

refreshes() {
	run "$CGPU" attest --refresh "$id"
	echo "$output"
	[ "$status" -eq 0 ]
}

# verified: what the container has now is a result of its own that the GPU's evidence vouches for.
verified() {
	rm -rf $GOT
	mkdir $GOT
	inside busybox tar -chf - -C /run/cgpu/..data . | tar -x -C $GOT
	[ "$(find $GOT -type f | wc -l)" -eq 5 ]
	run "$CGPU" token --device-root "$EMULATED"/device-root.pem $GOT/detached-eat.json
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"container    $id"* && $output != *unanchored* ]]
}

# What is at /run/cgpu of the container by names alone.
listed() {
	inside ls -A /run/cgpu
}

event() {
	tail -1 "$AUDIT" | jq -r "$1"
}

# rewrite FILTER: the container's record, as time or another boot would have it.
rewrite() {
	jq "$1" "$RECORDS/$id" >/run/test/record
	cat /run/test/record >"$RECORDS/$id"
}

# -- what everybody sees --

@test "a new token in the place of the old one, by id, short id and pid" {
	for runtime in runc crun; do
		up $runtime
		verified
		cp $GOT/token.jwt /run/test/first
		for name in "$id" "${id:0:12}" "$pid"; do
			before=$(nonce)
			run "$CGPU" attest --refresh "$name"
			echo "$output"
			[ "$status" -eq 0 ]
			[[ $output == *"$id: attested, until 20"* ]]
			[ "$(nonce)" != "$before" ]
			verified
			[ "$(event .event)" = refreshed ]
			[ "$(event .container)" = "$id" ]
			[ "$(event .caller)" = refresh ]
		done
		# The names of the first are as documented; the directories are two, the present one and the one before.
		listed >/run/test/names
		[ "$(grep -c '^\.\.[0-9a-f]\{16\}$' /run/test/names)" -eq 2 ]
		[ "$(grep -vc '^\.\.' /run/test/names)" -eq 5 ]
		! cmp -s /run/test/first $GOT/token.jwt
		[ "$(jq -r .expires "$RECORDS/$id")" -gt "$(date +%s)" ]
		remove c1
	done
}

@test "who reads in a loop never sees a mix" {
	SCRIPT='n=0; while [ ! -e /tmp/end ]; do
		cd -P /run/cgpu/..data && . ./attestation.env && token=$(cat token.jwt) && keys=$(cat jwks.json) &&
			grep -q "$CGPU_ATTESTATION_NONCE" evidence.json && [ "$token" = "$CGPU_ATTESTATION_TOKEN" ] || echo mix >>/tmp/mix
		[ -s /run/cgpu/token.jwt ] || echo gap >>/tmp/mix
		echo "$CGPU_ATTESTATION_NONCE" >>/tmp/seen
		cd /
	done'
	for runtime in runc crun; do
		up $runtime
		for _ in 1 2 3 4; do refreshes; done
		inside sh -c ': >/tmp/end; sleep 1; cat /tmp/mix 2>/dev/null; true' >/run/test/mix
		cat /run/test/mix
		[ ! -s /run/test/mix ]
		inside busybox uniq /tmp/seen >/run/test/seen
		sort -u /run/test/seen | wc -l
		[ "$(wc -l </run/test/seen)" -eq 5 ]
		remove c1
	done
}

# Of the directory and of each file: mode and owner.
owners() {
	inside busybox stat -c '%A %u %g' /run/cgpu/..data/ /run/cgpu/attestation.env /run/cgpu/..data/token.jwt
}

@test "a read-only root, another user, a user namespace: the files belong to whom they did" {
	local options
	for options in "runc --read-only" "crun --user 1000" "runc --uidmap 0:100000:65536" \
		"crun --uidmap 0:100000:65536 --read-only"; do
		echo "$options"
		# shellcheck disable=SC2086 # words
		up $options
		first=$(owners)
		refreshes
		diff <(echo "$first") <(owners)
		verified
		run inside sh -c 'echo x >/run/cgpu/token.jwt'
		[ "$status" -ne 0 ]
		remove c1
	done
}

@test "what the unit lets it do is enough" {
	local unit=/opt/cgpu/lib/systemd/system/cgpu-refresh.service
	command -v strace >/dev/null || skip 'no strace'
	for arguments in '' '--user 1000:1000' '--uidmap 0:100000:65536 --gidmap 0:100000:65536'; do
		# shellcheck disable=SC2086 # two words
		up runc $arguments
		before=$(nonce)
		traced $unit "$CGPU" attest --refresh "$id"
		[ "$(nonce)" != "$before" ]
		verified
		# RestrictNamespaces=mnt
		grep -qE ' setns\([0-9]+, CLONE_NEWNS\)' "$BATS_TEST_TMPDIR/trace"
		if grep -E ' (setns|unshare)\(' "$BATS_TEST_TMPDIR/trace" | grep -v 'CLONE_NEWNS)'; then false; fi
		remove c1
	done
}

@test "due are those past half of their token's life; none is no word" {
	up runc
	before=$(nonce)
	run "$CGPU" attest --refresh due
	[ "$status" -eq 0 ] && [ -z "$output" ]
	[ "$(nonce)" = "$before" ]
	rewrite '.issued -= 7200'
	run "$CGPU" attest --refresh due --format json
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.steps | length' <<<"$output")" -eq 1 ]
	[ "$(nonce)" != "$before" ]
	run "$CGPU" attest --refresh due
	[ -z "$output" ]
}

@test "all of them; those that have ended are skipped and forgotten" {
	up runc
	podman --runtime crun run -d --network none --name c2 --device nvidia.com/gpu=all plain sleep 600
	other=$(podman inspect -f '{{.Id}}' c2)
	podman kill c1
	podman wait c1
	run "$CGPU" attest --refresh all
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"skipped  refresh "*"$id: has ended"* && $output == *"ok       refresh "*"$other: attested"* ]]
	[ ! -e "$RECORDS/$id" ] && [ -e "$RECORDS/$other" ]
	# Without a refresh they go when the next container starts.
	podman kill c2
	podman wait c2
	podman start c1
	[ "$(ls $RECORDS)" = "$id" ]
}

@test "two at once wait for each other" {
	up crun
	"$CGPU" attest --refresh "$id" >/run/test/one &
	"$CGPU" attest --refresh "$id"
	wait $!
	verified
}

@test "with a challenge, the one of the start" {
	up runc --annotation org.cgpu.challenge=of-the-client
	refreshes
	verified
	payload=$(cut -d. -f2 $GOT/token.jwt | tr '_-' '/+')
	want=$(printf of-the-client | sha256sum | cut -d' ' -f1)
	base64 -d <<<"$payload==" 2>/dev/null | grep -F "$want"
}

# -- what is refused --

@test "a container without a GPU, and one that is unknown" {
	podman --runtime runc run -d --network none --name c1 plain sleep 600
	id=$(podman inspect -f '{{.Id}}' c1)
	pid=$(podman inspect -f '{{.State.Pid}}' c1)
	for name in "$id" "$pid" nobody ../../etc/passwd; do
		run "$CGPU" attest --refresh "$name"
		echo "$output"
		[ "$status" -eq 116 ]
	done
	run "$HOOK" refresh ../refresh.lock
	[ "$status" -eq 116 ]
}

@test "a GPU that fails: the old token stays, the event is told, the container runs" {
	for runtime in runc crun; do
		up $runtime
		before=$(nonce)
		echo "gpu 0 measurement 9 $(printf 'bad%.0s' {1..32})" >"$EMULATED"/node/faults.conf
		fails 75
		rm "$EMULATED"/node/faults.conf
		[ "$(event '.event, .code, .container' | xargs)" = "refresh-failed 75 $id" ]
		[ "$(nonce)" = "$before" ]
		verified
		remove c1
	done
}

@test "on-refresh-failure = stop: when the token has ended, and not before" {
	printf '[run]\non-refresh-failure = stop\n' >$CONF
	for runtime in runc crun; do
		up $runtime
		echo 'devtools 1' >"$EMULATED"/node/faults.conf
		fails 22
		rewrite '.issued -= 7200 | .expires -= 7200'
		run "$CGPU" attest --refresh due
		echo "$output"
		[ "$status" -eq 22 ]
		[ "$(podman wait c1)" -eq 137 ]
		[ "$(event '.event, .code, .container' | xargs)" = "stopped 22 $id" ]
		[ "$(tail -2 "$AUDIT" | head -1 | jq -r .event)" = refresh-failed ]
		rm "$EMULATED"/node/faults.conf
		remove c1
	done
}

@test "another process of that number is not the container" {
	for runtime in runc crun; do
		up $runtime
		rewrite '.started -= 1'
		before=$(nonce)
		fails 99
		[ "$(nonce)" = "$before" ]
		[ ! -e "$RECORDS/$id" ]
		remove c1
	done
}

@test "a container that ends while it is attested" {
	up runc
	echo 'at nvmlDeviceGetCount_v2 wait 3000' >"$EMULATED/node/faults.conf"
	"$CGPU" attest --refresh "$id" >/run/test/output &
	until pidof collect || ! kill -0 $!; do sleep 0.1; done
	kill -9 "$pid"
	status=0
	wait $! || status=$?
	cat /run/test/output
	[ "$status" -eq 99 ]
}

@test "a frozen container gets its token" {
	up runc
	before=$(nonce)
	podman pause c1 || skip 'containers cannot be frozen here'
	status=0
	refreshes || status=1
	podman unpause c1
	[ "$status" -eq 0 ]
	[ "$(nonce)" != "$before" ]
}

# -- containers that work against it --

# each FUNCTION SCRIPT...: a container for each, of one runtime and the other in turn.
each() {
	local function=$1 script runtime=runc
	shift
	for script in "$@"; do
		echo "$runtime: $script"
		up $runtime "${hostile[@]}"
		inside sh -c "busybox mkdir /tmp/there; echo mine >/tmp/file; $script"
		$function
		remove c1
		if [ $runtime = runc ]; then runtime=crun; else runtime=runc; fi
	done
}

not_written() {
	local before
	before=$(inside busybox find /run/cgpu/ /tmp | sort)
	fails 117
	[ "$(event '.event, .code' | xargs)" = 'refresh-failed 117' ]
	diff <(echo "$before") <(inside busybox find /run/cgpu/ /tmp | sort)
}

@test "unmounted; covered; replaced by a file system that looks like it" {
	each not_written 'busybox umount /run/cgpu' 'busybox mount -t tmpfs t /run/cgpu' \
		'busybox umount /run/cgpu; busybox mount -t tmpfs -o mode=755 tmpfs /run/cgpu' \
		'busybox umount /run/cgpu; busybox mount -t tmpfs -o mode=755 tmpfs /run/cgpu' \
		'busybox mkdir /run/x; busybox mount --move /run/cgpu /run/x' \
		'busybox mount -t tmpfs t /run; busybox mkdir /run/cgpu' \
		'busybox mount --bind /run/cgpu/..data/ /run/cgpu' 'busybox mount -t ramfs r /run/cgpu' \
		'busybox umount $(busybox cut -d" " -f2 /proc/mounts | grep ^/run/); busybox rm -r /run; busybox mkdir -p /tmp/run/cgpu; busybox ln -s /tmp/run /run' \
		'busybox mount -o remount,rw,bind /run/cgpu; busybox rm /run/cgpu/..data; busybox mkdir -p /run/cgpu/..data/x'
}

written_there_alone() {
	local before
	before=$(mounts)
	refreshes
	[ "$(inside cat /tmp/file)" = mine ]
	[ -z "$(inside ls -A /tmp/there)" ]
	diff <(echo "$before") <(mounts)
}

@test "files covered, links bent, propagation changed: written where it belongs, and nowhere else" {
	local rw='busybox mount -o remount,rw,bind /run/cgpu'
	each written_there_alone 'busybox mount --bind /tmp/file /run/cgpu/token.jwt' \
		"$rw; busybox rm /run/cgpu/..data; busybox ln -s /tmp/there /run/cgpu/..data" \
		"$rw; busybox rm /run/cgpu/token.jwt; busybox ln -s /tmp/file /run/cgpu/token.jwt" \
		'busybox mount --make-rshared /' 'busybox mount --make-rshared /'
}

@test "filled to the brim: an error, and room again afterwards" {
	up runc "${hostile[@]}"
	inside sh -c 'busybox mount -o remount,rw,bind /run/cgpu; busybox dd if=/dev/zero of=/run/cgpu/..data/fill 2>/dev/null || true'
	fails 117
	inside sh -c 'rm /run/cgpu/..data/fill; i=0; while : >/run/cgpu/..data/$i; do i=$((i + 1)); done; true' || true
	fails 117
	inside sh -c 'busybox rm /run/cgpu/..data/[0-9]*'
	refreshes
	verified
}

@test "a namespace of mounts of its own" {
	SCRIPT='exec busybox unshare -m sleep 600' up crun "${hostile[@]}"
	refreshes
	verified
}
