# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests that drive real engines inside test/node.sh: device nodes, an image, podman, and GPUs that pass or fail.

# shellcheck source=test/await.bash
. "$BATS_TEST_DIRNAME/../await.bash"

# shellcheck disable=SC2034 # read by the suites
HOOK=/opt/cgpu/libexec/oci/hooks.d/cgpu-hook
# shellcheck disable=SC2034
CGPU=/opt/cgpu/bin/cgpu
# shellcheck disable=SC2034
AUDIT=/opt/cgpu/var/log/cgpu/audit.jsonl
case ${O-build-system} in
/*) BUILD=$O ;;
*) BUILD=$BATS_TEST_DIRNAME/../../${O-build-system} ;;
esac

# Skips the test file with a plain word where it cannot run. Everything else is called after it.
system_setup() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	command -v podman >/dev/null || skip 'needs podman'
	[ -n "${CONTAINERS_CONF-}" ] || skip 'needs test/node.sh around it (make check-system)'
}

# The nodes of one GPU, without its driver: 195 counts by its number.
make_nodes() {
	[ -e /dev/nvidia0 ] || mknod -m 666 /dev/nvidia0 c 195 0
	[ -e /dev/nvidiactl ] || mknod -m 666 /dev/nvidiactl c 195 255
}

# The driver's lines in /proc/devices, as far as programs of this node see them. A procfs that is covered in part is no base
# for that of a container with a user namespace, so a whole one stays visible elsewhere.
register_driver() {
	grep -q '195 nvidia' /proc/devices && return
	mkdir -p /run/node/proc
	mount -t proc proc /run/node/proc
	sed 's/^Character devices:$/&\n195 nvidia\n195 nvidia-modeset\n195 nvidiactl\n509 nvidia-uvm\n510 nvidia-caps/' /proc/devices \
		>/run/node/devices
	mount --bind /run/node/devices /proc/devices
}

# The CDI specification that nvidia-ctk would write for that GPU, with the edits EDITS for every container; its devices are
# all, 0 and, where it is known, UUID.
write_spec() {
	local name devices=
	[ -e /dev/nvidia-uvm ] || mknod -m 666 /dev/nvidia-uvm c 509 0
	for name in all 0 ${UUID-}; do
		devices+="${devices:+, }{\"name\": \"$name\", \"containerEdits\": {\"deviceNodes\": [{\"path\": \"/dev/nvidia0\"}]}}"
	done
	cat >/etc/cdi/nvidia.json <<-END
	{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu",
	 "containerEdits": {"deviceNodes": [{"path": "/dev/nvidiactl"}, {"path": "/dev/nvidia-uvm"}]${1:+, $1}},
	 "devices": [$devices]}
	END
}

# mint_gpus DIR OPTION...: emulated GPUs with all that belongs to them, of options of the emulator's mint.
mint_gpus() {
	local dir=$1
	shift
	mkdir -p "$dir"
	"$BUILD/emulator/mint" --library "$BUILD/emulator/libnvidia-ml.so.1" "$@" "$dir"
	chgrp -R cgpu "$dir/node"
	chmod 640 "$dir"/node/*.key
}

# use_gpus DIR: this node has these GPUs and trusts their roots.
use_gpus() {
	cp "$1/cgpu.conf" /opt/cgpu/etc/cgpu/cgpu.conf.d/emulated.conf
}

# use_services DIR: the same with services that answer (test/emulator/services.sh), in place of the directories.
use_services() {
	EMULATOR=$BUILD/emulator "$BATS_TEST_DIRNAME/../emulator/services.sh" start "$1"
	cp "$1/services/cgpu.conf" /opt/cgpu/etc/cgpu/cgpu.conf.d/emulated.conf
}

# One Hopper GPU that passes.
EMULATED=/opt/cgpu/emulated
emulate_gpus() {
	mint_gpus $EMULATED
	use_gpus $EMULATED
}

# import_image NAME [SCRIPT]: busybox and what SCRIPT makes of it, in the root directory of the image.
import_image() {
	local root
	root=$(mktemp -d)
	chmod 755 "$root"
	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,run}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in sh cat ls id grep true sleep; do ln -s busybox "$root/bin/$applet"; done
	echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
	(cd "$root" && eval "${2-:}")
	tar -C "$root" -c . | podman import -q - "$1" >/dev/null
	rm -rf "$root"
}

# start RUNTIME ARGUMENT...: podman run with what this machine needs.
start() {
	local runtime=$1
	shift
	podman --runtime "$runtime" run --network none "$@"
}

# The mounts of the node. podman keeps its storage's own folder mounted on itself, or not, as it likes.
mounts() {
	cut -d' ' -f5,9- /proc/self/mountinfo | grep -v '^/var/lib/containers/storage/overlay ' | sort
}

# absent GREP-ARGUMENT...: true where grep finds nothing. (bats does not see a plain "! grep" fail.)
absent() {
	if grep "$@"; then return 1; fi
}

# remove NAME...: at once, running or not, there or not. podman 4.3 may find /dev/shm of a container that has just ended still in
# use, and leaves the container to a second try.
remove() {
	podman rm -f -i -t 0 "$@" >/dev/null || { sleep 1 && podman rm -f -i -t 0 "$@" >/dev/null; }
}

# daemon LOG COMMAND...: starts what ends with the node. bats waits for whoever holds its descriptors.
daemon() {
	local log=$1 fd
	shift
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec "$@"
	) </dev/null >"$log" 2>&1 &
}

# The number of audit lines so far.
audit_lines() {
	if [ -e "$AUDIT" ]; then wc -l <"$AUDIT"; else echo 0; fi
}

# refused RUNTIME CODE ARGUMENT...: exit 126 and the code in the text; nothing left.
refused() {
	local runtime=$1 code=$2 before
	shift 2
	before=$(mounts)
	run start "$runtime" --rm "$@"
	echo "$output"
	[ "$status" -eq 126 ]
	if [ "$runtime" = crun ]; then
		[[ $output == *"(exit code: $code)"* ]]
	else
		[[ $output == *"exit status $code"* && $output == *"code $code]"* ]]
	fi
	diff <(echo "$before") <(mounts)
}

# The script of a container that finds its result, attached once, and says so.
# shellcheck disable=SC2016,SC2034
RESULT='. /run/cgpu/attestation.env; echo "$CGPU_ATTESTATION_RESULT"; grep -c " /run/cgpu " /proc/self/mountinfo'

# attested_by CALLER COMMAND...: COMMAND starts a container with the script RESULT; one attestation, called for by CALLER.
attested_by() {
	local caller=$1 count
	shift
	count=$(audit_lines)
	run "$@"
	echo "$*: $output"
	[ "$status" -eq 0 ]
	[ "$output" = $'pass\n1' ]
	[ $(($(audit_lines) - count)) -eq 1 ]
	tail -1 "$AUDIT" | grep -F "\"caller\":\"$caller\""
}

# refused_by CODE STATUS COMMAND...: COMMAND ends with STATUS (or A|B) and tells the code as its runtime does; one audit line.
refused_by() {
	local code=$1 wanted=$2 count
	shift 2
	count=$(audit_lines)
	run "$@"
	echo "$*: $status, $output"
	[[ $status =~ ^($wanted)$ ]]
	[[ $output == *"(exit code: $code)"* || $output == *"exit status $code,"*"code $code]"* ]]
	[ $(($(audit_lines) - count)) -eq 1 ]
	ended
}

# Nobody of ours is left, after a moment to die in.
ended() {
	for _ in $(seq 100); do
		pidof cgpu cgpu-hook collect appraise fetch >/dev/null || return 0
		sleep 0.01
	done
	return 1
}
