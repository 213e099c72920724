#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is told of a start, heard at the sockets of journald and syslogd; and what must not be heard there.

load helpers

CONF=/opt/cgpu/etc/cgpu/cgpu.conf.d/test.conf
JOURNAL=/run/systemd/journal/socket
HEARD=/run/test/heard

setup_file() {
	system_setup
	make_nodes
	register_driver
	write_spec
	emulate_gpus
	import_image plain
	mkdir -p /run/systemd/journal /run/test
}

setup() {
	system_setup
	rm -rf "$HEARD"
	mkdir -p "$HEARD"
	rm -f "$EMULATED"/node/faults.conf
}

teardown() {
	[ -z "${LISTENER-}" ] || kill "$LISTENER"
	rm -f $JOURNAL /dev/log $CONF
}

# listen SOCKET: each datagram becomes a file in $HEARD, in order.
listen() {
	python3 - "$1" "$HEARD" 3>&- <<-'END' &
	import os, socket, sys
	listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	listener.bind(sys.argv[1])
	count = 0
	while True:
	    datagram = listener.recv(1 << 20)
	    with open(f"{sys.argv[2]}/new", "wb") as file:
	        file.write(datagram)
	    os.rename(f"{sys.argv[2]}/new", f"{sys.argv[2]}/{count}")
	    count += 1
	END
	LISTENER=$!
	for _ in $(seq 500); do
		[ ! -S "$1" ] || return 0
		sleep 0.01
	done
	return 1
}

# heard N: datagram N has come.
heard() {
	for _ in $(seq 500); do
		[ ! -e "$HEARD/$1" ] || return 0
		sleep 0.01
	done
	return 1
}

# field N NAME: its value in datagram N of the journal; it has to stand there once.
field() {
	[ "$(grep -c "^$2=" "$HEARD/$1")" -eq 1 ] && sed -n "s/^$2=//p" "$HEARD/$1"
}

@test "the journal gets one record of each decision, its fields under one prefix" {
	listen $JOURNAL
	start runc --rm --device nvidia.com/gpu=all plain true
	heard 0
	cat "$HEARD/0"
	[ "$(field 0 MESSAGE_ID)" = 40bf2619fe5231e79730916c98bb9c63 ]
	[ "$(field 0 PRIORITY)" = 5 ] && [ "$(field 0 SYSLOG_FACILITY)" = 10 ]
	[ "$(field 0 SYSLOG_IDENTIFIER)" = cgpu-hook ] && [ "$(field 0 MESSAGE)" = attested ]
	[ "$(field 0 CGPU_EVENT)" = allowed ] && [ "$(field 0 CGPU_CODE)" = 0 ] && [ "$(field 0 CGPU_NAME)" = ok ]
	[[ $(field 0 CGPU_CONTAINER) =~ ^[0-9a-f]{64}$ ]]
	[[ $(field 0 CGPU_GPUS) == GPU-* && $(field 0 CGPU_DRIVER_VERSION) == 550.* && $(field 0 CGPU_READY_STATE) == ready ]]
	[[ $(field 0 CGPU_DURATION_MS) =~ ^[0-9]+$ ]]
	[ "$(field 0 CGPU_VERSION)" = "$(cat "$BATS_TEST_DIRNAME/../../VERSION")" ]
	absent -vE '^(MESSAGE|MESSAGE_ID|PRIORITY|SYSLOG_FACILITY|SYSLOG_IDENTIFIER|CGPU_[A-Z_]+)=' "$HEARD/0"
	# The audit line says the same.
	for name in container gpus duration_ms nonce_digest policy_digest; do
		[ "$(tail -1 "$AUDIT" | jq -r .$name)" = "$(field 0 "CGPU_${name^^}")" ]
	done
	tail -1 "$AUDIT" | jq .
	[ "$(tail -1 "$AUDIT" | jq -r .boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
	# What the verdict rests on: both manifests as they lie there, six answers that are young, and until when.
	for name in manifests revocation_serials revocation_oldest revocation_until manifests_until; do
		declare "$name=$(tail -1 "$AUDIT" | jq -r ".$name")"
	done
	[ "$(tr , '\n' <<<"$manifests" | sort)" = "$(cd "$EMULATED/rim" && for file in *.xml; do
		echo "${file%.xml}=$(sha256sum <"$file" | cut -d' ' -f1)"; done | sort)" ]
	[ "$(tr , '\n' <<<"$revocation_serials" | sort)" = \
		"$(cd "$EMULATED/ocsp" && for file in *.der; do file=${file%.der}; echo "${file#*-}"; done | sort)" ]
	[ "$(date -d "$revocation_oldest" +%s)" -le "$(date +%s)" ]
	[[ $revocation_until > $revocation_oldest && $manifests_until > $revocation_oldest ]]
	start crun --rm --device nvidia.com/gpu=all plain true
	heard 1
	[ "$(field 1 CGPU_EVENT)" = allowed ]
	# No GPU: not a word.
	start runc --rm plain true
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	run start runc --rm --device nvidia.com/gpu=all plain true
	heard 2
	cat "$HEARD/2"
	[ "$(field 2 MESSAGE_ID)" = 8e31571ba7a8286164505b5653d6ac0f ] && [ "$(field 2 PRIORITY)" = 3 ]
	[ "$(field 2 CGPU_EVENT)" = refused ] && [ "$(field 2 CGPU_CODE)" = 20 ] && [ "$(field 2 CGPU_NAME)" = cc-off ]
	[[ $(field 2 CGPU_CONTAINER) =~ ^[0-9a-f]{64}$ && $(field 2 CGPU_DURATION_MS) =~ ^[0-9]+$ ]]
	[[ $(field 2 CGPU_REASON) == 'linux.devices['* ]]
	sleep 0.2
	[ ! -e "$HEARD/3" ]
}

@test "the ready state, when it changes" {
	printf 0 >/dev/nvidia31
	echo 'ready-node /dev/nvidia31' >"$EMULATED"/node/faults.conf
	listen $JOURNAL
	"$CGPU" ready --attest >/dev/null
	heard 0
	[ "$(field 0 SYSLOG_IDENTIFIER)" = cgpu ] && [ "$(field 0 CGPU_EVENT)" = ready ] && [ "$(field 0 CGPU_READY_STATE)" = ready ]
	"$CGPU" ready --attest >/dev/null
	"$CGPU" ready --off >/dev/null
	heard 1
	[ "$(field 1 CGPU_EVENT)" = not-ready ] && [ "$(field 1 PRIORITY)" = 4 ]
	rm /dev/nvidia31
}

@test "without a journal, the system log" {
	listen /dev/log
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	run start crun --rm --device nvidia.com/gpu=all plain true
	heard 0
	cat "$HEARD/0"
	[ "$(wc -l <"$HEARD/0")" -eq 0 ]
	[[ $(cat "$HEARD/0") == '<83>cgpu-hook['*']: refused: '*"[cc-off, code 20] container='"*"duration_ms='"* ]]
}

@test "nobody listens, or listens and never reads: the start goes on" {
	rm -f $JOURNAL /dev/log
	start runc --rm --device nvidia.com/gpu=all plain true
	python3 -c 'import socket, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("'$JOURNAL'")
peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
peer.setblocking(False)
try:
    while True:
        peer.sendto(b"x", "'$JOURNAL'")
except BlockingIOError:
    pass
time.sleep(120)' 3>&- &
	LISTENER=$!
	sleep 1
	start runc --rm --device nvidia.com/gpu=all plain true
	[ "$(tail -1 "$AUDIT" | jq -r .event)" = allowed ]
}

@test "what others wrote cannot make fields or lines of its own" {
	local bundle=$'/run/test/bundle\nPRIORITY=0\e[2J'
	listen $JOURNAL
	mkdir -p "$bundle"
	printf %s '{"ociVersion": "1.0.2", "process": {"args": ["x\u0001\n"' >"$bundle/config.json"
	jq -n --arg bundle "$bundle" --argjson pid $$ '{ociVersion: "1.0.2", id: "c1", status: "creating", pid: $pid, bundle: $bundle}' |
		"$HOOK" createRuntime 2>"$HEARD/stderr" || true
	heard 0
	cat -v "$HEARD/0"
	[ "$(field 0 PRIORITY)" = 3 ] && [ "$(field 0 CGPU_EVENT)" = refused ]
	absent -P '[\x00-\x08\x0b-\x1f\x7f]' "$HEARD/0"
	[ "$(wc -l <"$HEARD/stderr")" -eq 1 ]
	tail -1 "$AUDIT" | jq -e '.event == "refused"'
	rm -r "$bundle"
}

@test "no token, no evidence, no key and no secret of a container is told" {
	local key=nvapi-never-to-be-seen-0123456789 out part
	printf %s $key >/opt/cgpu/etc/cgpu/key
	chmod 600 /opt/cgpu/etc/cgpu/key
	printf '[network]\nservice-key-file = /opt/cgpu/etc/cgpu/key\n' >$CONF
	listen $JOURNAL
	out=$(start runc --rm --env "PASSWORD=hunter2-in-a-container" --annotation org.cgpu.challenge=challenge-of-somebody \
		--device nvidia.com/gpu=all plain cat /run/cgpu/token.jwt /run/cgpu/evidence.json)
	heard 0
	echo 'devtools 1' >"$EMULATED"/node/faults.conf
	run start runc --rm --env "PASSWORD=hunter2-in-a-container" --device nvidia.com/gpu=all plain true
	heard 1
	# Any run of characters of the token's parts or of the evidence would do.
	while read -r part; do
		absent -rqF -- "$part" "$HEARD" "$AUDIT"
	done < <(grep -oE '[A-Za-z0-9_+/-]{64,}' <<<"$out" | cut -c1-48)
	[ "$(grep -coE '[A-Za-z0-9_+/-]{64,}' <<<"$out")" -ge 2 ]
	absent -rqE "$key|hunter2|challenge-of-somebody|BEGIN|eyJ" "$HEARD" "$AUDIT"
}

@test "numbers for Prometheus, and a label that ends" {
	rm -f /run/cgpu/metrics
	start runc --rm --device nvidia.com/gpu=all plain true
	start crun --rm --device nvidia.com/gpu=all plain true
	echo 'cc-feature 0' >"$EMULATED"/node/faults.conf
	run start runc --rm --device nvidia.com/gpu=all plain true
	start runc --rm plain true
	"$CGPU" status --format prom >/run/test/prom
	cat /run/test/prom
	grep -qx 'cgpu_starts_total{result="allowed"} 2' /run/test/prom
	grep -qx 'cgpu_starts_total{result="refused"} 1' /run/test/prom
	grep -qx 'cgpu_refusals_total{class="mode",code="20",name="cc-off"} 1' /run/test/prom
	grep -qx 'cgpu_start_duration_seconds_count 3' /run/test/prom
	grep -qx 'cgpu_status_code 20' /run/test/prom
	grep -qE '^cgpu_last_success_timestamp_seconds [0-9]{10}$' /run/test/prom
	[ "$(sed -n 's/^cgpu_collateral_hits_total //p' /run/test/prom)" -ge 4 ]
	[ "$(stat -c '%U %a %s' /run/cgpu/metrics)" = "root 600 $(stat -c %s /run/cgpu/metrics)" ]
	[ "$(stat -c %s /run/cgpu/metrics)" -le 4096 ]
	rm "$EMULATED"/node/faults.conf
	run "$CGPU" status --format nfd
	echo "$output"
	[[ ${lines[0]} =~ ^'# +expiry-time='20..-..-..T..:..:..Z$ ]]
	[ "${lines[1]}" = org.cgpu/status=ok ] && [ "${lines[2]}" = org.cgpu/ready=true ] && [ "${lines[4]}" = org.cgpu/attested=true ]
	# Whatever is done to the file, starts go on.
	for damage in 'rm /run/cgpu/metrics' 'truncate -s 7 /run/cgpu/metrics' 'rm /run/cgpu/metrics && mkdir /run/cgpu/metrics'; do
		eval "$damage"
		start runc --rm --device nvidia.com/gpu=all plain true
	done
	rmdir /run/cgpu/metrics
}
