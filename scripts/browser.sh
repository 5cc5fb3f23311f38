#!/usr/bin/env bash
# Find Chromium for the browser tests, or install Debian's as root; prints its path.
source "$(dirname "$0")/lib.sh"

find_browser() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [[ -n $name ]] && command -v "$name"; then
            return
        fi
    done
    return 1
}

if ! find_browser; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        die "the browser tests need Chromium: install it, or name it with CHROMIUM=/path"
    fi
    echo "  Installing Chromium with apt …" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        chromium fonts-dejavu-core; } >&2 </dev/null
    find_browser
fi
