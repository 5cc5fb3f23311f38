#!/usr/bin/env bash
# Resolve the Python packages again. No index lines: the project names no registry's host.
source "$(dirname "$0")/lib.sh"

compile() {
    "$PYTHON_OF_VENV" -m uv pip compile --quiet --universal --python-version 3.11 \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

compile pyproject.toml -o requirements/serve.txt
compile pyproject.toml --extra local -o requirements/local.txt
compile pyproject.toml --extra local --group dev -o requirements/dev.txt
compile requirements/kernels.in -o requirements/kernels.txt
compile requirements/gateway.in -o requirements/gateway.txt
compile requirements/kernel-image.in -o requirements/kernel-image.txt
compile requirements/clients.in -o requirements/clients.txt
compile requirements/manifests.in -o requirements/manifests.txt
compile requirements/mutants.in -c requirements/dev.txt -o requirements/mutants.txt
