#!/usr/bin/env bash
# Browser tests against the real stack, then unit and integration tests (their last line counts).
# With --soak FACTOR only the tests that grow, that many times as large; with --measured in front
# it fails as well when they reach too little of the code or of the schema.
source "$(dirname "$0")/lib.sh"

# Fails what leaves a process, a socket or a file behind.
whole() {
    "$PYTHON_OF_VENV" -m tests.leftovers "$@"
}

arguments=(-n 2 --dist worksteal)
# Measured, in all its processes: how much of Pybot the tests reach.
if [[ ${1:-} == --measured ]]; then
    shift
    measured=$PWD/build/measured
    rm -rf "$measured"
    mkdir -p "$measured"
    export COVERAGE_PROCESS_START=$PWD/pyproject.toml COVERAGE_FILE=$measured/branches
    # With `=`: alone, the folder would be where pytest looks for its tests.
    arguments+=("--measure=$measured")
fi
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
    OAUTH2_PROXY=$(scripts/proxies.sh oauth2-proxy)
    export OAUTH2_PROXY
    nginx=$(scripts/proxies.sh nginx)
    # In CI they must be there: the tests themselves say which one is not.
    if [[ ${CI:-} != true && (-z $OAUTH2_PROXY || -z $nginx) ]]; then
        echo "Left out: sign-in through oauth2-proxy and nginx; it needs nginx (Debian: apt" \
            "install nginx) and oauth2-proxy, which Go 1.26 builds from its modules"
        arguments+=(--ignore=tests/signin/test_{browser_doors,doors,idle,programs,sessions}.py)
    fi
fi
echo "Unit and integration tests …"
whole "$PYTHON_OF_VENV" -m pytest "${arguments[@]}" "$@"
