#!/usr/bin/env bash
# Browser tests against the real stack, then unit and integration tests (their last line counts).
source "$(dirname "$0")/lib.sh"

CHROMIUM=$(scripts/browser.sh)
export CHROMIUM
echo "Browser tests …"
npm --prefix frontend run e2e
without=()
if [[ -z $(scripts/apache.sh) ]]; then
    echo "Left out: the sign-in tests; they need Apache with mod_auth_openidc (Debian: apt install" \
        "apache2-bin libapache2-mod-auth-openidc)"
    without=(--ignore=tests/signin)
fi
echo "Unit and integration tests …"
"$PYTHON_OF_VENV" -m pytest -n 2 "${without[@]}" "$@"
