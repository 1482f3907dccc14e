"""The command line: `python -m images.registrar certificate …` before Envoy, `… register …` beside it."""

import argparse
import signal
import sys
import threading
from pathlib import Path


def main() -> int:
    """Runs one verb; 0 when it did its work, 1 with one line otherwise, 2 for wrong usage."""
    # First of all: the kernel keeps signals from the first process of a container that does not handle them.
    leave = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leave.set())
    arguments = _parser().parse_args()
    if arguments.verb == "certificate":
        return _certificate(arguments.folder)
    # Half a second of imports that the other verb does not need.
    from images.registrar.register import Registration, run
    from images.registrar.targets import Target

    target = Target(
        group=arguments.target_group,
        address=arguments.address,
        port=arguments.port,
        region=arguments.region,
        timeout_seconds=arguments.timeout_seconds,
    )
    registration = Registration(
        target=target,
        metrics_port=arguments.metrics_port,
        admin_socket=arguments.admin_socket,
        serving_file=arguments.serving_file,
        repeat_seconds=arguments.repeat_seconds,
        trust_seconds=arguments.trust_seconds,
        leave_seconds=arguments.leave_seconds,
        settle_seconds=arguments.settle_seconds,
    )
    return 0 if run(registration, leave) else 1


def _certificate(folder: Path) -> int:
    from images.registrar.certificate import ensure

    try:
        made = ensure(folder)
    except OSError as error:
        print(f"registrar: {error.filename or folder}: {error.strerror}; mount a folder to write to", file=sys.stderr)
        return 1
    print(f"registrar: {folder}: {'a new key and certificate' if made else 'key and certificate are there'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="registrar", description="Stands a gateway behind its load balancer.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    certificate = verbs.add_parser("certificate", help="make the gateway's own TLS key and certificate")
    certificate.add_argument("--folder", required=True, type=Path, help="in memory, shared with Envoy only")
    register = verbs.add_parser("register", help="keep this gateway in the target group until SIGTERM")
    register.add_argument("--target-group", required=True, help="its ARN")
    register.add_argument("--address", required=True, help="the pod's own")
    register.add_argument("--port", required=True, type=int, help="where Envoy speaks TLS")
    register.add_argument("--region", required=True)
    register.add_argument("--metrics-port", required=True, type=int, help="where Envoy answers /ready on loopback")
    register.add_argument("--admin-socket", required=True, type=Path, help="where Envoy is told to drain")
    register.add_argument("--serving-file", required=True, type=Path, help="appears when the load balancer sends here")
    register.add_argument("--repeat-seconds", type=float, default=30.0, help="how often the registration is repeated")
    register.add_argument("--timeout-seconds", type=float, default=5.0, help="patience with one answer of AWS")
    register.add_argument("--trust-seconds", type=float, default=180.0, help="serving after this if health is unknown")
    register.add_argument("--leave-seconds", type=float, default=60.0, help="how long deregistration is tried")
    register.add_argument("--settle-seconds", type=float, default=30.0, help="from deregistration to Envoy's drain")
    return parser


if __name__ == "__main__":
    sys.exit(main())
