#!/usr/bin/env bash
# Browser tests against the real stack, then unit and integration tests (their last line counts).
# A whole run fails as well when the latter reach too little of the code or of the schema.
# With --soak FACTOR only the tests that grow, that many times as large.
source "$(dirname "$0")/lib.sh"

# Fails what leaves a process, a socket or a file behind.
whole() {
    "$PYTHON_OF_VENV" -m tests.leftovers "$@"
}

# Twice as many processes as the least number of processors: half of the time tests wait.
arguments=(-n 4 --dist worksteal)
if [[ " $* " != *" --soak"* ]]; then
    CHROMIUM=$(scripts/browser.sh)
    export CHROMIUM
    echo "Browser tests …"
    started=$SECONDS
    whole npm --prefix frontend run e2e
    arguments+=(--took browser $((SECONDS - started)))
    if [[ -z $(scripts/apache.sh) ]]; then
        echo "Left out: the sign-in tests; they need Apache with mod_auth_openidc (Debian: apt" \
            "install apache2-bin libapache2-mod-auth-openidc)"
        arguments+=(--ignore=tests/signin)
    fi
fi
if (($# == 0)); then
    # In all processes, whoever starts them: how much of Pybot the tests reach.
    measured=$PWD/build/measured
    rm -rf "$measured"
    mkdir -p "$measured"
    export COVERAGE_PROCESS_START=$PWD/pyproject.toml COVERAGE_FILE=$measured/branches
    # With `=`: alone, the folder would be where pytest looks for its tests.
    arguments+=("--measure=$measured")
fi
echo "Unit and integration tests …"
whole "$PYTHON_OF_VENV" -m pytest "${arguments[@]}" "$@"
