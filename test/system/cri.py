#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cri.py SOCKET HANDLER IMAGE CONTAINER COMMAND...: a pod with one container over the Container Runtime Interface, as the
kubelet makes it; CONTAINER is JSON with more members of its ContainerConfig, whose annotations the pod has too, in the
namespace NAMESPACE. Prints what the container prints and ends as it does; 125 and the service's words if it does not start.
PYTHONPATH leads to cri_pb2, which protoc made of cri.proto."""
import json
import os
import sys
import time
import uuid

import grpc
from google.protobuf.json_format import ParseDict

import cri_pb2 as api

NODE, EXITED = 2, 2
LOGS = "/run/test/pods"


def call(method, **fields):
    request, answer = getattr(api, method + "Request"), getattr(api, method + "Response")
    stub = channel.unary_unary("/runtime.v1.RuntimeService/" + method, request.SerializeToString, answer.FromString)
    return stub(request(**fields), timeout=120)


def wait(container):
    while True:
        status = call("ContainerStatus", container_id=container).status
        if status.state == EXITED:
            return status
        time.sleep(0.05)


def run(sandbox):
    container = call("CreateContainer", pod_sandbox_id=sandbox, config=config, sandbox_config=pod).container_id
    try:
        call("StartContainer", container_id=container)
    except grpc.RpcError:
        status = wait(container)
        print(f"container: {status.reason}, exit code {status.exit_code}")
        raise
    status = wait(container)
    with open(f"{LOGS}/{config.log_path}", encoding="utf-8") as log:
        print("".join(line.split(" ", 3)[3] for line in log), end="")
    return status.exit_code


path, handler, image, container, *command = sys.argv[1:]
name = str(uuid.uuid4())
config = api.ContainerConfig(metadata={"name": "c"}, image={"image": image}, command=command, log_path=name + ".log")
ParseDict(json.loads(container), config)
privileged = config.linux.security_context.privileged
pod = api.PodSandboxConfig(
    metadata={"name": name, "uid": name, "namespace": os.environ.get("NAMESPACE", "default")},
    annotations=config.annotations,
    log_directory=LOGS,
    linux={"security_context": {"namespace_options": {"network": NODE}, "privileged": privileged}},
)
channel = grpc.insecure_channel("unix://" + path)
try:
    sandbox = call("RunPodSandbox", config=pod, runtime_handler=handler).pod_sandbox_id
    try:
        sys.exit(run(sandbox))
    finally:
        call("StopPodSandbox", pod_sandbox_id=sandbox)
        call("RemovePodSandbox", pod_sandbox_id=sandbox)
except grpc.RpcError as error:
    print(f"{error.code().name}: {error.details()}")
    sys.exit(125)
