"""Enterprise Gateway's own launcher of kernels on Kubernetes, asked for the pod that it makes."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.manifests.tools import ROOT, parse

GATEWAY = ROOT / ".venv-gateway"
LAUNCHER = GATEWAY / "launcher" / "launch_kubernetes.py"
# What the gateway puts into the command, beside the kernel's ID.
GIVEN = {"port_range": "0..0", "response_address": "10.0.0.1:8877", "public_key": "a key"}
# It connects to no cluster when it only writes the pod, but it wants to know one.
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: none
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
"""


def launched(template: Path, argv: list[str], kernel_id: str, env: dict[str, str]) -> Any:
    """The pod that a kernelspec's command makes of a template in this environment.

    The launcher looks for the template beside itself, as the manifests mount it.
    """
    options = [word.format(kernel_id=kernel_id, **GIVEN) for word in argv[2:]]
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as name:
        folder = Path(name)
        config, pod = folder / "kubeconfig", folder / "pod.yaml"
        config.write_text(KUBECONFIG)
        scripts = folder / "python_kubernetes" / "scripts"
        scripts.mkdir(parents=True)
        script = Path(shutil.copy(LAUNCHER, scripts))
        shutil.copyfile(template, scripts / "kernel-pod.yaml.j2")
        command = [GATEWAY / "bin" / "python", script, *options, "--pod-template", pod]
        done = subprocess.run(
            [str(word) for word in command],
            env={**env, "KUBECONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        [written] = parse(pod.read_text())
        return written
