#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd units, read by systemd itself: nothing is started.

load helpers
load ../as-unit

UNITS=$ROOT/lib/systemd/system

setup() {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
}

# With what NVIDIA's toolkit installs, as far as it matters here. Its exit status is 0 for members that it does not know.
@test "systemd has nothing to say against them" {
	mkdir "$BATS_TEST_TMPDIR/units"
	cd "$BATS_TEST_TMPDIR/units" || return
	cp -r "$UNITS"/. .
	cat >nvidia-cdi-refresh.service <<-END
	[Service]
	Type=oneshot
	Environment=NVIDIA_CTK_CDI_OUTPUT_FILE_PATH=/var/run/cdi/nvidia.yaml
	ExecStart=/bin/true
	RemainAfterExit=yes
	END
	run systemd-analyze verify --man=no ./*.service ./*.path ./*.timer
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	echo 'NoSuchMember=1' >>nvidia-cdi-refresh.service.d/50-cgpu.conf
	run systemd-analyze verify --man=no ./nvidia-cdi-refresh.service
	[[ $output == *NoSuchMember* ]]
}

# Tenths of systemd's own scale, from 0 (nothing is left open) to 100. What is left: root, who changes to the workers' user; the
# GPUs' nodes; the network for collateral; other processes for the metrics; where a container's mount is reached, the calls
# that mount.
threshold() {
	case $1 in
	cgpu-cdi.service) echo 10 ;;
	cgpu-collateral.service | cgpu-features.service | cgpu-metrics.service | cgpu-ready.service) echo 30 ;;
	cgpu-refresh.service) echo 40 ;;
	esac
}

@test "every service leaves open no more than it needs" {
	local place=$BATS_TEST_TMPDIR/root/usr/lib/systemd/system unit
	systemd-analyze --help | grep -q -- --offline || skip 'systemd-analyze cannot judge files'
	mkdir -p "$place"
	cp "$UNITS"/*.service "$place"
	for unit in "$UNITS"/*.service; do
		unit=${unit##*/}
		run systemd-analyze security --no-pager --offline=yes --root="$BATS_TEST_TMPDIR/root" --threshold="$(threshold "$unit")" "$unit"
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *"Overall exposure level for $unit: "* ]]
	done
	# The threshold is one.
	sed -i '/^SystemCallFilter=/d' "$place/$unit"
	run systemd-analyze security --no-pager --offline=yes --root="$BATS_TEST_TMPDIR/root" --threshold="$(threshold "$unit")" "$unit"
	[ "$status" -ne 0 ]
}

# Sandboxes of systemd cannot be entered here. What can be shown: the capabilities suffice, and no call is made that the
# filter denies; the workers' own sandboxes, which need more than most programs, are entered under it.
@test "what the services do, their capabilities and filters allow" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	command -v strace >/dev/null || skip 'no strace'
	command -v setpriv >/dev/null || skip 'no setpriv'
	serve --gpus 2
	mkdir -p "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/cdi"
	traced "$UNITS/cgpu-ready.service" "$ROOT/bin/cgpu" ready --attest
	grep -qw seccomp "$BATS_TEST_TMPDIR/trace.made" && grep -qw setresuid "$BATS_TEST_TMPDIR/trace.made"
	traced "$UNITS/cgpu-collateral.service" "$ROOT/bin/cgpu" collateral refresh
	TEXTFILE_DIR=$BATS_TEST_TMPDIR/out traced "$UNITS/cgpu-metrics.service" /bin/sh -c \
		"$(setting "$UNITS/cgpu-metrics.service" ExecStart)"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/out/cgpu.prom")" = 644 ]
	FEATURES_DIR=$BATS_TEST_TMPDIR/out traced "$UNITS/cgpu-features.service" /bin/sh -ec \
		"$(setting "$UNITS/cgpu-features.service" ExecStart | sed 's/^-//')"
	grep -q attested "$BATS_TEST_TMPDIR/out/cgpu"
	echo '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits":
		{"deviceNodes": [{"path": "/dev/nvidia0"}]}}]}' >"$BATS_TEST_TMPDIR/cdi/nvidia.json"
	traced "$UNITS/cgpu-cdi.service" "$ROOT/bin/cgpu-cdi" guard --in-place "$BATS_TEST_TMPDIR/cdi"
	grep -q cgpu-hook "$BATS_TEST_TMPDIR/cdi/nvidia.json"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/cdi/nvidia.json")" = 644 ]
	# PrivateDevices= hides the nodes.
	if grep /dev/nv "$BATS_TEST_TMPDIR/trace"; then false; fi
}

@test "no placeholder is left, and what is started is there" {
	run grep -rE '@[a-z_]+@' "$UNITS"
	[ -z "$output" ]
	while read -r program; do
		[ -x "$program" ]
	done < <(grep -rhoE '^Exec[A-Za-z]*=[^ ]+' "$UNITS" | cut -d= -f2 | sed 's|^-||')
}

# plan FILE...: what systemd would do at boot with these units, nvidia-persistenced and the engines; into $PLAN. It answers a user
# only, who has to be none of the system's.
plan() {
	local unit as=()
	PLAN=$BATS_TEST_TMPDIR/plan
	# Below /tmp: whoever reads it has to get there.
	PLACE=$(mktemp -d /tmp/cgpu-units-XXXXXX)
	mkdir -p "$PLACE/units/nvidia-persistenced.service.d" "$PLACE/run" "$PLACE/home"
	cp "$UNITS/cgpu-ready.service" "$PLACE/units"
	for unit in nvidia-persistenced docker containerd crio kubelet podman podman-restart; do
		printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >"$PLACE/units/$unit.service"
	done
	cat >"$PLACE/units/nvidia-persistenced.service.d/override.conf" <<-'END'
	[Service]
	ExecStartPost=-/bin/echo conf-compute -srs 1
	END
	[ $# -eq 0 ] || cp "$1" "$PLACE/units/nvidia-persistenced.service.d/zz-cgpu.conf"
	printf '[Unit]\nWants=cgpu-ready.service docker.service containerd.service crio.service kubelet.service podman.service podman-restart.service\n' \
		>"$PLACE/units/test.target"
	chmod -R a+rX "$PLACE"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R nobody: "$PLACE/run" "$PLACE/home"
		as=(setpriv --reuid nobody --clear-groups)
	fi
	"${as[@]}" env -i XDG_RUNTIME_DIR="$PLACE/run" HOME="$PLACE/home" SYSTEMD_LOG_TARGET=console SYSTEMD_UNIT_PATH="$PLACE/units:" \
		/lib/systemd/systemd --test --user --unit=test.target >"$PLAN" 2>"$PLAN.err" || { cat "$PLAN.err"; return 1; }
	rm -rf "$PLACE"
}

# planned UNIT TEXT: the plan says it about that unit. systemd 252 and 257 draw its arrow in two ways.
planned() {
	awk -v unit=" Unit $1:" '/^[[:space:]]*(->|→) Unit / { inside = index($0, unit) } inside' "$PLAN" | grep -qF -- "$2"
}

@test "at boot the GPUs are verified after nvidia-persistenced and before any container" {
	[ -x /lib/systemd/systemd ] || skip 'no systemd'
	plan
	planned cgpu-ready.service 'After: nvidia-persistenced.service'
	planned cgpu-ready.service "Command Line: $ROOT/bin/cgpu ready --attest"
	for engine in podman podman-restart docker containerd crio kubelet; do
		planned $engine.service 'After: cgpu-ready.service'
	done
}

@test "the drop-in takes the vendor's setting away, and nothing else" {
	[ -x /lib/systemd/systemd ] || skip 'no systemd'
	plan
	planned nvidia-persistenced.service 'Command Line: /bin/echo conf-compute -srs 1'
	plan "$ROOT/share/cgpu/nvidia-persistenced.conf"
	if planned nvidia-persistenced.service -srs; then false; fi
	planned nvidia-persistenced.service 'Command Line: /bin/true'
}

@test "the catalogue has an entry for every event, and systemd takes it" {
	local place=$BATS_TEST_TMPDIR/root
	[ "$(grep -oE '"[0-9a-f]{32}"' "$BATS_TEST_DIRNAME/../../lib/log.c" | tr -d '"' | sort)" = \
		"$(sed -n 's/^-- //p' "$ROOT/lib/systemd/catalog/cgpu.catalog" | sort)" ]
	command -v journalctl >/dev/null || skip 'no journalctl'
	mkdir -p "$place/usr/lib/systemd/catalog" "$place/var/lib/systemd/catalog"
	cp "$ROOT/lib/systemd/catalog/cgpu.catalog" "$place/usr/lib/systemd/catalog"
	journalctl --root "$place" --update-catalog
	run journalctl --root "$place" --dump-catalog
	echo "$output"
	[ "$(grep -c '^Defined-By: oci-cgpu-hook$' <<<"$output")" -eq "$(grep -c '^-- ' "$ROOT/lib/systemd/catalog/cgpu.catalog")" ]
	# Fields that a record does not have would stand there as they are.
	for field in $(grep -oE '@[A-Z_]+@' <<<"$output" | tr -d @ | sort -u); do
		case $field in
		CGPU_CODE | CGPU_NAME) ;;
		*) grep -rqE "\"$(tr '[:upper:]' '[:lower:]' <<<"${field#CGPU_}")\"" "$BATS_TEST_DIRNAME/../../hook" \
			"$BATS_TEST_DIRNAME/../../attest/cmd/facts.c" ;;
		esac
	done
}

@test "the audit file is rotated without a word to anybody" {
	command -v logrotate >/dev/null || skip 'no logrotate'
	mkdir -p "$ROOT/var/log/cgpu"
	echo '{}' >"$ROOT/var/log/cgpu/audit.jsonl"
	run logrotate --force --state "$BATS_TEST_TMPDIR/state" "$ROOT/etc/logrotate.d/cgpu"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -e "$ROOT/var/log/cgpu/audit.jsonl.1" ] && [ "$(stat -c %a "$ROOT/var/log/cgpu/audit.jsonl")" = 640 ]
	rm -f "$ROOT"/var/log/cgpu/audit.jsonl*
}

@test "what the timers write is whole, and in the form that its reader knows" {
	local out=$BATS_TEST_TMPDIR/textfiles command
	mkdir "$out"
	mint --gpus 2
	for unit in cgpu-metrics:prom:TEXTFILE_DIR cgpu-features:nfd:FEATURES_DIR; do
		command=$(setting "$UNITS/${unit%%:*}.service" ExecStart | tail -1)
		[[ $command == *"--format $(cut -d: -f2 <<<"$unit") "* ]]
		env "${unit##*:}=$out" sh -c "$command"
	done
	[ "$(find "$out" -type f -printf '%P\n' | sort | tr '\n' ' ')" = 'cgpu cgpu.prom ' ]
	cat "$out/cgpu.prom"
	# Text format: HELP and TYPE once, before the samples of a metric, and nothing of another one between them.
	awk '/^# HELP / { if (seen[$3]++) exit 1; name = $3; next }
		/^# TYPE / { if ($3 != name || $4 !~ /^(counter|gauge|histogram)$/) exit 1; type = $4; next }
		{ metric = $1; sub(/\{.*/, "", metric); if (type == "histogram") sub(/_(bucket|sum|count)$/, "", metric)
		  if (metric != name || $2 !~ /^-?[0-9]+(\.[0-9]+)?$/ || NF != 2) exit 1; samples++ }
		END { exit samples < 12 }' "$out/cgpu.prom"
	grep -qx 'cgpu_status_code 0' "$out/cgpu.prom"
	grep -qx 'cgpu_persistence_mode{gpu="1"} 1' "$out/cgpu.prom"
	grep -qE '^cgpu_collateral_expires_timestamp_seconds\{kind="driver-rim"\} [0-9]+$' "$out/cgpu.prom"
	grep -qE '^# \+expiry-time=' "$out/cgpu"
	# A driver that is gone is a number, and no file that stays as it was.
	fault 'at nvmlInit_v2 return 9'
	run cgpu status --format prom
	[ "$status" -eq 0 ]
	grep -qx 'cgpu_status_code 12' <<<"$output"
	run cgpu status --format nfd
	[ "$status" -eq 0 ]
	grep -qx 'org.cgpu/status=driver-not-loaded' <<<"$output"
	if grep -q attested <<<"$output"; then false; fi
	run cgpu status --format xml
	[ "$status" -eq 2 ]
	status=0
	cgpu status --format prom >/dev/full || status=$?
	[ "$status" -eq 1 ]
}

# The directory is node_exporter's, which may plant links in it.
@test "what the timers write goes through no link, in the file's place or above it" {
	local out=$BATS_TEST_TMPDIR/textfiles
	mkdir "$out"
	echo kept >"$BATS_TEST_TMPDIR/victim"
	for name in cgpu.prom .cgpu.new .cgpu.prom; do ln -s "$BATS_TEST_TMPDIR/victim" "$out/$name"; done
	run cgpu status --format prom --output "$out/cgpu.prom"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -L "$out/cgpu.prom" ] && grep -q '^# HELP cgpu_status_code' "$out/cgpu.prom"
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" = kept ]
	# What is there stays when the next document cannot be written, and no part of one is left.
	ln -s textfiles "$BATS_TEST_TMPDIR/link"
	cp "$out/cgpu.prom" "$BATS_TEST_TMPDIR/before"
	for place in link/cgpu.prom link/none/cgpu.prom none/cgpu.prom textfiles; do
		run cgpu status --format prom --output "$BATS_TEST_TMPDIR/$place"
		echo "$output"
		[ "$status" -eq 2 ]
		[[ $output == *"$place: "* ]]
	done
	cmp "$out/cgpu.prom" "$BATS_TEST_TMPDIR/before"
	[ "$(find "$out" -type f -printf '%P\n')" = cgpu.prom ]
	run cgpu status --output "$out/cgpu.prom"
	[ "$status" -eq 2 ]
	grep -qE '^ExecStart=[^ ]+ status --format prom --output \$\{TEXTFILE_DIR\}/cgpu.prom$' "$UNITS/cgpu-metrics.service"
	grep -qx ProtectSystem=strict "$UNITS/cgpu-metrics.service"
	grep -qx ProtectSystem=strict "$UNITS/cgpu-features.service"
}
