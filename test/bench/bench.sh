#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh DIR: the figures that the project promises, as ratios and differences within one run. DIR holds measure, noop,
# bare, tls and the emulator; run inside test/node.sh by `make bench`. Fails where a promise is not kept.
set -eu
dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# judge TEXT CONDITION: CONDITION is an arithmetic expression for awk.
judge() {
	if awk "BEGIN { exit !($2) }"; then
		passed=$((passed + 1))
		echo "ok     $1"
	else
		failed=$((failed + 1))
		echo "FAILED $1"
	fi
}

# mint ARGUMENT...: an emulated machine, and the configuration that names it.
mint() {
	rm -rf /opt/cgpu/node
	"$dir/emulator/mint" --library "$dir/emulator/libnvidia-ml.so.1" "$@" /opt/cgpu/node
	cp /opt/cgpu/node/cgpu.conf /opt/cgpu/etc/cgpu/cgpu.conf.d/bench.conf
}

# -- a container without a GPU ----------------------------------------------------------------------------------------
# The real config.json of podman, and the state of a process that has a mount namespace of its own.
record_bundle() {
	mkdir -p "$work/hooks" "$work/root/bin" "$work/bundle"
	cp "$(command -v busybox)" "$work/root/bin/"
	ln -s busybox "$work/root/bin/true"
	tar -C "$work/root" -c . | podman import -q - bench >/dev/null
	printf '#!/bin/sh\ncat >%s/state.json\ncp config.json %s/bundle/\n' "$work" "$work" >"$work/record"
	chmod 755 "$work/record"
	printf '{"version":"1.0.0","hook":{"path":"%s/record"},"when":{"always":true},"stages":["createRuntime"]}' "$work" \
		>"$work/hooks/record.json"
	podman --hooks-dir "$work/hooks" --runtime runc run --rm --network none bench true
	unshare --mount sleep 600 &
	sleeper=$!
	sed -i -E "s|\"pid\":[0-9]+|\"pid\":$sleeper|; s|\"bundle\":\"[^\"]*\"|\"bundle\":\"$work/bundle\"|" "$work/state.json"
}

bench_hook() {
	local hook noop
	record_bundle
	{ read -r noop _; read -r hook _; } < <("$dir/bench/measure" 200 "$work/state.json" "$dir/bench/noop" -- \
		/opt/cgpu/libexec/oci/hooks.d/cgpu-hook createRuntime)
	kill "$sleeper"
	echo "hook without GPU: median $hook ms, a static program that does nothing: $noop ms"
	judge 'the hook adds at most 2 ms to a container without GPU' "$hook - $noop <= 2"
}

# -- a whole verification ---------------------------------------------------------------------------------------------
# What the emulated GPU signed, for the program that only verifies.
save_report() {
	/opt/cgpu/bin/cgpu evidence --gpus 0 --output "$work/evidence.json"
	sed -nE 's/.*"evidence": "([^"]*)".*/\1/p' "$work/evidence.json" | base64 -d >"$work/report"
	signatures=$("$dir/bench/bare" /opt/cgpu/node "$work/report")
}

bench_attest() {
	local floor cpu resident
	mint --gpus 1
	save_report
	{ read -r _ floor _; read -r _ cpu resident; } < <("$dir/bench/measure" 120 /dev/null \
		"$dir/bench/bare" /opt/cgpu/node "$work/report" -- /opt/cgpu/bin/cgpu attest)
	echo "one Hopper: CPU $cpu ms; a bare program that verifies the $signatures signatures: $floor ms; largest process $resident KiB"
	judge 'a full verification costs at most 20 ms of CPU above its signatures' "$cpu - $floor <= 20"
	judge 'the largest process has at most 16 MiB resident' "$resident <= 16384"
}

# The requests that the run made, for the program that makes no more than these: the same manifests, the same questions.
requests() {
	local services=/opt/cgpu/node/services rim ocsp subject
	rim=$(sed -n 's/^rim-url = //p' $services/cgpu.conf) ocsp=$(sed -n 's/^ocsp-url = //p' $services/cgpu.conf)
	sed -nE "s|.*\"service\":\"rim\".*\"path\":\"([^\"]*)\".*|$rim\1|p" $services/requests.log
	while read -r subject; do
		openssl ocsp -issuer "$services/ocsp/$subject/issuer.pem" -cert "$services/ocsp/$subject/issued.pem" \
			-reqout "$work/$subject.question"
		printf '%s\n' "$work/$subject.question" "$ocsp/"
	done < <(sed -nE 's|.*"service":"ocsp".*"subject":"([^"]*)".*|\1|p' $services/requests.log)
}

# Nothing is kept, so that every run asks for everything: what that costs beside TLS, which whoever asks has to pay.
bench_cold() {
	local services=/opt/cgpu/node/services questions floor tls cpu urls
	mint --gpus 1 --port 44380
	EMULATOR=$dir/emulator test/emulator/services.sh start /opt/cgpu/node
	{ sed 's/^rim-dir =.*/&\ncache-dir =/' $services/cgpu.conf; echo 'ocsp-max-age = 0'; } >/opt/cgpu/etc/cgpu/cgpu.conf.d/bench.conf
	/opt/cgpu/bin/cgpu attest >/dev/null
	questions=$(grep -c '"service":"ocsp"' $services/requests.log)
	save_report
	mapfile -t urls < <(requests)
	[ "${#urls[@]}" -eq $((2 + 2 * questions)) ] # two manifests; a question and a place for it
	{ read -r _ floor _; read -r _ tls _; read -r _ cpu _; } < <("$dir/bench/measure" 120 /dev/null \
		"$dir/bench/bare" /opt/cgpu/node "$work/report" -- "$dir/bench/tls" $services/ca.pem "${urls[@]}" -- \
		/opt/cgpu/bin/cgpu attest)
	EMULATOR=$dir/emulator test/emulator/services.sh stop /opt/cgpu/node
	echo "one Hopper, nothing cached, $questions OCSP questions: CPU $cpu ms; TLS with two services and the same requests: $tls ms; a bare program" \
		"that verifies the $signatures signatures: $floor ms"
	# Device chain 4, report 1, manifest signers 3, manifests 2; each answer and its responder's certificate.
	judge 'the bare program verifies what the run has to, no more' "$signatures == 10 + 2 * $questions"
	judge 'a cold run costs at most 25 ms of CPU above TLS and its signatures' "$cpu - $tls - $floor <= 25"
}

verify() {
	printf '%s\n' /opt/cgpu/bin/cgpu verify --gpu-evidence-file "$1" --rim-dir /opt/cgpu/node/rim --ocsp-dir \
		/opt/cgpu/node/ocsp --device-root /opt/cgpu/node/device-root.pem --rim-root /opt/cgpu/node/rim-root.pem \
		--allow-ocsp-without-nonce
}

bench_many() {
	local one eight
	mint --gpus 8
	/opt/cgpu/bin/cgpu evidence --gpus 0 --output "$work/one.json"
	/opt/cgpu/bin/cgpu evidence --output "$work/eight.json"
	mapfile -t first < <(verify "$work/one.json")
	mapfile -t second < <(verify "$work/eight.json")
	{ read -r _ one _; read -r _ eight _; } < <("$dir/bench/measure" 30 /dev/null "${first[@]}" -- "${second[@]}")
	echo "appraisal: CPU $one ms for one GPU, $eight ms for eight"
	judge 'eight GPUs of one model cost at most 2.5 times one' "$eight / $one <= 2.5"
}

bench_hook
bench_attest
bench_cold
bench_many
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
