# Sourced by `make test` and `make scale`: finds a Redis server, or installs the system's.
# Sets REDIS_SERVER (its path, or nothing). It is `required` where CI=true, else
# `optional`, which lets the tests that need it be skipped.

find_redis() {
    for name in "${REDIS_SERVER:-}" redis-server valkey-server; do
        path=$(command -v "$name" 2>/dev/null) || continue
        if "$path" --version >/dev/null 2>&1; then printf '%s' "$path"; return 0; fi
    done
    return 1
}

install_redis() {
    [ "$(id -u)" = 0 ] || return 1
    export DEBIAN_FRONTEND=noninteractive
    echo "deskbell: installing Redis by the system's package manager" >&2
    if command -v apt-get >/dev/null 2>&1; then
        apt-get update && apt-get install -y --no-install-recommends redis-server
    elif command -v dnf >/dev/null 2>&1; then
        dnf install -y redis || dnf install -y valkey
    elif command -v apk >/dev/null 2>&1; then
        apk add --no-cache redis
    elif command -v pacman >/dev/null 2>&1; then
        pacman -Sy --noconfirm valkey
    else
        return 1
    fi >/dev/null 2>&1
}

if [ "${CI:-}" = true ]; then redis=required; else redis=optional; fi
REDIS_SERVER=$(find_redis || { install_redis && find_redis; } || true)
export REDIS_SERVER

if [ -z "$REDIS_SERVER" ]; then
    echo "deskbell: no Redis: a desk in parts and its tests want one. Install the package redis, or set REDIS_SERVER to its path." >&2
    if [ "$redis" = required ]; then exit 1; fi
fi
