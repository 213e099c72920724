#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# packaging/kubernetes: what its files say, and the installer on a scratch node.

load helpers
bats_require_minimum_version 1.5.0

FILES=$BATS_TEST_DIRNAME/../../packaging/kubernetes

# As the image has it, with small files in place of the programs.
setup() {
	export SOURCE=$BATS_TEST_TMPDIR/cgpu HOST=$BATS_TEST_TMPDIR/node CONFIG=$BATS_TEST_TMPDIR/config
	export HOOKS=/run/containers/oci/hooks.d
	DEFINITION=$HOST$HOOKS/zz-cgpu.json
	mkdir -p "$CONFIG" "$SOURCE"/{bin,lib/systemd,libexec/cgpu,libexec/oci/hooks.d,share} "$BATS_TEST_TMPDIR/bin"
	for file in bin/cgpu lib/libx.so.1 lib/systemd/no.service libexec/cgpu/{collect,appraise,fetch} libexec/oci/hooks.d/cgpu-hook; do
		echo "$file" >"$SOURCE/$file"
	done
	cp -r "$ROOT/share/containers" "$SOURCE/share"
	# The disk of the tests is of no interest.
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/bin/sync"
	chmod 755 "$BATS_TEST_TMPDIR/bin/sync"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	printf '[policy]\ngpu-count = 8\n' >"$CONFIG/50-cluster.conf"
}

installer() {
	"$FILES/installer.sh" "$@"
}

# What must hold at every moment: no definition without the programs, each of them whole, the old one or the new one.
holds() {
	local file
	[ -e "$DEFINITION" ] || return 0
	for file in bin/cgpu libexec/oci/hooks.d/cgpu-hook libexec/cgpu/{collect,appraise,fetch} share/containers/oci/hooks.d/zz-cgpu.json; do
		set -- "$HOST$SOURCE/$file"
		[[ $file != *.json ]] || set -- "$DEFINITION"
		cmp -s "$1" "$SOURCE/$file" || cmp "$1" "$SOURCE.old/$file" || return
		[[ $file == *.json ]] || [ -x "$1" ] || return
	done
}

@test "the files: members of the API and no others" {
	python3 -c 'import yaml, jsonschema' 2>/dev/null || skip 'no python3-yaml or python3-jsonschema'
	python3 - "$FILES/../../test/kubernetes.schema.json" "$FILES"/*.yaml <<-'END'
	import copy, json, jsonschema, sys, yaml
	check = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))
	found = [one for name in sys.argv[2:] for one in yaml.safe_load_all(open(name))]
	assert len(found) >= 7, found
	for one in found:
	    jsonschema.validate(one, check.schema)
	    # A wrong spelling anywhere on top is seen.
	    wrong = copy.deepcopy(one); wrong["spek"] = {}
	    assert not check.is_valid(wrong)
	daemon = next(one for one in found if one["kind"] == "DaemonSet")
	wrong = copy.deepcopy(daemon); wrong["spec"]["template"]["spec"]["containers"][0]["securityContext"]["priviledged"] = True
	assert not check.is_valid(wrong)
	# What belongs together.
	spec = daemon["spec"]["template"]["spec"]; pod = spec["containers"][0]
	assert daemon["spec"]["selector"]["matchLabels"] == daemon["spec"]["template"]["metadata"]["labels"]
	assert {m["name"] for m in pod["volumeMounts"]} == {v["name"] for v in spec["volumes"]}
	for volume in spec["volumes"]:
	    mount = next(m for m in pod["volumeMounts"] if m["name"] == volume["name"])
	    assert volume["name"] == "config" or mount["mountPath"] == "/host" + volume["hostPath"]["path"]
	# The installer asks for no device, and for no folder that leads to one: it does not match its own hook.
	assert "limits" not in pod["resources"] and "privileged" not in pod["securityContext"]
	assert not [v for v in spec["volumes"] if "hostPath" in v and (v["hostPath"]["path"] + "/").startswith(("/dev/", "//"))]
	classes = [one for one in found if one["kind"] == "RuntimeClass"]
	policy, binding = (next(one for one in found if one["kind"] == kind) for kind in
	    ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"))
	assert binding["spec"]["policyName"] == policy["metadata"]["name"]
	assert f"runtimeClassName == '{classes[0]['metadata']['name']}'" in policy["spec"]["validations"][0]["expression"]
	example = next(one for one in found if one["kind"] == "Pod")
	assert example["spec"]["runtimeClassName"] == classes[0]["metadata"]["name"]
	END
}

@test "CRI-O's drop-in: TOML, with the default directory and the installer's" {
	python3 -c 'import tomllib' 2>/dev/null || skip 'no tomllib in python3'
	python3 - "$FILES/crio.conf" <<-'END'
	import sys, tomllib
	runtime = tomllib.load(open(sys.argv[1], "rb"))["crio"]["runtime"]
	assert runtime["hooks_dir"] == ["/usr/share/containers/oci/hooks.d", "/run/containers/oci/hooks.d"]
	# No path of one distribution: the handler is that of the default runtime.
	assert runtime["enable_criu_support"] is False
	assert runtime["runtimes"] == {"cgpu": {"inherit_default_runtime": True}}
	END
}

@test "the configuration of the ConfigMap is one that cgpu takes" {
	python3 -c 'import yaml' 2>/dev/null || skip 'no python3-yaml'
	python3 - "$FILES/daemonset.yaml" >"$ROOT/etc/cgpu/cgpu.conf.d/50-cluster.conf" <<-'END'
	import sys, yaml
	print(next(one for one in yaml.safe_load_all(open(sys.argv[1])) if one["kind"] == "ConfigMap")["data"]["50-cluster.conf"])
	END
	run cgpu config show
	rm "$ROOT/etc/cgpu/cgpu.conf.d/50-cluster.conf"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'[exempt gpu-operator]'* ]]
}

@test "installer: programs and definition; a second run changes nothing; away again" {
	run -0 installer install
	[ "$(tail -1 <<<"$output")" = "installed $HOOKS/zz-cgpu.json" ]
	[ "$(tail -3 <<<"$output" | head -1)" = "installed $SOURCE/libexec/oci/hooks.d/cgpu-hook" ]
	[ -e "$DEFINITION" ]
	holds
	cmp "$HOST/etc/cgpu/cgpu.conf.d/50-cluster.conf" "$CONFIG/50-cluster.conf"
	run -0 installer install
	[ -z "$output" ]
	echo x >"$HOST$SOURCE/bin/cgpu"
	run -0 installer install
	[ "$output" = "installed $SOURCE/bin/cgpu" ]
	[ -z "$(find "$HOST" -name '.*' -o -name no.service)" ]
	run -0 installer remove
	[ -z "$(find "$HOST$SOURCE" "$HOST$HOOKS" ! -type d 2>/dev/null)" ]
	run -0 installer remove
	run -2 installer
}

# kill_at COMMAND ACTION BEFORE LEAST: ACTION is killed in place of its 1st, 2nd, ... COMMAND, until it ends, which takes more than
# LEAST times; BEFORE is done each time first.
kill_at() {
	local count bin=$BATS_TEST_TMPDIR/killer real
	real=$(command -v "$1")
	mkdir -p "$bin"
	cat >"$bin/$1" <<-END
	#!/bin/sh
	n=\$((\$(cat $bin/n) - 1))
	echo \$n >$bin/n
	[ \$n -eq 0 ] || exec $real "\$@"
	kill -9 \$PPID
	END
	chmod 755 "$bin/$1"
	for count in $(seq 40); do
		rm -rf "$HOST"
		$3
		echo "$count" >"$bin/n"
		PATH=$bin:$PATH run installer "$2"
		holds
		[ "$status" -ne 0 ] || break
	done
	rm -r "$bin"
	[ "$status" -eq 0 ]
	[ "$count" -gt "$4" ]
}

@test "installer: killed at any step, it leaves no definition without its programs" {
	kill_at mv install : 5
	kill_at cp install : 5
	kill_at rm remove 'installer install' 1
}

old_version() {
	mv "$SOURCE" "$SOURCE.new"
	mv "$SOURCE.old" "$SOURCE"
	installer install
	mv "$SOURCE" "$SOURCE.old"
	mv "$SOURCE.new" "$SOURCE"
}

@test "installer: an update that is killed at any step leaves the gate in place" {
	cp -r "$SOURCE" "$SOURCE.old"
	for file in bin/cgpu libexec/cgpu/collect libexec/oci/hooks.d/cgpu-hook share/containers/oci/hooks.d/zz-cgpu.json; do
		echo >>"$SOURCE/$file"
	done
	gate_stays() { holds && [ -e "$DEFINITION" ]; }
	kill_at mv install old_version 3
	gate_stays
	old_version
	gate_stays
}

@test "installer: kept until it is ended, and then still there" {
	"$FILES/installer.sh" keep >"$BATS_TEST_TMPDIR/log" &
	local pid=$!
	for _ in $(seq 200); do [ ! -e "$DEFINITION" ] || break; sleep 0.1; done
	kill "$pid"
	wait "$pid"
	[ -e "$DEFINITION" ]
	holds
}

# A read by somebody else is what CRI-O does when the directory that it watches changes.
@test "installer: says so when nobody reads the definition, and when the directory is another one" {
	run -0 installer install
	run -1 installer read
	[[ $output == *"nobody has read $HOOKS/zz-cgpu.json"*'systemctl restart crio'* ]]
	# Looking again is no reading.
	run -0 installer install
	run -1 installer read
	cat "$DEFINITION" >/dev/null
	run -0 installer read
	[ -z "$output" ]
	run -0 installer install
	run -0 installer read
	# A hook that was missing: the definition comes again, and is to be read again.
	rm "$HOST$SOURCE/libexec/oci/hooks.d/cgpu-hook"
	run -0 installer install
	[ "$(tail -1 <<<"$output")" = "installed $HOOKS/zz-cgpu.json" ]
	run -1 installer read
	run -0 installer remove
	run -0 installer read
	# The mount of a pod stays on the directory that was removed.
	[ "$(id -u)" -eq 0 ] || return 0
	mkdir "$BATS_TEST_TMPDIR/hooks"
	# shellcheck disable=SC2016 # evaluated there
	run -1 unshare --mount sh -c 'mount --bind "$1/hooks" "$2" && rmdir "$1/hooks" && exec "$3/installer.sh" install' sh \
		"$BATS_TEST_TMPDIR" "$HOST$HOOKS" "$FILES"
	[[ $output == "$HOOKS was removed on the node"* ]]
	[ ! -e "$DEFINITION" ]
}
