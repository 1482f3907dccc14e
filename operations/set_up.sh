#!/bin/sh
# Makes .venv with exactly what requirements.lock names. Run by `make`; safe to run again, and to interrupt.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null 2>&1; then
    echo "set-up: no $python on PATH; install Python 3.11 or newer, or name one with PYTHON=…" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "set-up: $("$python" --version) is too old; install Python 3.11 or newer, or name one with PYTHON=…" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "set-up: $python cannot make virtual environments; install its venv package (Debian: python3-venv)" >&2
    exit 1
fi
started=$(date +%s)
echo "Set-up: packages of requirements.lock into .venv (usually 50 s, the first time about 300 MB to download)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
# uv checks every package against the hashes of the lock; uv itself is checked by pip.
grep -A 40 '^uv==' requirements.lock | awk 'NR > 1 && !/^    / { exit } /^    #/ { next } { print }' >.venv/uv.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
.venv/bin/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
touch .venv/.ready
echo "  done in $(($(date +%s) - started)) s"
