"""The environment that the programs of a rehearsal share."""

import os
import shlex
import sys
from pathlib import Path
from typing import Final

from sandbox.places import rehearsal_folder

REGION: Final = "eu-central-1"


def variables(aws_port: int) -> dict[str, str]:
    """Environment for Pulumi, for the cloud clients and for `cloister`; it holds no secret.

    The state of a rehearsal has no secret either, so its passphrase is empty.

    Args:
        aws_port: where the stand-in of the AWS account listens on 127.0.0.1.
    """
    folder = rehearsal_folder()
    return {
        "PATH": os.pathsep.join([*_programs(), os.environ.get("PATH", "")]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CLOISTER_FOLDER": str(folder),
        "CLOISTER_SANDBOX_KUBERNETES": str(folder / "kubernetes"),
    }


def write_shell_file(environment: dict[str, str]) -> Path:
    """The same environment as a file for `source`; Pulumi's backend folder exists afterwards."""
    (rehearsal_folder() / "state").mkdir(parents=True, exist_ok=True)
    path = rehearsal_folder() / "env"
    lines = [f"export {key}={shlex.quote(value)}" for key, value in environment.items() if key != "PATH"]
    lines.append("export PATH=" + ":".join([*map(shlex.quote, _programs()), "$PATH"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _programs() -> list[str]:
    return [str(rehearsal_folder() / "bin"), str(Path(sys.executable).parent)]
