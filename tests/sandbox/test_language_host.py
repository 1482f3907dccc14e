"""The Python language host, alone and under the real engine with the Docker stand-in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.runtime.proto import language_pb2

from sandbox import processes
from sandbox.engine import language_host, run_program
from sandbox.places import rehearsal_folder
from sandbox.providers.docker import images
from sandbox.providers.serve import to_struct
from sandbox.tools import install_plugins

LLAMA = images.locked()["llama-cpp"].digest
ENVOY = images.locked()["envoy"].digest

PROGRAM = f"""
import sys
import pulumi
import pulumi_docker as docker

print("said by the program")
settings = pulumi.Config()
provider = docker.Provider("docker")
opts = pulumi.ResourceOptions(provider=provider)
network = docker.Network("inside", driver=settings.get("driver") or "bridge", opts=opts)
volume = docker.Volume("cache", opts=opts)
gateway = docker.Container(
    "gateway",
    image="registry/cloister/envoy@{ENVOY}",
    command=["--version"],
    attach=True, must_run=False, logs=True,
    memory=settings.get_int("memory") or 64,
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["gateway.cloister.internal"])],
    mounts=[docker.ContainerMountArgs(target="/cache", type="volume", source=volume.name)],
    opts=opts,
)
pulumi.export("logs", gateway.container_logs)
pulumi.export("secret", settings.get_secret("token"))
if settings.get("fail"):
    raise ValueError("as asked")
if settings.get("hang"):
    print("hanging", flush=True)
    import time
    time.sleep(60)
"""
POLICY = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_host_network(args, report):
    if args.resource_type == "docker:index/network:Network" and args.props.get("driver") == "host":
        report("the host's network is not ours")

PolicyPack("tiny", policies=[ResourceValidationPolicy(
    name="no-host-network", description="x", validate=no_host_network, enforcement_level=EnforcementLevel.MANDATORY)])
"""


def info(**more: Any) -> Any:
    return language_pb2.ProgramInfo(root_directory="/p", program_directory="/p/stacks", entry_point=".", **more)


def test_a_program_runs_in_the_virtualenv_of_its_project(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    options = to_struct({"virtualenv": ".venv"})
    described = language_pb2.ProgramInfo(
        root_directory=str(tmp_path), program_directory=str(tmp_path / "stacks"), entry_point=".", options=options
    )
    request = language_pb2.RunRequest(info=described, stack="dev", dryRun=True, parallel=4)
    command = language_host.program_command(request, "127.0.0.1:1")
    assert command[0] == str(python)
    assert command[-1] == str(tmp_path / "stacks")
    assert command[command.index("--dry-run") + 1] == "true"


def test_a_program_without_virtualenv_runs_in_the_hosts() -> None:
    assert language_host.interpreter(info()) == sys.executable


def test_a_missing_virtualenv_is_named() -> None:
    request = language_pb2.RunRequest(info=info(options=to_struct({"virtualenv": "venv"})))
    response = language_host.LanguageHost("").Run(request, None)
    assert response.error == "virtualenv: /p/venv/bin/python does not exist; make it with `uv sync`"


def test_a_policy_pack_gets_the_engines_address_first() -> None:
    request = language_pb2.RunPluginRequest(info=info(), kind="analyzer", args=["127.0.0.1:1"])
    assert language_host.plugin_command(request)[1:] == ["-u", "-m", "pulumi.policy", "127.0.0.1:1", "/p/stacks"]


def test_output_of_a_plugin_is_passed_on_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    line = [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"]
    monkeypatch.setattr(language_host, "plugin_command", lambda request: line)
    context = SimpleNamespace(add_callback=lambda callback: None)
    request = language_pb2.RunPluginRequest(info=info(), kind="analyzer")
    answers = list(language_host.LanguageHost("").RunPlugin(request, context))
    assert b"".join(answer.stdout for answer in answers) == b"out\n"
    assert b"".join(answer.stderr for answer in answers) == b"err\n"
    assert answers[-1].exitcode == 3


def test_a_traceback_begins_in_the_program(tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text("def f():\n    raise ValueError('x')\nf()\n")
    with pytest.raises(ValueError, match="x") as caught:
        run_program._run(str(tmp_path))
    shown = run_program.program_traceback(caught.value, tmp_path)
    first = next(line for line in shown.splitlines() if "File" in line)
    assert first.strip() == f'File "{program}", line 3, in <module>'


@dataclass(frozen=True)
class Project:
    folder: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        return [str(rehearsal_folder() / "bin" / "pulumi"), *arguments, "--cwd", str(self.folder), "--non-interactive"]

    def pulumi(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    home = tmp_path_factory.mktemp("engine")
    options = f"runtime: {{name: python, options: {{virtualenv: {Path(sys.executable).parents[1]}}}}}\n"
    for file, content in {
        "project/Pulumi.yaml": f"name: tiny\nmain: stacks\nstackConfigDir: stacks\n{options}",
        "project/stacks/__main__.py": PROGRAM,
        "pack/PulumiPolicy.yaml": options,
        "pack/__main__.py": POLICY,
    }.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(content)
    (home / "state").mkdir()
    folder = home / "rehearsal"
    install_plugins(folder)
    environment = {
        **os.environ,
        "CLOISTER_FOLDER": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
    }
    project = Project(home / "project", environment)
    project.pulumi("stack", "init", "dev")
    project.pulumi("config", "set", "--secret", "token", "hidden")
    yield project
    processes.stop_all(folder=folder)


@pytest.mark.engine
def test_a_stack_lives_from_preview_to_destroy(project: Project) -> None:
    pack = str(project.folder.parent / "pack")

    preview = project.pulumi("preview", "--policy-pack", pack)
    assert "said by the program" in preview
    assert "+ 5 to create" in preview

    up = project.pulumi("up", "--yes", "--policy-pack", pack)
    assert "5 created" in up
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets"))
    assert "version:" in outputs["logs"]
    assert outputs["secret"] == "hidden"

    assert "5 unchanged" in project.pulumi("up", "--yes", "--policy-pack", pack)
    assert "5 unchanged" in project.pulumi("refresh", "--yes")

    project.pulumi("config", "set", "memory", "128")
    assert "1 updated" in project.pulumi("up", "--yes")

    project.pulumi("config", "set", "driver", "host")
    refused = project.pulumi("preview", "--policy-pack", pack, code=255)
    assert "the host's network is not ours" in refused
    project.pulumi("config", "rm", "driver")

    assert "5 deleted" in project.pulumi("destroy", "--yes")


@pytest.mark.engine
def test_a_programs_exception_is_shown_from_its_own_first_line(project: Project) -> None:
    project.pulumi("config", "set", "fail", "yes")
    output = project.pulumi("preview", code=255)
    project.pulumi("config", "rm", "fail")
    assert "ValueError: as asked" in output
    assert "stacks/__main__.py" in output
    assert "run_program.py" not in output


@pytest.mark.engine
def test_an_interrupt_ends_the_program(project: Project) -> None:
    project.pulumi("config", "set", "hang", "yes")
    engine = subprocess.Popen(
        project.command("preview"),
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert engine.stdout is not None
        for line in engine.stdout:
            if "hanging" in line:
                break
        began = time.monotonic()
        engine.send_signal(signal.SIGINT)
        engine.stdout.read()
        assert engine.wait(timeout=20) != 0
        assert time.monotonic() - began < 15
        assert _programs_of(project.folder) == []
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.wait()
        if engine.stdout:
            engine.stdout.close()
        project.pulumi("config", "rm", "hang")


def _programs_of(folder: Path) -> list[str]:
    """Command lines of the processes that still run the project's program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if "run_program.py" in line and str(folder) in line:
            found.append(line)
    return found
