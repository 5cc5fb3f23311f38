#!/usr/bin/env bash
# The steps of the images. The Containerfiles run them, and so does the test of them, which has no
# engine: image.sh web | wheel | install PREFIX | kernels PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."

UV=uv==0.13.9
TOOLS=build/tools

uv() {
    if [[ ! -x $TOOLS/bin/python ]]; then
        python3 -m venv "$TOOLS"
        "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check "$UV"
    fi
    "$TOOLS/bin/python" -m uv --quiet "$@"
}

# make_environment PREFIX REQUIREMENTS: a Python environment with exactly what was locked.
make_environment() {
    uv venv --clear --python "$(command -v python3)" "$1"
    uv pip install --python "$1/bin/python" --link-mode copy --compile-bytecode --no-deps -r "$2"
}

case ${1:-} in
web) # frontend/, schema.graphql → pybot/web/
    npm --prefix frontend ci --no-audit --no-fund --prefer-offline
    npm --prefix frontend run build
    ;;
wheel) # pybot/ with its web app → dist/
    [[ -f pybot/web/index.html ]] || { echo "image.sh: build the web app first" >&2; exit 1; }
    uv build --wheel --python "$(command -v python3)" --out-dir dist
    ;;
install) # dist/ → an environment that serves
    make_environment "$2" requirements/serve.txt
    uv pip install --python "$2/bin/python" --link-mode copy --compile-bytecode --no-deps dist/*.whl
    ;;
kernels) # an environment that code runs in, with what it finds there
    make_environment "$2" requirements/kernel-image.txt
    profile=pybot/services/local/kernel_profile
    packages=$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    cp "$profile/main.py" "$packages/pybot_kernel.py"
    mkdir -p "$2/etc/ipython/startup" "$2/share/pybot/matplotlib"
    cp manifests/kernels/startup.py "$2/etc/ipython/startup/00-pybot.py"
    cp "$profile/matplotlibrc" "$2/share/pybot/"
    # Building the list of fonts takes seconds, which each first plot would.
    MPLCONFIGDIR="$2/share/pybot/matplotlib" "$2/bin/python" -c 'import matplotlib.font_manager'
    ;;
*)
    echo "usage: image.sh web | wheel | install PREFIX | kernels PREFIX" >&2
    exit 2
    ;;
esac
