#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh O: the gate at work with podman, runc and crun, on the private node of test/node.sh (make demo). The GPUs are
# emulated: a library in the place of NVIDIA's, and services in the place of NVIDIA's on this machine, over TLS, with keys,
# manifests and answers minted for this run. The programs are the product's; only the configuration of the node names that
# library, those services and those roots. Where the product is not at the node's own place, prefix, sysconfdir and
# localstatedir in the environment tell.
set -u
O=$1
prefix=${prefix-/opt/cgpu}
emulated=/opt/cgpu/emulated
conf=${sysconfdir-$prefix/etc}/cgpu/cgpu.conf.d/demo.conf
cache=${localstatedir-$prefix/var}/cache/cgpu
passed=0 failed=0

# mint NAME OPTION...: GPUs of one kind, with all that belongs to them, and the services that know them.
mint() {
	local dir=$emulated/$1
	shift
	mkdir -p "$dir"
	"$O/emulator/mint" --library "$O/emulator/libnvidia-ml.so.1" "$@" "$dir" &&
		EMULATOR=$O/emulator test/emulator/services.sh start "$dir"
}

# use NAME [FAULT]: the node has these GPUs from now on, with this fault.
use() {
	local dir=$emulated/$1
	cp "$dir/services/cgpu.conf" "$conf"
	rm -f "$dir/node/faults.conf"
	[ -z "${2-}" ] || echo "$2" >"$dir/node/faults.conf"
}

# empty_cache: as if this node had never asked.
empty_cache() {
	rm -rf "$cache" /run/cgpu
	for log in "$emulated"/*/services/requests.log; do : >"$log"; done
}

# asked NAME REQUESTS: how often the services were asked since empty_cache, nothing twice, over one connection each.
asked() {
	local log=$emulated/$1/services/requests.log requests questions connections services word=ok
	requests=$(wc -l <"$log")
	questions=$(jq -c '[.service, .method, .path, .serial]' "$log" | sort -u | wc -l)
	connections=$(jq -r .connection "$log" | sort -u | wc -l)
	services=$(jq -r .service "$log" | sort -u | wc -l)
	if [ "$requests" -eq "$2" ] && [ "$questions" -eq "$requests" ] && [ "$connections" -eq "$services" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)) word="NOT AS EXPECTED, want $2"
	fi
	printf -- '-- so far %d requests to services, %d of them distinct, over %d connections to %d services: %s\n\n' \
		"$requests" "$questions" "$connections" "$services" "$word"
}

words() {
	local word
	for word in "$@"; do
		[[ $word == *' '* ]] && word="'$word'"
		printf ' %s' "$word"
	done
}

# show TITLE WANTED-STATUS TEXT RUNTIME ARGUMENT...: one podman run, what it prints and how long it took.
show() {
	local title=$1 wanted=$2 text=$3 runtime=$4 start status word=ok
	shift 4
	printf -- '-- %s, %s\n$ podman --runtime %s run --rm%s\n' "$title" "$runtime" "$runtime" "$(words "$@")"
	start=${EPOCHREALTIME/./}
	output=$(podman --runtime "$runtime" run --rm --network none "$@" 2>&1 </dev/null)
	status=$?
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	# The token is some thousand characters long.
	sed -E 's/^(CGPU_ATTESTATION_TOKEN=.{60}).*/\1.../' <<<"$output"
	if [ $status -eq "$wanted" ] && grep -qE -e "$text" <<<"$output"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)) word="NOT AS EXPECTED, want exit $wanted and /$text/"
	fi
	printf -- '-- exit %d after %d ms: %s\n\n' $status $took "$word"
}

# same A B: what a container without GPU sees with the hook and without it; only its name may differ.
same() {
	if diff <(grep -v ^HOSTNAME <<<"$1") <(grep -v ^HOSTNAME <<<"$2"); then
		passed=$((passed + 1))
		printf -- '-- both see the same\n\n'
	else
		failed=$((failed + 1))
		printf -- '-- NOT AS EXPECTED: they do not see the same\n\n'
	fi
}

# The nodes of the first GPU, as the driver would make them, and the CDI specification that nvidia-ctk would write.
mknod -m 666 /dev/nvidia0 c 195 0
mknod -m 666 /dev/nvidiactl c 195 255
cat >/etc/cdi/nvidia.json <<'END'
{
  "cdiVersion": "0.5.0",
  "kind": "nvidia.com/gpu",
  "containerEdits": {"deviceNodes": [{"path": "/dev/nvidiactl"}]},
  "devices": [{"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}]}}]
}
END
root=$(mktemp -d)
mkdir -p "$root/bin" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh cat cut env ls md5sum sort; do ln -s busybox "$root/bin/$applet"; done
tar c -C "$root" . | podman import -q - localhost/demo >/dev/null
rm -rf "$root"

mint hopper --arch hopper --port 44380 || exit 1
mint blackwell --arch blackwell --port 44390 || exit 1
times=()
gpu=(--device nvidia.com/gpu=all localhost/demo)
env=(cat /run/cgpu/attestation.env)
plain=(localhost/demo sh -c 'ls -A /run; cut -d" " -f2,3 /proc/mounts | sort | md5sum; env')
mkdir /run/no-hooks
for runtime in runc crun; do
	use hopper
	empty_cache
	show 'a Hopper GPU, nothing in the cache' 0 CGPU_ATTESTATION_RESULT= $runtime "${gpu[@]}" "${env[@]}"
	cold=$took
	asked hopper 8
	show 'the same again' 0 CGPU_ATTESTATION_RESULT= $runtime "${gpu[@]}" "${env[@]}"
	asked hopper 8
	times+=("$runtime: $cold ms cold, $took ms warm")
	use blackwell
	show 'a Blackwell GPU that passes' 0 CGPU_ATTESTATION_RESULT= $runtime "${gpu[@]}" "${env[@]}"
	use hopper "gpu 0 measurement 9 $(printf 'bad%.0s' {1..32})"
	show 'a GPU with one wrong measurement' 126 '(status|code:) 75' $runtime "${gpu[@]}" "${env[@]}"
	use hopper 'cc-feature 0'
	show 'a GPU whose confidential computing mode is off' 126 '(status|code:) 20' $runtime "${gpu[@]}" "${env[@]}"
	show 'a container without GPU' 0 containerenv $runtime "${plain[@]}"
	with=$output
	show 'the same with podman told of no hook' 0 containerenv $runtime --hooks-dir /run/no-hooks "${plain[@]}"
	same "$with" "$output"
done
echo '-- crun tells only the code of a refusal; it can be explained:'
echo '$ cgpu explain 75'
"$prefix/bin/cgpu" explain 75
echo '-- the first Hopper start on a node, and the next one:'
printf '   %s\n' "${times[@]}"
for name in hopper blackwell; do EMULATOR=$O/emulator test/emulator/services.sh stop "$emulated/$name"; done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
