# Sourced by `make test`: finds a Chromium for the tests in a browser, or installs the system's.
# Sets CHROMIUM (its path, or nothing). A browser is `required` where CI=true, else
# `optional`, which lets the tests that need it be skipped.

works() { [ -n "$1" ] && "$1" --version >/dev/null 2>&1; }

find_chromium() {
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable chrome; do
        path=$(command -v "$name" 2>/dev/null) || continue
        if works "$path"; then printf '%s' "$path"; return 0; fi
    done
    for folder in "${PLAYWRIGHT_BROWSERS_PATH:-}" "$HOME/.cache/ms-playwright" "$HOME/Library/Caches/ms-playwright"; do
        for path in "$folder"/chromium-*/chrome-linux*/chrome \
            "$folder"/chromium-*/chrome-mac*/*.app/Contents/MacOS/*; do
            if [ -x "$path" ] && works "$path"; then printf '%s' "$path"; return 0; fi
        done
    done
    return 1
}

install_chromium() {
    [ "$(id -u)" = 0 ] || return 1
    export DEBIAN_FRONTEND=noninteractive
    echo "deskbell: installing Chromium by the system's package manager" >&2
    if command -v apt-get >/dev/null 2>&1; then
        apt-get update && apt-get install -y --no-install-recommends chromium
    elif command -v dnf >/dev/null 2>&1; then
        dnf install -y chromium
    elif command -v apk >/dev/null 2>&1; then
        apk add --no-cache chromium
    elif command -v pacman >/dev/null 2>&1; then
        pacman -Sy --noconfirm chromium
    else
        return 1
    fi >/dev/null 2>&1
}

if [ "${CI:-}" = true ]; then browser=required; else browser=optional; fi
CHROMIUM=$(find_chromium || { install_chromium && find_chromium; } || true)
export CHROMIUM

if [ -z "$CHROMIUM" ]; then
    echo "deskbell: no Chromium: the tests in a browser need one. Install the package chromium, or set CHROMIUM to its path." >&2
    if [ "$browser" = required ]; then exit 1; fi
fi
