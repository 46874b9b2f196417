#!/bin/sh
# Make .venv and install the pinned packages: `tools/setup.sh run` or `tools/setup.sh dev`.
# Does nothing when it was done for the same requirements, in the same place.
set -eu
cd "$(dirname "$0")/.."
kind=$1
python=.venv/bin/python
oldest=11

say() { printf '%s\n' "deskbell: $*" >&2; }

fits() { "$1" -c "import sys; sys.exit(sys.version_info < (3, $oldest))" >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null 2>&1 && fits "$name"; then
            printf '%s' "$name"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null | head -n 1)
    say "Python 3.$oldest or newer is needed, ${found:-no Python 3} was found. Install it, or name it: make run PYTHON=/path/to/python3"
    return 1
}

# Debian and Ubuntu keep what `venv` needs in a package of its own.
make_environment() {
    if "$1" -m venv --clear .venv >/dev/null 2>&1; then return; fi
    if "$1" -m venv --clear --without-pip .venv >/dev/null 2>&1 &&
        "$1" -m pip --python $python install --quiet pip >/dev/null 2>&1; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing the system's package python3-venv"
        version=$("$1" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update && { apt-get install -y --no-install-recommends "$version" ||
            apt-get install -y --no-install-recommends python3-venv; }; } >/dev/null 2>&1 || true
        if "$1" -m venv --clear .venv >/dev/null 2>&1; then return; fi
    fi
    rm -rf .venv
    say "$1 cannot make an environment: install the system's package python3-venv, then try again"
    return 1
}

if ! { [ -x $python ] && fits $python && $python -m pip --version >/dev/null 2>&1; }; then
    found=$(find_python)
    say "making .venv with $("$found" --version)"
    make_environment "$found"
fi

# What the environment was made for: the requirements, the program's own metadata, this place.
wanted=$($python - "requirements/$kind.txt" pyproject.toml <<'END'
import hashlib, os, sys
facts = [open(name, "rb").read() for name in sys.argv[1:]] + [os.getcwd().encode(), sys.version.encode()]
print(hashlib.sha256(b"\0".join(facts)).hexdigest())
END
)
stamp=.venv/deskbell-$kind
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

say "installing the packages of requirements/$kind.txt (a minute or two, the first time)"
# The list is complete: what a package asks for beyond it is not wanted (see [tool.uv] in pyproject.toml).
$python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "requirements/$kind.txt" || {
    say "the packages could not be installed: see the lines above; the package index must be reachable once"
    exit 1
}
$python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
printf '%s\n' "$wanted" >"$stamp"
