#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `cgpu doctor` on emulated machines: a table from state to line, code and command. Installations: test/system/doctor.bats;
# foreign files: test/unit/test_doctor.c.

load helpers

HEX=$(printf 'ab%.0s' {1..32})

# What other tests left must not count, and theirs must not find what these leave.
setup() {
	rm -rf "$ROOT/var/cache/cgpu" "$ROOT/run/cgpu"
}

# examine [OPTION]...: the findings as JSON in $output, and standard error empty.
examine() {
	status=0
	output=$(cgpu doctor --format json "$@" 2>"$BATS_TEST_TMPDIR/err") || status=$?
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	jq -e '.schema == 1 and (.checks | length) > 10' <<<"$output" >/dev/null
}

# told STATUS CHECK CODE ACTION: such a line is there, and what is to be typed begins so.
told() {
	jq -e --arg status "$1" --arg check "$2" --argjson code "$3" --arg action "$4" '.checks | any(.status == $status and
		.check == $check and (.code // 0) == $code and ((.action // "") | startswith($action)))' <<<"$output" >/dev/null && return
	echo "not told: $*, but:"
	jq -c '.checks[] | select(.status != "ok")' <<<"$output"
	return 1
}

# first: the exit status and the object's code are those of the first check that failed.
first() {
	[ "$status" -eq "$(jq '[.checks[] | select(.status == "fail")][0].code // 0' <<<"$output")" ]
	[ "$status" -eq "$(jq .code <<<"$output")" ]
}

# table [OPTION]...: lines "STATUS CHECK CODE ACTION | MINT-OPTION... | FAULT" from standard input; ACTION: ~ stands for a blank.
table() {
	local want options line state check code action
	while IFS='|' read -r want options line; do
		read -r state check code action <<<"$want"
		echo "== $options | $line"
		# shellcheck disable=SC2086
		mint $options
		[ -z "${line// /}" ] || fault "${line# }"
		examine "$@"
		told "$state" "$check" "$code" "${action//\~/ }"
		first
		[ "$state" != fail ] || [ "$status" -eq "$code" ]
	done
}

@test "a machine that attests: every check of it is ok, and what a start needs is said" {
	mint --gpus 2
	examine
	for check in configuration programs worker-user driver cc-mode environment devtools multi-gpu persistence ready-state firmware-id \
		evidence attestation collateral second-reading; do
		told ok $check 0 ''
	done
	told skip services 0 ''
	[ "$(jq '[.checks[] | select(.check == "firmware-id")] | length' <<<"$output")" -eq 2 ]
	[[ $(jq -r '.checks[] | select(.check == "collateral").detail' <<<"$output") == '2 manifests and '*' revocation answers here; the first manifest ends at '* ]]
	first
}

@test "the text has one line for each check, and the commands in it" {
	mint
	fault 'gpu 0 persistence 0'
	run cgpu doctor
	[ "$status" -eq 25 ]
	[[ $output == *"fail  persistence "*" is off, want on [persistence-off, code 25]; run: systemctl enable --now nvidia-persistenced"* ]]
	[[ ${lines[-1]} == "result: "*" fail, "*"; code 25 (persistence-off)" ]]
	[ "$(grep -cE '^(ok  |warn|fail|skip)  [a-z-]+ ' <<<"$output")" -eq $((${#lines[@]} - 1)) ]
}

@test "states of the machine" {
	table <<-END
		fail cc-mode 20 nvidia_gpu_tools.py~--set-cc-mode=on | | cc-feature 0
		fail cc-mode 28 cgpu~explain~28 | | cc-feature 7
		fail environment 21 nvidia-smi~conf-compute~-q | | environment 1
		fail devtools 22 nvidia_gpu_tools.py~--set-cc-mode=on | | devtools 1
		fail multi-gpu 23 nvidia_gpu_tools.py~--set-ppcie-mode=off | | multi-gpu 1
		fail multi-gpu 24 cgpu~explain~24 | | multi-gpu 2
		fail persistence 25 systemctl~enable~--now~nvidia-persistenced | --gpus 2 | gpu 1 persistence 0
		fail ready-state 26 cgpu~ready~--attest | | ready 0
		fail driver 14 lspci | | gpus 0
		fail driver 12 modprobe~nvidia | | at nvmlInit_v2 return 9
		fail driver 13 systemctl~reboot | | at nvmlInit_v2 return 18
		fail report 15 dmesg | | at nvmlDeviceGetConfComputeGpuAttestationReport return 15
		fail driver 16 dmesg | | at nvmlDeviceGetCount_v2 hang
		fail report 17 dmesg | | at nvmlDeviceGetConfComputeGpuAttestationReport abort
		fail driver 18 cgpu~status | --gpus 2 | gpu 1 minor 0
		fail report 19 nvidia-smi~-q | | at nvmlDeviceGetConfComputeGpuAttestationReport return 4
		fail report 19 nvidia-smi~-q | | gpu 0 report-size 8193
		fail second-reading 27 dmesg | | at nvmlDeviceGetConfComputeGpuAttestationReport set ready 0
	END
}

@test "states of the evidence" {
	table <<-END
		fail nonce 37 cgpu~explain~37 | | gpu 0 nonce $HEX
		fail firmware-id 33 cgpu~explain~33 | | gpu 0 fwid $HEX${HEX:0:32}
		fail measurements 75 cgpu~attest | --gpus 2 | gpu 1 measurement 9 $HEX${HEX:0:32}
		fail device-unique 39 cgpu~explain~39 | --gpus 2 | gpu 1 evidence-of 0
	END
}

@test "collateral that is here, and is not as it should be" {
	table <<-END
		fail driver-rim 40 cgpu~collateral~check | --without-rim driver |
		fail vbios-rim 41 cgpu~collateral~check | --without-rim vbios |
		fail driver-rim-signature 44 cgpu~collateral~verify | --damaged driver |
		warn collateral 44 cgpu~collateral~verify | --damaged vbios |
		fail vbios-rim-version 48 cgpu~collateral~list | --wrong-version vbios |
		fail driver-rim-content 49 cgpu~collateral~list | --wrong-product driver |
		fail driver-rim-chain 46 timedatectl | --expired-signer |
		fail device-chain-revocation 55 cgpu~collateral~check | --without-ocsp |
		fail device-chain-revocation 61 cgpu~explain~61 | --revoked ica |
		fail driver-rim-revocation 62 cgpu~explain~62 | --hold rim-l3 |
		fail device-chain-revocation 63 cgpu~explain~63 | --unknown identity |
		fail device-chain-revocation 60 timedatectl | --stale |
		fail device-chain-revocation 58 cgpu~explain~58 | --damaged-answer ica |
		warn driver-advisory 0 cgpu~collateral~check~--driver~550.127.05 | --driver 550.90.07 |
		ok driver-advisory 0 | --driver 570.86.10 |
	END
}

# -- services --------------------------------------------------------------------------------------------------------

@test "services: asked only with --online, each then; nothing is kept" {
	serve
	examine
	told warn driver-rim 40 'cgpu doctor --online'
	told skip services 0 ''
	told skip measurements 0 ''
	[ "$(jq '[.checks[] | select(.status == "fail" and .check != "podman-hook")] | length' <<<"$output")" -eq 0 ]
	[ ! -s "$NODE/services/requests.log" ]
	examine --online
	told ok services 0 ''
	[ "$(requests '.service == "rim"')" -eq 2 ]
	[ "$(requests '.service == "ocsp"')" -gt 2 ]
	examine
	told warn driver-rim 40 'cgpu doctor --online'
}

@test "services: each fault in its line" {
	local want target line check code action
	POLICY=$'verifier = both\n[network]\nconnect-timeout = 2\nrequest-timeout = 1\nretries = 0' serve
	cgpu attest >/dev/null
	while IFS='|' read -r want target line; do
		read -r code action <<<"$want"
		echo "== $target $line"
		misbehave "${target// /} ${line# }"
		case $line in *tls*) services restart "${target// /}" ;; esac
		examine --online
		told fail services "$code" "${action//\~/ }"
		rm "$NODE/services/faults.conf"
		case $line in *tls*) services restart "${target// /}" ;; esac
	done <<-END
		40 cgpu~collateral~check | rim | 404
		44 cgpu~collateral~verify | rim | damaged
		67 cgpu~config~show | rim | tls wrong-host
		68 cgpu~config~show | rim | slow 3000
		69 cgpu~config~show | rim | redirect 302 https://localhost/
		70 cgpu~config~show | rim | not-json
		71 cgpu~config~show | rim | need-key
		57 cgpu~explain~57 | ocsp | try-later
		58 cgpu~explain~58 | ocsp | no-purpose
		59 cgpu~explain~59 | ocsp | wrong-nonce
		60 timedatectl | ocsp | stale
		61 cgpu~explain~61 | ocsp | revoked
		64 cgpu~explain~64 | ocsp | other-serial
		69 cgpu~config~show | nras | status 500
		92 cgpu~attest~--verifier~local | nras | failed
		85 cgpu~explain~85 | nras | alg-none
		90 cgpu~explain~90 | nras | endless-rollover
	END
	services stop rim
	examine --online
	told fail services 66 'cgpu config show'
}

# -- configuration ---------------------------------------------------------------------------------------------------

@test "configuration: each mistake, and what is loosened" {
	mint
	printf '[policy]\nprivilegde = deny\n' >>"$CONF"
	examine
	told fail configuration 2 'cgpu config check'
	told skip attestation 0 ''
	[ "$status" -eq 2 ]
	mint
	printf '[policy]\nmode = observe\nobserve-until = %s\n' "$(date -u -d '+2 days' +%F)" >>"$CONF"
	examine
	told warn mode 0 'grep -r observe'
	told warn loosening 0 'grep -r allow-ocsp-without-nonce'
	told warn trust 0 'cgpu config show'
	mint
	printf '[run]\nworker-user = nobody-of-this-name\n' >>"$CONF"
	examine
	told fail worker-user 108 'useradd --system'
	first
}

@test "an option that it does not know, an operand, a form that is none" {
	for arguments in --offline 'now' '--format xml'; do
		# shellcheck disable=SC2086
		run cgpu doctor $arguments
		[ "$status" -eq 2 ]
	done
}
