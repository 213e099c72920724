#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Collateral from services that answer, err, stall or are gone: each fault has its code, its place and its bound,
# nothing is asked twice without a reason, and the cache holds whole verified things or none.

load helpers

DISK=$ROOT/var/cache/cgpu
BOOT=$ROOT/run/cgpu
FETCH=$ROOT/libexec/cgpu/fetch
MORE=${CONF%/*}/zz-more.conf
MIRROR=

forget() {
	rm -rf "$DISK" "$BOOT"
}

setup() {
	forget
}

teardown() {
	[ -z "$MIRROR" ] || kill "$(cat "$MIRROR")"
	[ ! -e "$FETCH.away" ] || mv "$FETCH.away" "$FETCH"
	[ ! -e "${NODE-/nonexistent}/services/run" ] || services stop
	rm -f "$CONF" "$MORE"
	forget
}

# set_conf LINE...: these lines of configuration count besides, and no earlier ones.
set_conf() {
	printf '%s\n' "$@" >"$MORE"
}

# attest [ARGUMENT]...: with an empty log of requests.
attest() {
	: >"$NODE/services/requests.log"
	run cgpu attest --format json "$@"
	grep -E '"(code|message)":' <<<"$output" || true
}

passes() {
	attest "$@"
	[ "$status" -eq 0 ]
}

# refused CODE STEP: the last run ended with it, and that step failed first.
refused() {
	[ "$status" -eq "$1" ] && jq -e --argjson code "$1" --arg step "$2" '.code == $code and .detached_eat == null
		and ([.steps[] | select(.status == "fail")] | first | .step) == $step' <<<"$output" >/dev/null
}

# figures: how often the question was asked that was asked most often, how many different ones there were, and how many
# requests followed a redirect; most and asked: the first two.
figures() {
	jq -rs 'map([.service, .path, .digest]) | [(group_by(.) | map(length) | max // 0), (unique | length),
		(map(select(.[1] == "/stolen")) | length)] | join(" ")' "$NODE/services/requests.log"
}

most() {
	figures | cut -d' ' -f1
}

asked() {
	figures | cut -d' ' -f2
}

# kept: the number of things in the cache. Whole ones: manifests as the service has them, and no file but those.
kept() {
	local file count=0
	for file in "$DISK"/rim/* "$DISK"/keys/* "$BOOT"/ocsp/*; do
		[ -e "$file" ] || continue
		case $file in
		*.xml) cmp -s "$file" "$NODE/rim/${file##*/}" || { echo "not the manifest: $file" >&2; return 1; } ;;
		*.keys | *.answer) ;;
		*) echo "what is $file?" >&2; return 1 ;;
		esac
		count=$((count + 1))
	done
	if find "$DISK" "$BOOT" -name '.?*' 2>/dev/null | grep .; then return 1; fi
	echo $count
}

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# claim NAME: of the overall token in $output.
claim() {
	local text
	text=$(jq -r '.detached_eat[0][1]' <<<"$output" | cut -d. -f2 | tr '_-' '/+')
	while [ $((${#text} % 4)) -ne 0 ]; do text+='='; done
	base64 -d <<<"$text" | jq -r --arg name "$1" '.[$name]'
}

# -- who is asked, and how often -------------------------------------------------------------------------------------

@test "cold: each question once, one HTTP/2 connection for each origin; warm: nobody is asked and fetch is not needed" {
	for gpus in 1 2 8; do
		forget
		serve --gpus $gpus
		passes
		# Two manifests, three certificates of their signers, two above all GPUs, one of each GPU.
		[ "$(asked)" -eq $((7 + gpus)) ]
		[ "$(most)" -eq 1 ]
		[ "$(kept)" -eq $((7 + gpus)) ]
		[ "$(connections rim)" -eq 1 ]
		[ "$(connections ocsp)" -eq 1 ]
		[ "$(requests '.protocol != "HTTP/2.0"')" -eq 0 ]
		mv "$FETCH" "$FETCH.away"
		passes
		mv "$FETCH.away" "$FETCH"
		[ "$(asked)" -eq 0 ]
		services stop
		passes
	done
}

@test "remote: tokens and keys alone; a warm start asks for tokens; both asks for everything" {
	POLICY='verifier = remote' serve --gpus 2
	passes
	[ "$(asked)" -eq 2 ]
	[ "$(connections nras)" -eq 1 ]
	passes
	[ "$(asked)" -eq 1 ]
	[ "$(requests '.path == "/v4/attest/gpu"')" -eq 1 ]
	set_conf '[policy]' 'verifier = both'
	passes
	[ "$(asked)" -eq 10 ]
	[ "$(most)" -eq 1 ]
	passes
	[ "$(asked)" -eq 1 ]
}

# -- every fault of every service ------------------------------------------------------------------------------------

DEADLINE=8

# table_setup VERIFIER [GPUS]: $questions: of a whole run; known from one without a fault. Tokens are asked for each time.
table_setup() {
	serve --gpus "${2-1}"
	set_conf '[network]' 'connect-timeout = 2' 'request-timeout = 2' 'retries = 1' '[policy]' "verifier = $1" \
		'[run]' "deadline = $DEADLINE"
	tokens=0
	[ "$1" = local ] || tokens=1
	passes
	questions=$(asked)
	[ $((questions - tokens)) -eq "$(kept)" ]
}

# Lines "CODE STEP TRIES FAULT" from standard input; STEP -: it passes. TRIES: how often a question is asked at most.
table() {
	local want step tries fault start whole often different stolen
	while read -r want step tries fault; do
		echo "== $fault"
		forget
		misbehave "$fault"
		case $fault in *tls* | *http1*) services restart "${fault%% *}" ;; esac
		start=$(now_ms)
		attest
		[ $(($(now_ms) - start)) -lt $((DEADLINE * 1000 + 1000)) ]
		if [ "$step" = - ]; then [ "$status" -eq 0 ]; else refused "$want" "$step"; fi
		read -r often different stolen < <(figures)
		[ "$often" -le "$tries" ]
		[ "$tries" -eq 1 ] || [ "$often" -gt 1 ]
		[ "$stolen" -eq 0 ]
		whole=$(kept)
		rm "$NODE/services/faults.conf"
		case $fault in *tls* | *http1*) services restart "${fault%% *}" ;; esac
		# What was kept was verified: it counts now, and the rest alone is asked for.
		passes
		read -r often different stolen < <(figures)
		[ "$different" -eq $((questions - whole)) ]
		[ "$often" -le 1 ]
	done
}

# What every service may do; $1: target, $2: step, $3: code of an answer that is none.
manners() {
	table <<-END
		70 $2 1 $1 endless
		70 $2 1 $1 huge-headers 100
		70 $2 1 $1 gzip 2
		69 $2 1 $1 redirect 302 https://localhost:${OCSP##*:}/stolen
		69 $2 2 $1 status 500
		69 $2 1 $1 status 503 60
		0 - 2 $1 flaky 1
		66 $2 2 $1 truncated
		66 $2 2 $1 close
		$3 $2 1 $1 empty
		$3 $2 1 $1 html
		71 $2 1 $1 need-key
	END
	[ "$1" = jwks ] || table <<-END
		67 $2 1 $1 tls wrong-host
		67 $2 1 $1 tls expired
		67 $2 1 $1 tls self-signed
		67 $2 1 $1 tls 1.1
		0 - 1 $1 http1
	END
}

@test "manifests: the manners of the service" {
	table_setup local
	manners rim driver-rim 70
	table <<-END
		69 driver-rim 1 rim redirect 301 $RIM/stolen
		69 driver-rim 1 rim redirect 307 $NRAS/stolen
		69 driver-rim 1 rim redirect 308 /stolen
		69 driver-rim 1 rim status 400
		69 driver-rim 1 rim status 204
		69 driver-rim 2 rim status 429 1
		69 driver-rim 2 rim flaky 99
		71 driver-rim 1 rim need-key 403
	END
}

@test "manifests: what the service says" {
	table_setup local
	table <<-END
		40 driver-rim 1 rim status 404
		40 driver-rim 1 rim 404 DRIVER
		41 vbios-rim 1 rim 404 VBIOS
		70 driver-rim 1 rim wrong-id
		70 vbios-rim 1 rim bad-base64 VBIOS
		70 driver-rim 1 rim not-json
		44 driver-rim-signature 1 rim damaged
		44 vbios-rim-signature 1 rim damaged VBIOS
		48 driver-rim-version 1 rim other-version DRIVER
		48 vbios-rim-version 1 rim other-version VBIOS
	END
}

@test "revocation: the manners of the service" {
	table_setup local
	manners ocsp device-chain-revocation 56
}

@test "revocation: what the service says" {
	table_setup local
	table <<-END
		57 device-chain-revocation 2 ocsp try-later
		57 device-chain-revocation 2 ocsp internal-error ica
		57 device-chain-revocation 1 ocsp unauthorized identity
		57 device-chain-revocation 1 ocsp malformed
		61 device-chain-revocation 1 ocsp revoked brom
		61 device-chain-revocation 1 ocsp revoked ica
		61 driver-rim-revocation 1 ocsp revoked rim-ca
		61 driver-rim-revocation 1 ocsp revoked rim-signer
		62 driver-rim-revocation 1 ocsp hold rim-l3
		63 device-chain-revocation 1 ocsp unknown identity
		60 device-chain-revocation 1 ocsp stale
		60 driver-rim-revocation 1 ocsp future rim-signer
		59 device-chain-revocation 1 ocsp wrong-nonce
		59 driver-rim-revocation 1 ocsp no-nonce rim-l3
		64 device-chain-revocation 1 ocsp other-serial ica
		58 device-chain-revocation 1 ocsp no-purpose
		58 driver-rim-revocation 1 ocsp expired-responder rim-ca
		56 device-chain-revocation 1 ocsp garbage brom
	END
}

@test "remote verifier: the manners of the service" {
	table_setup remote
	manners nras remote-format 85
}

@test "remote verifier: the manners of its key set" {
	table_setup remote
	manners jwks remote-key-set 90
}

REMOTE='
	90 remote-signature 2 nras endless-rollover
	93 remote-evidence 1 nras other-ueid
	88 remote-device-token 1 nras overall-only
	92 remote-token 1 nras failed
	92 remote-token 1 nras failed 4010
	89 remote-format 1 nras missing-device
	87 remote-time 1 nras expired
	88 remote-token 1 nras other-nonce
	88 remote-token 1 nras other-issuer
	85 remote-format 1 nras alg-none
	89 remote-set 1 nras wrong-digest
	90 remote-signature 1 nras other-x5c'

@test "remote verifier: what its tokens say" {
	table_setup remote 2
	table <<<"0 - 2 nras rollover$REMOTE"
}

@test "both verifiers: either one refuses" {
	table_setup both 2
	grep -E 'failed$|other-ueid|wrong-digest' <<<"$REMOTE" | table
	table <<-END
		69 remote-format 1 nras status 400
		69 remote-key-set 1 jwks status 400
		40 driver-rim 1 rim 404
		61 device-chain-revocation 1 ocsp revoked ica
	END
}

@test "remote verifier alone: manifests and revocation answers play no part" {
	POLICY='verifier = remote' serve
	misbehave 'rim status 500' 'ocsp revoked'
	services stop rim ocsp
	passes
}

@test "headers that libcurl itself gives up on: bounded all the same" {
	table_setup both
	for target in rim ocsp nras jwks; do
		forget
		misbehave "$target huge-headers"
		attest
		[[ $status == 66 || $status == 70 ]]
		# libcurl tries a connection that died five times more by itself.
		[ "$(most)" -le 12 ]
	done
}

# -- time ------------------------------------------------------------------------------------------------------------

@test "slow services: 68 where they are slow, and in time" {
	serve
	set_conf '[network]' 'request-timeout = 1' 'retries = 0' '[policy]' 'verifier = both'
	passes
	while read -r step fault; do
		forget
		misbehave "$fault"
		start=$(now_ms)
		attest
		refused 68 "$step"
		[ $(($(now_ms) - start)) -lt 5000 ]
		[ "$(most)" -eq 1 ]
		kept
		rm "$NODE/services/faults.conf"
	done <<-END
		driver-rim rim slow 4000
		driver-rim rim drip 100
		device-chain-revocation ocsp slow 4000
		device-chain-revocation ocsp drip 100
		remote-format nras slow 4000
		remote-format nras drip 100
		remote-key-set jwks slow 4000
	END
}

@test "the deadline ends everything: attempts, pauses, answers that drip" {
	POLICY='verifier = both' serve
	while read -r step fault; do
		forget
		set_conf '[network]' 'request-timeout = 600' 'connect-timeout = 600' 'retries = 10' '[run]' 'deadline = 2'
		misbehave "$fault"
		start=$(now_ms)
		attest
		refused 107 "$step"
		[ $(($(now_ms) - start)) -lt 3000 ]
		kept
		[[ "$fault" != nras* || "$(step run remote-format)" == *"$NRAS"*"no answer before the deadline" ]]
	done <<-END
		driver-rim rim slow 60000
		device-chain-revocation ocsp drip 50
		driver-rim-revocation nras slow 60000
	END
}

# freeze SERVICE: it accepts connections and never says a word.
freeze() {
	# shellcheck disable=SC2046 # one word a process
	kill -STOP $(pgrep -P "$(cat "$NODE/services/run/$1.pid")")
}

thaw() {
	# shellcheck disable=SC2046
	kill -CONT $(pgrep -P "$(cat "$NODE/services/run/$1.pid")")
}

@test "a service that accepts and never answers ends with connect-timeout" {
	POLICY='verifier = both' serve
	set_conf '[network]' 'connect-timeout = 1' 'retries = 0' '[run]' 'deadline = 4'
	while read -r service step; do
		forget
		freeze "$service"
		start=$(now_ms)
		attest
		thaw "$service"
		refused 68 "$step"
		[ $(($(now_ms) - start)) -lt 5000 ]
	done <<-END
		rim driver-rim
		ocsp device-chain-revocation
		nras remote-format
	END
	passes
}

# -- the network goes away -------------------------------------------------------------------------------------------

@test "a service that is gone is refused with 66; what was kept needs none" {
	POLICY='verifier = both' serve
	set_conf '[network]' 'retries = 1'
	while read -r service step; do
		forget
		services stop "$service"
		attest
		refused 66 "$step"
		kept
		services start "$service"
		passes
		[ "$(most)" -eq 1 ]
	done <<-END
		rim driver-rim
		ocsp device-chain-revocation
		nras remote-format
	END
	# After the first manifest, and between the rounds: the rest is kept.
	services stop rim ocsp
	rm "$DISK"/rim/NV_GPU_VBIOS_*
	attest
	refused 66 vbios-rim
	services start rim
	passes
	services stop rim
	passes
	set_conf '[policy]' 'verifier = local'
	services stop
	passes
}

@test "a service that goes away between the rounds" {
	serve
	set_conf '[network]' 'retries = 0'
	misbehave 'rim slow 1500'
	: >"$NODE/services/requests.log"
	cgpu attest --format json >"$BATS_TEST_TMPDIR/out" &
	pid=$!
	await_text 3 requests '.service == "ocsp"'
	services stop ocsp
	status=0
	wait $pid || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/out")
	refused 66 driver-rim-revocation
	[[ "$(step GPU-0 device-chain-revocation)" = ok* ]]
	[ "$(kept)" -eq 5 ]
	services start ocsp
	misbehave
	passes
	[ "$(asked)" -eq 3 ]
}

# -- the service key -------------------------------------------------------------------------------------------------

@test "service key: to its origins alone" {
	POLICY='verifier = both' serve
	key=$NODE/services/service-key
	misbehave 'nras need-key' 'jwks need-key'
	set_conf '[network]' "service-key-file = $key"
	passes
	[ "$(requests ".service == \"nras\" and .key == \"Bearer $(cat "$key")\"")" -eq 2 ]
	[ "$(requests '.service != "nras" and .key == null')" -eq 8 ]
	[ "$(requests '.key != null')" -eq 2 ]
	forget
	misbehave 'rim need-key 403'
	set_conf '[network]' "service-key-file = $key" "service-key-origins = https://localhost:1, $RIM"
	passes
	[ "$(requests '.service == "rim" and .key != null')" -eq 2 ]
	[ "$(requests '.key != null')" -eq 2 ]
	misbehave 'nras need-key' 'ocsp need-key'
	forget
	attest
	refused 71 device-chain-revocation
	[ "$(requests '.service == "ocsp" and .key != null')" -eq 0 ]
	# The origin is scheme, host and port.
	misbehave
	for origin in "http://localhost:${RIM##*:}" "https://127.0.0.1:${RIM##*:}" "$OCSP/more"; do
		forget
		set_conf '[network]' "service-key-file = $key" "service-key-origins = $origin"
		attest
		[ "$(requests '.service == "rim" and .key != null')" -eq 0 ]
	done
	# A redirect takes it nowhere.
	forget
	misbehave "rim redirect 302 $NRAS/stolen"
	set_conf '[network]' "service-key-file = $key" "service-key-origins = $RIM"
	attest
	refused 69 driver-rim
	[ "$(requests '.path == "/stolen"')" -eq 0 ]
}

@test "service key: in no output, argument, environment or log" {
	POLICY='verifier = both' serve
	key=$NODE/services/service-key
	set_conf '[network]' "service-key-file = $key"
	misbehave 'nras slow 1500'
	: >"$NODE/services/requests.log"
	cgpu attest >"$BATS_TEST_TMPDIR/out" 2>&1 &
	pid=$!
	await_text 1 requests '.path == "/v4/attest/gpu"'
	pgrep -P $pid >/dev/null
	run grep -sl -F -f "$key" -- /proc/[0-9]*/cmdline /proc/[0-9]*/environ
	[ "$output" = '' ]
	wait $pid
	cgpu config show >>"$BATS_TEST_TMPDIR/out"
	cgpu config show --format json >>"$BATS_TEST_TMPDIR/out"
	misbehave 'nras need-key'
	printf 'wrong-key-%s\n' 1 >"$BATS_TEST_TMPDIR/key"
	chmod 600 "$BATS_TEST_TMPDIR/key"
	set_conf '[network]' "service-key-file = $BATS_TEST_TMPDIR/key"
	attest
	refused 71 remote-format
	[[ "$output" != *wrong-key-1* ]]
	if grep -rqF -f "$key" "$BATS_TEST_TMPDIR/out" "$ROOT/var" "$ROOT/run"; then false; fi
}

@test "service key: a file that others can read, or that is none, is refused" {
	POLICY='verifier = both' serve
	key=$BATS_TEST_TMPDIR/key
	for content in 'good' '' 'two words' $'two\nlines'; do
		printf '%s' "$content" >"$key"
		chmod 600 "$key"
		forget
		set_conf '[network]' "service-key-file = $key"
		attest
		[ "$content" != good ] || { [ "$status" -eq 0 ]; continue; }
		[ "$status" -eq 2 ]
		[ "$(asked)" -eq 0 ]
	done
	echo good >"$key"
	for mode in 644 640 604; do
		chmod $mode "$key"
		attest
		[ "$status" -eq 2 ]
		[[ "$output" == *"mode $mode, want 600"* ]]
		[ "$(asked)" -eq 0 ]
	done
	rm "$key"
	attest
	[ "$status" -eq 2 ]
}

# -- mirrors ---------------------------------------------------------------------------------------------------------

# mirror SERVICE: the same service over plain http at $PLAIN.
mirror() {
	local run=$NODE/services/run port
	[ -z "$MIRROR" ] || kill "$(cat "$MIRROR")"
	port=$(free_port)
	PLAIN=http://localhost:$port
	MIRROR=$run/mirror-$1.pid
	sed -e "s/listen .*/listen 127.0.0.1:$port;/" -e '/ssl_/d' -e "s|$run/$1.pid|$MIRROR|" "$run/$1.conf" \
		>"$run/mirror-$1.conf"
	PATH=$PATH:/usr/sbin nginx -p "$run" -e "$run/mirror.log" -c "$run/mirror-$1.conf" </dev/null >/dev/null 2>&1 3>&-
}

@test "mirrors: plain http for what is signed, and the token names it" {
	serve
	mirror rim
	set_conf '[collateral]' "rim-url = $PLAIN"
	passes
	[ "$(claim x-cgpu-loosenings)" = plain-http-rim ]
	forget
	set_conf '[collateral]' "rim-url = $PLAIN" 'rim-store = dir'
	attest
	refused 40 driver-rim
	mirror ocsp
	forget
	set_conf '[collateral]' "ocsp-url = $PLAIN"
	passes
	[ "$(claim x-cgpu-loosenings)" = plain-http-ocsp ]
	[ "$(requests '.service == "ocsp" and .protocol == "HTTP/1.1"')" -eq 6 ]
	forget
	set_conf '[policy]'
	passes
	[ "$(claim x-cgpu-loosenings)" = null ] || [ "$(claim x-cgpu-loosenings)" = '' ]
}

@test "mirrors: the remote verifier speaks plain http on this machine alone" {
	serve
	mirror nras
	set_conf '[policy]' 'verifier = both' '[remote]' "nras-url = $PLAIN"
	passes
	[ "$(claim x-cgpu-loosenings)" = plain-http-nras ]
	for url in http://nras.invalid http://10.0.0.1:80 http://localhost.invalid http://127.0.0.1.invalid; do
		set_conf '[remote]' "nras-url = $url"
		run cgpu attest
		[ "$status" -eq 2 ]
		[[ "$output" == *nras-url* ]]
	done
}

@test "mirrors: rim-url with the path and without it" {
	serve
	for url in "$RIM" "$RIM/" "$RIM/v1/rim" "$RIM/v1/rim/"; do
		forget
		set_conf '[collateral]' "rim-url = $url"
		passes
		[ "$(requests '.service == "rim" and (.path | test("^/v1/rim/NV_GPU_[A-Za-z0-9._]+$"))')" -eq 2 ]
	done
}

@test "mirrors: answers without nonce count under the loosening alone" {
	serve
	misbehave 'ocsp no-nonce'
	attest
	refused 59 device-chain-revocation
	set_conf '[policy]' "allow-ocsp-without-nonce = $(date -u -d '2 days' +%F)"
	passes
	[ "$(claim x-cgpu-loosenings)" = allow-ocsp-without-nonce ]
	[ "$(jq -c '[.claims[0] | .. | objects | ."x-nvidia-cert-ocsp-nonce-matches" | values] | unique' <<<"$output")" = \
		'[false]' ]
	set_conf '[policy]' "allow-ocsp-without-nonce = $(date -u -d '2 days ago' +%F)"
	attest
	refused 59 device-chain-revocation
}

# -- the cache -------------------------------------------------------------------------------------------------------

@test "ocsp-max-age: within it nobody is asked, beyond it the responder is" {
	serve
	passes
	set_conf '[policy]' 'ocsp-max-age = 3600'
	passes
	[ "$(asked)" -eq 0 ]
	sleep 1
	set_conf '[policy]' 'ocsp-max-age = 1'
	passes
	[ "$(asked)" -eq 6 ]
	[ "$(requests '.service == "rim"')" -eq 0 ]
	set_conf '[policy]' 'ocsp-max-age = 0'
	for _ in 1 2; do
		passes
		[ "$(asked)" -eq 6 ]
	done
	services stop ocsp
	attest
	refused 66 device-chain-revocation
}

@test "ocsp-certid: questions by either hash" {
	serve
	set_conf '[collateral]' 'ocsp-certid = sha384'
	passes
	[ "$(requests '.hash == "sha384"')" -eq 6 ]
	[ "$(requests '.hash == "sha1"')" -eq 0 ]
	passes
	[ "$(asked)" -eq 0 ]
	set_conf '[collateral]' 'ocsp-certid = sha1'
	passes
	[ "$(requests '.hash == "sha1"')" -eq 6 ]
}

# flip FILE OFFSET: that byte, to one that it was not.
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # the byte as an escape
	printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# damage KIND FILE
damage() {
	local size
	case $1 in
	empty) : >"$2" ;;
	half) size=$(stat -c %s "$2") && truncate -s $((size / 2)) "$2" ;;
	last) size=$(stat -c %s "$2") && flip "$2" $((size - 1)) ;;
	middle) size=$(stat -c %s "$2") && flip "$2" $((size / 2)) ;;
	garbage) head -c 1000 /dev/urandom >"$2" ;;
	large) truncate -s 3M "$2" ;;
	link) mv "$2" "$2.away" && ln -s "$2.away" "$2" ;;
	mode) chmod 666 "$2" ;;
	esac
}

@test "cache: what is damaged goes away and is fetched once" {
	POLICY='verifier = both' serve
	passes
	answers=("$BOOT"/ocsp/*)
	for file in "$DISK"/rim/NV_GPU_DRIVER_* "$DISK"/keys/* "${answers[0]}"; do
		for kind in empty half last middle garbage large link mode; do
			echo "== $kind $file"
			damage $kind "$file"
			passes
			[ "$(asked)" -eq 2 ]
			[ "$(most)" -eq 1 ]
			rm -f "$file.away"
			kept
			passes
			[ "$(asked)" -eq 1 ]
		done
	done
}

@test "cache: a genuine manifest of another version under the name is fetched anew" {
	serve
	passes
	file=$(echo "$DISK"/rim/NV_GPU_DRIVER_*)
	cp "$NODE/services/rim/${file##*/}" "$file"
	passes
	[ "$(asked)" -eq 1 ]
	cmp "$file" "$NODE/rim/${file##*/}"
	cp "$NODE/services/rim/${file##*/}" "$file"
	services stop rim
	attest
	refused 48 driver-rim-version
}

@test "cache: a directory that is not the caller's alone is none, and nothing is refused for it" {
	serve
	for kind in 777 775 owner file missing parent; do
		[ $kind != owner ] || [ "$(id -u)" -eq 0 ] || continue
		forget
		case $kind in
		777 | 775) mkdir -p "$DISK" "$BOOT" && chmod $kind "$DISK" "$BOOT" ;;
		owner) install -d -o nobody "$DISK" "$BOOT" ;;
		file) mkdir -p "${DISK%/*}" && touch "$DISK" "$BOOT" ;;
		missing) set_conf '[collateral]' 'cache-dir = /proc/cgpu/cache' && touch "$BOOT" ;;
		parent)
			mkdir -p "$DISK" && chmod 777 "$DISK" && touch "$BOOT"
			set_conf '[collateral]' "cache-dir = $DISK/below"
			;;
		esac
		for _ in 1 2; do
			passes
			[ "$(asked)" -eq 8 ]
		done
		rm -f "$MORE"
	done
	forget
	set_conf '[collateral]' 'cache-dir ='
	passes
	passes
	[ "$(asked)" -eq 2 ]
}

# -- the remote verifier's keys --------------------------------------------------------------------------------------

KEYS='.path == "/.well-known/jwks.json"'

# at OFFSET COMMAND...: with that clock, by libfaketime; workers get the time from cgpu, and fetch has the true one.
at() {
	local library
	library=$(ls -d /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null) || skip 'no libfaketime'
	FAKETIME=$1 FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=$library "${@:2}"
}

# later SECONDS: attest so many seconds later, by both clocks.
later() {
	: >"$NODE/services/requests.log"
	run at "+${1}s" unshare -T --boottime "$1" cgpu attest --format json
}

@test "keys: a rollover is one question more, an endless one no more than that" {
	POLICY='verifier = remote' serve
	misbehave 'nras rollover'
	passes
	[ "$(requests "$KEYS")" -eq 2 ]
	[ "$(asked)" -eq 2 ]
	passes
	[ "$(requests "$KEYS")" -eq 0 ]
	forget
	misbehave 'nras endless-rollover'
	attest
	refused 90 remote-signature
	[ "$(requests "$KEYS")" -eq 2 ]
	for _ in 1 2 3; do
		attest
		refused 90 remote-signature
		[ "$(requests "$KEYS")" -eq 0 ]
	done
}

@test "keys: kept ones are read anew for a key that they lack, and after a quarter of an hour" {
	unshare -T --boottime 1 true 2>/dev/null || skip 'no time namespaces'
	POLICY='verifier = remote' serve
	passes
	misbehave 'nras rollover'
	attest
	refused 90 remote-signature
	[[ "$output" == *'no key with kid'* ]]
	[ "$(requests "$KEYS")" -eq 0 ]
	curl -s --cacert "$NODE/services/ca.pem" -o /dev/null "$NRAS/.well-known/jwks.json"
	later 20
	[ "$status" -eq 0 ]
	[ "$(requests "$KEYS")" -eq 1 ]
	later 890
	[ "$status" -eq 0 ]
	[ "$(requests "$KEYS")" -eq 0 ]
	later 930
	[ "$status" -eq 0 ]
	[ "$(requests "$KEYS")" -eq 1 ]
}

@test "keys: pinned ones are not asked for, and no other counts" {
	POLICY='verifier = remote' serve
	curl -s --cacert "$NODE/services/ca.pem" -o "$NODE/jwks.json" "$NRAS/.well-known/jwks.json"
	set_conf '[remote]' "key-set-file = $NODE/jwks.json"
	passes
	[ "$(asked)" -eq 1 ]
	misbehave 'nras rollover'
	attest
	refused 90 remote-signature
	[ "$(asked)" -eq 1 ]
	misbehave
	set_conf '[remote]' "key-root = $NODE/services/nras/root.pem"
	passes
	set_conf '[remote]' "key-root = $NODE/device-root.pem"
	attest
	refused 90 remote-signature
	set_conf '[remote]' "key-root = $NODE/nonexistent.pem"
	attest
	[ "$status" -eq 2 ]
}

# -- clocks ----------------------------------------------------------------------------------------------------------

@test "clock: earlier than what a service signed in this boot, by our nonce" {
	for verifier in local remote; do
		forget
		POLICY="verifier = $verifier" serve
		services stop
		at +1d services start
		run at +1d cgpu attest --format json
		[ "$status" -eq 0 ]
		attest
		refused 80 clock
		[[ "$output" == *'what a service signed in this boot'* ]]
		# Another boot has another floor, and a clock within what clocks differ by is no reason.
		rm -r "$BOOT"
		services stop
		services start
		passes
		run at -200s cgpu attest --format json
		[ "$status" -ne 80 ] || [[ "$output" == *'build at'* ]]
		services stop
	done
}

@test "clock: one that stands still while the boot clock goes on" {
	unshare -T --boottime 1 true 2>/dev/null || skip 'no time namespaces'
	serve
	passes
	run unshare -T --boottime 100 cgpu attest --format json
	[ "$status" -eq 0 ]
	run unshare -T --boottime 3600 cgpu attest --format json
	refused 80 clock
	run at +3600s unshare -T --boottime 3600 cgpu attest --format json
	[ "$status" -eq 0 ]
}

@test "clock: ten years on, manifests and tokens have expired" {
	POLICY='verifier = both' serve
	for _ in cold warm; do
		run at +10y cgpu attest --format json
		refused 46 driver-rim-chain
		[[ "$(step run remote-time)" = fail* ]]
		passes
	done
	set_conf '[policy]' 'verifier = remote'
	run at +10y cgpu attest --format json
	refused 90 remote-signature
	[[ "$(step run remote-time)" = fail* ]]
}

# -- other callers ---------------------------------------------------------------------------------------------------

@test "an ordinary user attests with a cache in the XDG directories" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root to become another user'
	serve
	home=$BATS_TEST_TMPDIR/home
	chmod 711 "$BATS_RUN_TMPDIR"
	chmod 644 "$NODE"/node/*.key
	mkdir -m 700 "$home" "$home/cache" "$home/run"
	chown -R nobody "$home"
	as_user() {
		: >"$NODE/services/requests.log"
		run setpriv --reuid nobody --regid nogroup --clear-groups env -i PATH="$PATH" "$@" cgpu attest --format json
		echo "$output"
	}
	setpriv --reuid nobody test -x "$ROOT/bin/cgpu" || skip 'the tree is private'
	as_user XDG_CACHE_HOME="$home/cache" XDG_RUNTIME_DIR="$home/run"
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 8 ]
	[ "$(stat -c %U "$home/cache/cgpu/rim")" = nobody ]
	as_user XDG_CACHE_HOME="$home/cache" XDG_RUNTIME_DIR="$home/run"
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 0 ]
	as_user HOME="$home"
	[ "$status" -eq 0 ]
	[ -e "$home/.cache/cgpu/rim" ]
	as_user
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 8 ]
	[ ! -e "$DISK" ]
}

@test "cgpu verify: offline unless an option names a service" {
	serve
	cgpu evidence --output "$BATS_TEST_TMPDIR/evidence.json" >/dev/null
	verify() {
		: >"$NODE/services/requests.log"
		run cgpu verify --format json --gpu-evidence-file "$BATS_TEST_TMPDIR/evidence.json" \
			--device-root "$NODE/device-root.pem" --rim-root "$NODE/rim-root.pem" "$@"
		echo "$output" | jq -c '[.code, .message]'
	}
	verify
	[ "$status" -eq 40 ]
	[ "$(asked)" -eq 0 ]
	verify --rim-url "$RIM" --ocsp-url "$OCSP"
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 8 ]
	[ "$(most)" -eq 1 ]
	verify --rim-dir "$NODE/rim" --ocsp-url "$OCSP"
	[ "$status" -eq 0 ]
	[ "$(requests '.service == "rim"')" -eq 0 ]
	verify --verifier remote --nras-url "$NRAS"
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 2 ]
	verify --verifier both
	[ "$status" -eq 0 ]
	[ "$(asked)" -eq 10 ]
	misbehave 'nras other-ueid'
	verify --verifier remote
	[ "$status" -eq 93 ]
	misbehave 'ocsp revoked rim-l3'
	verify --rim-url "$RIM" --ocsp-url "$OCSP"
	[ "$status" -eq 61 ]
	[ ! -e "$DISK/rim" ]
	services stop
	verify --rim-url "$RIM" --ocsp-url "$OCSP"
	[ "$status" -eq 66 ]
}

@test "a person at a terminal is told which host is waited for, and how long" {
	serve
	misbehave 'ocsp slow 300'
	run script -qec 'cgpu attest' /dev/null
	[ "$status" -eq 0 ]
	echo "$output"
	[[ $output == *" s  driver"*" s  fetch ${RIM#https://}"*" s  fetch ${OCSP#https://}"* ]]
	[[ $output =~ (0\.[3-9]|[1-9][0-9]*\.[0-9])" s " ]]
	run cgpu attest
	[[ "$output" != *" s  fetch"* ]]
}
