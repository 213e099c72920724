#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cdi-specs.sh DIR: makes CDI specifications in DIR, in the shape in which nvidia-ctk cdi generate writes them: keys
# sorted, four blanks, everything common to the devices in the edits of the file, hooks at createContainer.
set -eu
mkdir -p "$1"
cd "$1"
version=570.86.10
uuids=(GPU-3f2b8c1a-9d07-4e55-8a61-0c7be2f4d913 GPU-b81e07d4-62fa-4c3b-9e0d-57a4c1f08e26)

mount() { # HOST-PATH [OPTION]
	printf '        - containerPath: %s\n          hostPath: %s\n          options:\n' "$1" "$1"
	printf '            - %s\n' ro nosuid nodev rbind rprivate ${2+"$2"}
}
hook() { # ARGUMENT...
	printf '        - args:\n            - nvidia-cdi-hook\n'
	printf '            - %s\n' "$@"
	printf '          %s\n' 'env:' '  - NVIDIA_CTK_DEBUG=false' 'hookName: createContainer' 'path: /usr/bin/nvidia-cdi-hook'
}
common() { # what every file begins with, after its version
	cat <<-END
	containerEdits:
	    deviceNodes:
	        - path: /dev/nvidia-modeset
	        - path: /dev/nvidia-uvm
	        - path: /dev/nvidia-uvm-tools
	        - path: /dev/nvidiactl
	    env:
	        - NVIDIA_CTK_LIBCUDA_DIR=/usr/lib/x86_64-linux-gnu
	        - NVIDIA_VISIBLE_DEVICES=void
	    hooks:
	END
	hook create-symlinks --link ../libnvidia-allocator.so.1::/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so \
		--link libcuda.so.1::/usr/lib/x86_64-linux-gnu/libcuda.so
	hook enable-cuda-compat --host-driver-version=$version
	hook update-ldcache --folder /usr/lib/x86_64-linux-gnu --folder /usr/lib/x86_64-linux-gnu/vdpau
	hook disable-device-node-modification
	printf '    mounts:\n'
	for library in cuda nvidia-allocator nvidia-ml nvidia-nvvm nvidia-opencl nvidia-ptxjitcompiler; do
		mount /usr/lib/x86_64-linux-gnu/lib$library.so.$version
	done
	mount /run/nvidia-persistenced/socket noexec
	for program in nvidia-cuda-mps-control nvidia-debugdump nvidia-persistenced nvidia-smi; do
		mount /usr/bin/$program
	done
	mount /lib/firmware/nvidia/$version/gsp_ga10x.bin
}
device() { # NAME NODE...
	printf '    - containerEdits:\n        deviceNodes:\n'
	printf '            - path: %s\n' "${@:2}"
	printf '      name: %s\n' "$1"
}
graphics() { # INDEX
	echo "/dev/dri/card$1" "/dev/dri/renderD$((128 + $1))" "/dev/nvidia$1"
}
start() { printf -- '---\ncdiVersion: %s\n' "$1"; }

# shellcheck disable=SC2046 # lists of nodes
{
	start 0.5.0; common; echo devices:
	device '"0"' $(graphics 0); device '"1"' $(graphics 1); device all $(graphics 0) $(graphics 1)
	echo 'kind: nvidia.com/gpu'
} >index.yaml
# shellcheck disable=SC2046
{
	start 0.3.0; common; echo devices:
	device "${uuids[0]}" $(graphics 0); device "${uuids[1]}" $(graphics 1); device all $(graphics 0) $(graphics 1)
	echo 'kind: nvidia.com/gpu'
} >uuid.yaml
{
	start 0.5.0; common; echo devices:
	for name in '"0:0"' MIG-5c0ad1e2-77b3-5d18-a2f4-e9136b80c4d7; do
		device "$name" /dev/nvidia-caps/nvidia-cap12 /dev/nvidia-caps/nvidia-cap13 /dev/nvidia0
	done
	for name in '"0:1"' MIG-e41f9b06-0c5a-5e72-8b3d-1fa27d6490c8; do
		device "$name" /dev/nvidia-caps/nvidia-cap21 /dev/nvidia-caps/nvidia-cap22 /dev/nvidia0
	done
	device all /dev/nvidia-caps/nvidia-cap12 /dev/nvidia-caps/nvidia-cap13 /dev/nvidia-caps/nvidia-cap21 \
		/dev/nvidia-caps/nvidia-cap22 /dev/nvidia0
	echo 'kind: nvidia.com/gpu'
} >mig.yaml
# Coherent memory: the kind of the file has a dot in its class; annotations and group ids need later versions.
{
	start 0.7.0; common; printf '    additionalGids:\n        - 44\n        - 109\ndevices:\n'
	printf '    - annotations:\n        gpu.nvidia.com/coherent: "true"\n'
	device '"0"' /dev/nvidia0 | sed '1s/    -/     /'
	device all /dev/nvidia0
	echo 'kind: nvidia.com/gpu.coherent'
} >coherent.yaml
# By hand: anchors, long and folded text, flow style, comments.
cat >anchors.yaml <<END
# Written by hand.
cdiVersion: "0.5.0"
kind: 'nvidia.com/gpu'
containerEdits:
  env: [NVIDIA_VISIBLE_DEVICES=void, "NOTE=$(printf 'a long text with blanks, %.0s' $(seq 40))"]
  deviceNodes: &control
  - {path: /dev/nvidiactl, permissions: rw}
  - {path: /dev/nvidia-uvm, type: c, fileMode: 438, uid: 0, gid: 0}
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args:
    - nvidia-cdi-hook
    - update-ldcache
    - --folder
    - >-
      /usr/lib/x86_64-linux-gnu
      and more
    env: &quiet [NVIDIA_CTK_DEBUG=false]
    timeout: 20
devices:
- name: "0"
  containerEdits: &first
    deviceNodes: [{path: /dev/nvidia0}]
    env: *quiet
- name: all
  containerEdits: *first
END
# As nvidia-ctk cdi generate --format json: one line.
tr -d '\n' <<'END' >index.json
{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[
{"name":"0","containerEdits":{"deviceNodes":[{"path":"/dev/nvidia0"}]}},
{"name":"all","containerEdits":{"deviceNodes":[{"path":"/dev/nvidia0"}]}}],
"containerEdits":{"env":["NVIDIA_VISIBLE_DEVICES=void"],
"deviceNodes":[{"path":"/dev/nvidiactl"},{"path":"/dev/nvidia-uvm"}],
"hooks":[{"hookName":"createContainer","path":"/usr/bin/nvidia-cdi-hook",
"args":["nvidia-cdi-hook","update-ldcache","--folder","/usr/lib/x86_64-linux-gnu"],"env":["NVIDIA_CTK_DEBUG=false"]}],
"mounts":[{"hostPath":"/usr/bin/nvidia-smi","containerPath":"/usr/bin/nvidia-smi",
"options":["ro","nosuid","nodev","rbind","rprivate"]}]}}
END
