#!/usr/bin/env bash
# Find Apache with mod_auth_openidc for the sign-in tests, or install Debian's as root; prints the
# program's path, or nothing where it is neither there nor can be installed.
source "$(dirname "$0")/lib.sh"

MODULE=/usr/lib/apache2/modules/mod_auth_openidc.so

find_apache() {
    [[ -f $MODULE ]] && PATH=$PATH:/usr/sbin command -v apache2
}

if ! find_apache; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        exit 0
    fi
    echo "  Installing Apache with mod_auth_openidc with apt …" >&2
    # apache2-bin, not apache2: the program without a service that would start.
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        apache2-bin libapache2-mod-auth-openidc; } >&2 </dev/null
    find_apache
fi
