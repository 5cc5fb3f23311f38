#!/usr/bin/env bash
# Find a proxy of the sign-in tests, or get it; prints the program's path, or nothing where it is
# neither there nor can be had. `proxies.sh oauth2-proxy` builds it with Go, once for all clones;
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

# The Go on PATH where it is new enough.
find_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null) || return 1
    [[ $(printf '%s\n' "go$GO_SERIES" "$version" | sort -V | head -n 1) == "go$GO_SERIES" ]]
}

build() {
    # Nothing but what is pinned: no other toolchain, no changed go.mod, no generator.
    GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOTOOLCHAIN=local \
        go -C "$MODULE" build -ldflags='-s -w' -o "$1" "$PACKAGE"
}

get_oauth2_proxy() {
    local folder started=$SECONDS made
    folder=$(kept)
    if [[ ! -x $folder/oauth2-proxy ]]; then
        find_go || return 0
        echo "  Building oauth2-proxy (once for this version; some minutes) …" >&2
        mkdir -p "$folder"
        # Named only when whole: another clone may build it at the same time.
        made=$(mktemp "$folder/new.XXXXXX")
        if ! build "$made" >&2; then
            rm -f "$made"
            return 0
        fi
        chmod 755 "$made"
        mv -f "$made" "$folder/oauth2-proxy"
        echo "  oauth2-proxy: $((SECONDS - started)) s" >&2
    fi
    echo "$folder/oauth2-proxy"
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
