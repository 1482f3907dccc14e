"""`llama-server` of llama.cpp, from the `xllamacpp` wheel: the same flags as far as this project passes them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags of llama.cpp's server that have an effect here or may be passed without one; others are refused."""
    parser = argparse.ArgumentParser(prog="llama-server", allow_abbrev=False)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("-a", "--alias")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("-c", "--ctx-size", type=int, default=4096)
    parser.add_argument("-np", "--parallel", type=int, default=1)
    # One thread for every core spins against whatever else runs there: measured 17 tokens/s instead of 47.
    spare = max(1, len(os.sched_getaffinity(0)) - 1)
    parser.add_argument("-t", "--threads", type=int, default=spare)
    parser.add_argument("-ngl", "--n-gpu-layers", type=int, default=0)
    parser.add_argument("--embedding", "--embeddings", action="store_true")
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--no-webui", "--no-ui", action="store_true")
    parser.add_argument("--no-slots", action="store_true")
    parser.add_argument("--offline", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = parse(arguments)
    if not os.path.isfile(options.model):
        raise SystemExit(f"llama-server: --model {options.model}: no such file")
    import xllamacpp  # loads 34 MB of code; a wrong flag shows without it

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = options.model
    parameters.hostnames = [options.host]
    parameters.port = options.port
    parameters.n_ctx = options.ctx_size
    parameters.n_parallel = options.parallel
    parameters.n_gpu_layers = options.n_gpu_layers
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = options.threads
    parameters.embedding = options.embedding
    parameters.endpoint_metrics = options.metrics
    parameters.endpoint_slots = not options.no_slots
    parameters.ui = not options.no_webui
    parameters.offline = options.offline
    if options.alias:
        parameters.model_alias = {options.alias}
    server = xllamacpp.Server(parameters)
    print("listening on", server.listening_address, flush=True)
    ended.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
