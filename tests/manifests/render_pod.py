"""Renders the kernel's pod as Enterprise Gateway's launcher does (launch_kubernetes.py, 3.3.0).

Run by the Python of the tools: `render_pod.py TEMPLATE`, the kernel's environment as JSON on
standard input, the pod as JSON on standard output. The launcher is in the gateway's image alone.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

jinja2: Any = import_module("jinja2")
yaml: Any = import_module("yaml")
PARSED = {"KERNEL_VOLUME_MOUNTS", "KERNEL_VOLUMES"}


def yaml_safe(value: Any) -> str:
    """The launcher's filter: any value as YAML that stays one value."""
    if isinstance(value, str):
        return str(yaml.dump(value, default_style='"', width=10_000)).strip()
    if isinstance(value, dict | list):
        return str(yaml.dump(value, default_flow_style=True, width=10_000)).strip()
    return str(yaml.dump(value, width=10_000)).replace("\n...", "").strip()


def render(template: Path, env: dict[str, str]) -> Any:
    """The pod, with the environment added to its container's."""
    keywords = {
        name.lower(): yaml.safe_load(value) if name in PARSED else value
        for name, value in env.items()
        if name.startswith("KERNEL_")
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=jinja2.select_autoescape(
            disabled_extensions=("j2", "yaml"), default_for_string=True, default=True
        ),
    )
    environment.filters["yaml_safe"] = yaml_safe
    [pod] = yaml.safe_load_all(environment.get_template(template.name).render(**keywords))
    variables: list[dict[str, str]] = pod["spec"]["containers"][0]["env"] or []
    variables += [{"name": name, "value": value} for name, value in env.items()]
    pod["spec"]["containers"][0]["env"] = variables
    return pod


if __name__ == "__main__":
    json.dump(render(Path(sys.argv[1]), json.load(sys.stdin)), sys.stdout)
