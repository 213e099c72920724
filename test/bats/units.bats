#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd units, read by systemd itself: nothing is started.

load helpers

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

@test "no placeholder is left, and what is started is there" {
	run grep -rE '@[a-z_]+@' "$UNITS"
	[ -z "$output" ]
	while read -r program; do
		[ -x "$program" ]
	done < <(grep -rhoE '^Exec[A-Za-z]*=[^ ]+' "$UNITS" | cut -d= -f2)
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
	for unit in nvidia-persistenced docker containerd crio kubelet podman-restart; do
		printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >"$PLACE/units/$unit.service"
	done
	cat >"$PLACE/units/nvidia-persistenced.service.d/override.conf" <<-'END'
	[Service]
	ExecStartPost=-/bin/echo conf-compute -srs 1
	END
	[ $# -eq 0 ] || cp "$1" "$PLACE/units/nvidia-persistenced.service.d/zz-cgpu.conf"
	printf '[Unit]\nWants=cgpu-ready.service docker.service containerd.service crio.service kubelet.service podman-restart.service\n' \
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

# planned UNIT TEXT: the plan says it about that unit.
planned() {
	awk -v unit="-> Unit $1:" 'index($0, "-> Unit ") { inside = index($0, unit) } inside' "$PLAN" | grep -qF -- "$2"
}

@test "at boot the GPUs are verified after nvidia-persistenced and before any container" {
	[ -x /lib/systemd/systemd ] || skip 'no systemd'
	plan
	planned cgpu-ready.service 'After: nvidia-persistenced.service'
	planned cgpu-ready.service "Command Line: $ROOT/bin/cgpu ready --attest"
	for engine in podman-restart docker containerd crio kubelet; do
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
