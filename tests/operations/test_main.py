"""The command's help, exit codes and messages, as scripts and strangers meet them."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from operations.main import app, main

RUNNER = CliRunner()
COMMANDS = [
    "",
    "rehearse",
    "model",
    "images",
    "network",
    "network explain",
    "token",
    "gateway",
    "size",
    "kubernetes-token",
]


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["cloister", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = RUNNER.invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_wrong_usage_exits_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(monkeypatch, capsys, "token", "issue", "--stack", "edge-rehearsal")
    assert code == 2
    assert "--client" in err


def test_a_refusal_is_one_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "size", "--stack", "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("cloister: stacks/Pulumi.nowhere.yaml: 1 problem\n  no such stack file; the stacks are ")


def test_the_size_report_is_json_for_scripts() -> None:
    result = RUNNER.invoke(app, ["size", "--stack", "serving-dev", "--json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["models"][0]["memory"]["verdict"] == "ok"
    assert report["usd_per_month"] == pytest.approx(sum(cost["usd_per_month"] or 0 for cost in report["costs"]))


def test_the_size_report_names_the_machines_and_the_price() -> None:
    result = RUNNER.invoke(app, ["size", "--stack", "serving-dev"])
    assert "g6e.2xlarge" in result.output
    assert "USD" in result.output


def test_a_folder_that_differs_from_its_lock_exits_with_1_and_every_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    code, _, err = run(monkeypatch, capsys, "model", "verify", "smollm2-135m-instruct", "--folder", str(empty))
    assert code == 1
    assert "5 differences from its lock file" in err
    assert "model.safetensors" in err


def test_an_unknown_lock_file_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(monkeypatch, capsys, "model", "push", "unheard-of", "--stack", "platform-rehearsal")
    assert code == 1
    assert err == "cloister: models/unheard-of.lock.yaml: no such lock file; `cloister model lock` writes one\n"


def test_revoking_needs_a_token_or_a_client_and_not_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(monkeypatch, capsys, "token", "revoke", "--stack", "edge-rehearsal", "--reason", "test")
    assert code == 2
    assert "--client" in err


def test_an_unknown_engine_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(monkeypatch, capsys, "rehearse", "up", "--engine", "onnx")
    assert code == 1
    assert "--engine 'onnx' is not known; use llama-cpp or vllm" in err


def test_help_does_not_wait_for_the_cloud_clients() -> None:
    script = (
        "import sys; from operations.main import app;"
        "print([name for name in ('boto3', 'pulumi', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
