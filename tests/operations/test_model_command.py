"""`cloister model` with wrong input: one clear error each, exit code 1 or 2, and nothing written."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.settings.load import ROOT
from operations import deployed, weight_cache
from operations.commands import model, model_cache
from operations.errors import CommandError
from operations.main import main
from tests.operations.fake_hub import CONFIG

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
INDEX = "model.safetensors.index.json"
SMALL = "smollm2-135m-instruct"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a repository with two lock files; its exit code, and what it said in one line."""
    (tmp_path / "models").mkdir()
    for name in ("qwen3-8b", SMALL):
        shutil.copy(ROOT / "models" / f"{name}.lock.yaml", tmp_path / "models")
    monkeypatch.setattr(model, "ROOT", tmp_path)
    monkeypatch.setattr(model_cache, "ROOT", tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def go(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["cloister", "model", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((printed.out + printed.err).split())

    return go


def folder_of(tmp_path: Path, files: Mapping[str, Any]) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"model.safetensors": "x"}, "config.json: missing; name the model's config.json with --config"),
        ({"config.json": "{", "m.safetensors": "x"}, "config.json is not JSON"),
        ({"config.json": [], "m.safetensors": "x"}, "config.json is no object"),
        ({"config.json": CONFIG, "pytorch_model.bin": "x"}, "'pytorch_model.bin' may run code when it is loaded"),
        ({"config.json": CONFIG}, "no weights; a checkpoint has .safetensors or .gguf files"),
        ({"config.json": CONFIG, INDEX: {"weight_map": {"a": "m.safetensors"}}}, "names 'm.safetensors', which is not"),
        ({"config.json": CONFIG, INDEX: {"weight_map": {"a": ["m"]}}}, "has no 'weight_map'"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_refused(
    run: Run, tmp_path: Path, files: Mapping[str, Any], words: str
) -> None:
    folder = folder_of(tmp_path, files)
    code, told = run("lock", "a/b", "--name", "new", "--from-folder", str(folder), "--licence", "mit")
    assert code == 1
    assert words in told
    assert not (tmp_path / "models" / "new.lock.yaml").exists()


def test_a_checkpoint_is_locked_and_locked_again_but_never_over_another_model(run: Run, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"config.json": CONFIG, "m.safetensors": "x"})
    options = ("--name", "new", "--from-folder", str(folder), "--licence", "qwen")
    for _ in range(2):
        code, told = run("lock", "a/b", *options)
        assert code == 0
        assert "licence qwen: conditions: above 100 million users a month" in told
    code, told = run("lock", "other/model", *options)
    assert code == 1
    assert told.endswith("--name: models/new.lock.yaml exists; name another file, it is the lock of a/b")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["lock"], 2, "Missing argument"),
        (["lock", "a/b"], 2, "Missing option '--name'"),
        (["lock", "a/b", "--name", "../x"], 1, "--name: '../x' is no name of a lock file; use 2 to 63 small letters"),
        (["lock", "a/b", "--name", "x"], 1, "--name: 'x' is no name of a lock file"),
        (["lock", "a b", "--name", "new"], 1, "a b: not the name of a repository; write it like owner/name"),
        (
            ["lock", "a/b", "--name", "qwen3-8b"],
            1,
            "qwen3-8b.lock.yaml exists; name another file, it is the lock of Qw",
        ),
        (["lock", "a/b", "--name", "new", "--revision", ""], 1, "a/b: no revision ''; use a branch, a tag or a commit"),
        (["lock", "a/b", "--name", "new", "--licence", "mit"], 2, "--licence is for --from-folder"),
        (["lock", "a/b", "--name", "new", "--note", "x"], 2, "--note is for --from-folder"),
        (["lock", "a/b", "--name", "new", "--from-folder", "/nowhere"], 2, "'/nowhere' does not exist"),
        (["lock", "a/b", "--name", "new", "--from-folder", "/"], 2, "--from-folder needs --licence"),
        (["lock", "a/b", "--name", "new", "--from-folder", "/", "--licence", ""], 2, "--from-folder needs --licence"),
        (
            ["lock", "a/b", "--name", "new", "--from-folder", "/", "--licence", "mit", "--revision", "main"],
            2,
            "--revision is for the Hub",
        ),
        (
            ["lock", "a/b", "--name", "new", "--from-folder", "/", "--licence", "mit", "--weights", "*"],
            2,
            "--weights is for the Hub",
        ),
        (["refresh", "absent"], 1, "models/absent.lock.yaml: no such lock file; `cloister model lock` writes one"),
        (["refresh", SMALL], 1, "comes from a folder; lock the folder again to compare"),
        (["refresh", "qwen3-8b", "--write", "../x"], 1, "--write: '../x' is no name of a lock file"),
        (["refresh", "qwen3-8b", "--write", "qwen3-8b"], 1, "exists; name another file, both revisions are needed"),
        (["complete", "absent"], 1, "models/absent.lock.yaml: no such lock file"),
        (["push", "absent", "--stack", "platform-dev"], 1, "models/absent.lock.yaml: no such lock file"),
        (["push", SMALL], 2, "Missing option '--stack'"),
        (["push", SMALL, "--stack", "absent"], 1, "stacks/Pulumi.absent.yaml: 1 problem no such stack file"),
        (["push", SMALL, "--stack", "serving-dev"], 1, "is of layer serving; the weight cache is a platform stack's"),
        (["push", SMALL, "--stack", "platform-dev", "--bandwidth", "-1"], 2, "'--bandwidth'"),
        (["push", SMALL, "--stack", "platform-dev", "--bandwidth", "nan"], 2, "'--bandwidth'"),
        (["push", "qwen3-8b", "--stack", "platform-dev"], 1, "incomplete; `cloister model complete qwen3-8b`"),
        (["verify", SMALL], 2, "name either --stack or --folder"),
        (["verify", SMALL, "--stack", "platform-dev", "--folder", "/"], 2, "name either --stack or --folder"),
        (["verify", SMALL, "--stack", "images-dev"], 1, "is of layer images; the weight cache is a platform stack's"),
        (["verify", "qwen3-8b", "--folder", "/"], 1, "incomplete; `cloister model complete qwen3-8b`"),
        (["prune", "--stack", "absent"], 1, "no such stack file"),
        (["prune", "--stack", "platform-dev", "--keep", "-1"], 2, "'--keep'"),
        (["unheard-of"], 2, "No such command 'unheard-of'"),
    ],
)
def test_wrong_input_is_one_clear_error(run: Run, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    before = sorted(path.name for path in (tmp_path / "models").iterdir())
    found, told = run(*arguments)
    assert words in told
    assert (found, "Traceback" in told) == (code, False)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == before


@pytest.mark.parametrize("verb", [["push", SMALL], ["verify", SMALL], ["prune"]], ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    ("outputs", "variables", "words"),
    [
        (
            {"weight_cache_bucket_name": "b"},
            {},
            "has no output 'storage_key_arn'; run `pulumi up --stack platform-dev`",
        ),
        ({"storage_key_arn": KEY}, {}, "has no output 'weight_cache_bucket_name'"),
        (None, {}, "no credentials of AWS; sign in, or set AWS_PROFILE"),
        (None, {"AWS_ACCESS_KEY_ID": "a"}, "AWS: Partial credentials found in env"),
        (None, {"AWS_PROFILE": "absent"}, "AWS: The config profile (absent) could not be found; check AWS_PROFILE"),
        (None, {"AWS_ENDPOINT_URL": "nonsense"}, "AWS: Invalid endpoint: nonsense; check AWS_PROFILE and the AWS vari"),
    ],
)
def test_a_cache_that_cannot_be_reached_is_one_clear_error(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: list[str],
    outputs: dict[str, str] | None,
    variables: dict[str, str],
    words: str,
) -> None:
    there = outputs or {"weight_cache_bucket_name": "b", "storage_key_arn": KEY}
    monkeypatch.setattr(weight_cache, "outputs", lambda _: there)
    monkeypatch.setattr(model_cache, "ROOT", ROOT)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, told = run(*verb, "--stack", "platform-dev")
    assert code == 1
    assert words in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (subprocess.CompletedProcess([], 0, "hello", ""), "pulumi printed no JSON"),
        (subprocess.CompletedProcess([], 0, "{}", ""), "has no outputs yet; run `pulumi up --stack platform-dev`"),
        (subprocess.CompletedProcess([], 255, "", "error: no stack\n"), "error: no stack; run `pulumi up"),
        (FileNotFoundError(), "pulumi is not on PATH"),
        (subprocess.TimeoutExpired("pulumi", 120), "pulumi says nothing; see PULUMI_BACKEND_URL"),
    ],
)
def test_a_stack_that_does_not_say_its_outputs_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, answer: Any, words: str
) -> None:
    def answered(*_: Any, **__: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subprocess, "run", answered)
    with pytest.raises(CommandError, match=words):
        deployed.outputs("platform-dev")
