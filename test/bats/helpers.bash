# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of the programs, installed below $ROOT by `make bats`: no root, no network, no engine.

# shellcheck source=test/await.bash
. "$BATS_TEST_DIRNAME/../await.bash"

: "${ROOT:?run by make bats}" "${EMULATOR:?}"
PATH=$ROOT/bin:$PATH
# shellcheck disable=SC2034
SAMPLES=$(cd "$BATS_TEST_DIRNAME/../.." && cd ../shared/samples 2>/dev/null && pwd || echo /nonexistent)
CONF=$ROOT/etc/cgpu/cgpu.conf.d/test.conf

# The user of the package need not exist where the tests run as root.
printf '[run]\nworker-user = nobody\n' >"$ROOT/etc/cgpu/cgpu.conf.d/00-user.conf"

# mint ARGUMENT...: an emulated machine in $NODE, and the configuration that names it, with $POLICY added.
mint() {
	NODE=$BATS_TEST_TMPDIR/node
	rm -rf "$NODE"
	"$EMULATOR/mint" --library "$EMULATOR/libnvidia-ml.so.1" "$@" "$NODE"
	{ cat "$NODE/cgpu.conf"; echo "${POLICY-}"; } >"$CONF"
}

# Three ports in a row that nobody listens on, below those that the system gives to connections.
free_port() {
	local port i
	for _ in $(seq 1000); do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		for i in 0 1 2; do
			if (: <>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null; then continue 2; fi
		done
		echo $port
		return
	done
}

# serve ARGUMENT...: the same, with services that answer at $RIM, $OCSP, $NRAS, in place of the directories.
serve() {
	local port
	PATH=$PATH:/usr/sbin command -v nginx >/dev/null || skip 'no nginx'
	port=$(free_port)
	mint --port "$port" "$@"
	{ cat "$NODE/services/cgpu.conf"; echo "${POLICY-}"; } >"$CONF"
	RIM=https://localhost:$port OCSP=https://localhost:$((port + 1)) NRAS=https://localhost:$((port + 2))
	services start
}

# services start|stop|restart [SERVICE]...
services() {
	local action=$1
	shift
	"$BATS_TEST_DIRNAME/../emulator/services.sh" "$action" "$NODE" "$@"
}

# misbehave LINE...: these are the faults of the services from now on (test/emulator/services/faults.c).
misbehave() {
	printf '%s\n' "$@" >"$NODE/services/faults.conf"
}

# requests JQ-CONDITION: how many requests in the log it holds for; connections SERVICE: how many the service saw.
requests() {
	jq -s "map(select($1)) | length" "$NODE/services/requests.log"
}

connections() {
	jq -s --arg service "$1" \
		'map(select(.service == $service).connection) | unique | length' "$NODE/services/requests.log"
}

# fault LINE...: states and faults of the emulated machine (test/emulator/node.h).
fault() {
	printf '%s\n' "$@" >>"$NODE/node/faults.conf"
}

# code: the exit code in the JSON of $output; step ATTESTER NAME: "STATUS DETAIL" of one step of it.
code() {
	jq -r .code <<<"$output"
}

step() {
	jq -r --arg attester "$1" --arg step "$2" \
		'.steps[] | select(.attester == $attester and .step == $step) | "\(.status) \(.detail)"' <<<"$output"
}

teardown() {
	[ ! -e "${NODE-/nonexistent}/services/run" ] || services stop
	rm -f "$CONF"
}
