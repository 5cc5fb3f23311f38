#!/usr/bin/env bash
# Browser tests against the real stack, then unit and integration tests (their last line counts).
source "$(dirname "$0")/lib.sh"

CHROMIUM=$(scripts/browser.sh)
export CHROMIUM
echo "Browser tests …"
npm --prefix frontend run e2e
echo "Unit and integration tests …"
"$PYTHON_OF_VENV" -m pytest -n 2 "$@"
