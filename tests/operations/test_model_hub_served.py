"""Locks and pushes from a Hub on loopback, by the Hub's real client: what it refuses is one clear error each."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants

from components.model.lock import ModelLock, dump, load_lock
from operations import hub as client_side
from operations import hub_answers
from operations.errors import CommandError
from operations.hub import open_stream
from operations.model_lock import complete, lock_from_hub
from operations.model_push import hub_source, push
from operations.model_verify import verify_bucket
from tests.loopback_s3 import environment, s3_client, s3_server
from tests.operations.fake_hub import CONFIG
from tests.operations.loopback_hub import SIGNATURE, Fault, LoopbackHub, Repository, loopback_hub

ROOT = Path(__file__).parents[2]
NAME = "example/small"
NEW, OLD = "b" * 40, "a" * 40
TOKEN = "hf_secretsecretsecret"
SHARD = "model-00001-of-00001.safetensors"
WEIGHTS = os.urandom(3_000_000)
BUSY = Fault(status=429, headers=(("ratelimit", '"api";r=0;t=0'),))


def files(**changes: bytes) -> dict[str, bytes]:
    return {
        "config.json": json.dumps(CONFIG).encode(),
        "README.md": b"---\nlicense: mit\n---\n# Small\n",
        "LICENSE": b"MIT",
        "tokenizer.json": b'{"a": 1}',
        "model.safetensors.index.json": json.dumps({"weight_map": {"a": SHARD}}).encode(),
        SHARD: WEIGHTS,
        "pytorch_model.bin": b"p",
        **changes,
    }


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub that this process's client asks, as HF_ENDPOINT would make it do in a new process."""
    place = tmp_path / "hub"
    place.mkdir()
    with loopback_hub(place) as made:
        made.repositories[NAME] = Repository(
            commits={NEW: files(), OLD: files(LICENSE=b"old")}, card={"license": "mit"}
        )
        monkeypatch.setattr(constants, "ENDPOINT", made.endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(hub_answers, "PAUSE_SECONDS", 0.001)
        monkeypatch.setenv("SSL_CERT_FILE", str(place / "authority.pem"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        huggingface_hub.close_session()
        yield made
        huggingface_hub.close_session()


def locked(revision: str | None = None, name: str = NAME) -> ModelLock:
    return lock_from_hub(name, revision, "small", client=HfApi())


def read(path: str, name: str = NAME, revision: str = NEW) -> bytes:
    with open_stream(name, revision, path) as stream:
        return b"".join(iter(lambda: stream.read(2**20), b""))


def silent(text: str) -> None:
    assert text


def refused(call: Callable[[], Any]) -> str:
    """What a person is told: one line, that names no token and no signed address."""
    with pytest.raises(CommandError) as caught:
        call()
    words = str(caught.value)
    assert "\n" not in words
    assert TOKEN not in words
    assert SIGNATURE not in words
    return words


def test_a_lock_holds_what_the_hub_says(hub: LoopbackHub) -> None:
    lock = locked()
    assert (lock.revision, lock.licence.id, lock.gated, lock.weights_bytes) == (NEW, "mit", False, len(WEIGHTS))
    given = {file.path: (file.size_bytes, file.sha256) for file in lock.files}
    expected = {path: content for path, content in files().items() if path not in ("README.md", "pytorch_model.bin")}
    assert given == {path: (len(it), hashlib.sha256(it).hexdigest()) for path, it in expected.items()}
    # Nothing large is read: the Hub knows its digest.
    assert not hub.paths(hub.storage.removeprefix("https://"))


@pytest.mark.parametrize(("revision", "commit"), [(None, NEW), ("main", NEW), (OLD, OLD)])
def test_a_revision_is_pinned_to_its_commit(hub: LoopbackHub, revision: str | None, commit: str) -> None:
    assert locked(revision).revision == commit
    asked = [path for path in hub.paths(hub.endpoint.removeprefix("https://")) if "/resolve/" in path]
    assert asked
    assert all(f"/resolve/{commit}/" in path for path in asked)


def test_what_does_not_exist_is_told_apart(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "absent/absent: no such repository, or it is private and HF_TOKEN may not read it"
    assert refused(lambda: locked(name="absent/absent")).startswith(absent)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.tokens[TOKEN] = True
    assert refused(lambda: locked(name="absent/absent")).startswith(absent)
    assert refused(lambda: locked("v9")) == f"{NAME}: no revision 'v9'; use a branch, a tag or a commit's hash"
    hub.repositories[NAME].commits.clear()
    assert (
        refused(locked) == f"{NAME}: the repository has no commit yet; wait for its files, or name another repository"
    )
    assert refused(lambda: locked(name="a b/c")) == ("a b/c: not the name of a repository; write it like owner/name")


def test_a_file_that_the_revision_lacks_is_named(hub: LoopbackHub) -> None:
    assert refused(lambda: read("absent.json")) == f"{NAME}/absent.json: not in revision {NEW}; lock the model again"


def test_a_gated_repository_says_how_to_get_in(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[NAME].gated = True
    way = f"gated; accept its terms at {hub.endpoint}/{NAME} and set HF_TOKEN to a token of that account"
    assert refused(locked).endswith(way)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.tokens[TOKEN] = False
    assert refused(locked).endswith(way)
    assert refused(lambda: read(SHARD)) == f"{NAME}/{SHARD}: {way}"
    hub.tokens[TOKEN] = True
    assert locked().gated


def test_a_token_that_the_hub_does_not_know_is_told(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    expected = f"{NAME}: the Hub does not accept HF_TOKEN; set one that is valid, or unset it for public models"
    assert refused(locked) == expected
    monkeypatch.setenv("HF_TOKEN", TOKEN + "\x0b" + TOKEN)
    assert refused(locked) == f"{NAME}: HF_TOKEN holds a character that no token has; set it again"
    monkeypatch.setenv("HF_TOKEN", TOKEN + "ä")
    assert refused(lambda: read(SHARD)).endswith("HF_TOKEN holds a character that no token has; set it again")


def test_the_token_goes_to_the_hub_and_never_to_its_storage(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.tokens[TOKEN] = True
    assert TOKEN not in dump(locked())
    assert read(SHARD) == WEIGHTS
    storage = hub.storage.removeprefix("https://")
    assert {asked.host for asked in hub.asked} == {storage, hub.endpoint.removeprefix("https://")}
    for asked in hub.asked:
        carries = any(TOKEN in value for value in asked.headers.values())
        assert carries == (asked.host != storage), asked
        assert TOKEN not in asked.path


@pytest.mark.parametrize("fault", [BUSY, Fault(status=503), Fault(status=500, body=b"<html>"), Fault(status=502)])
@pytest.mark.parametrize("path", ["/api/models", "config.json"])
def test_a_passing_refusal_is_waited_for(hub: LoopbackHub, fault: Fault, path: str) -> None:
    hub.faults[path] = [fault, fault]
    assert locked().revision == NEW
    assert not hub.faults[path]


def test_storage_that_fails_for_a_while_is_asked_again_through_the_hub(hub: LoopbackHub) -> None:
    hub.faults[f"?{SIGNATURE}"] = [Fault(status=503), Fault(status=429)]
    assert read(SHARD) == WEIGHTS
    assert len([path for path in hub.paths(hub.endpoint.removeprefix("https://")) if SHARD in path]) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=503), "answers 503; it has trouble of its own, try again later"),
        (
            Fault(status=429, headers=(("ratelimit", '"api";r=0;t=0'),)),
            "answers 429, too many requests; try again in 0 s, a token in HF_TOKEN has a higher limit",
        ),
        (Fault(status=429), "answers 429, too many requests; try again later"),
        (Fault(status=418), "answers 418; check the name, HF_ENDPOINT and the proxy"),
    ],
)
def test_a_refusal_that_stays_is_one_line(hub: LoopbackHub, fault: Fault, words: str) -> None:
    hub.faults["/"] = [fault] * 100
    assert words in refused(locked)
    assert words in refused(lambda: read(SHARD))


def test_a_wait_that_is_too_long_is_told_and_not_waited_for(hub: LoopbackHub) -> None:
    hub.faults["/api/"] = [Fault(status=429, headers=(("Retry-After", "3600"),))]
    assert "too many requests; try again in 3600 s" in refused(locked)


def test_storage_that_refuses_is_told_apart_from_the_hub(hub: LoopbackHub) -> None:
    hub.faults[f"?{SIGNATURE}"] = [Fault(status=403)]
    host = hub.storage.removeprefix("https://")
    words = f"{host}, which keeps the Hub's files, answers 403; run it again, its addresses hold for minutes"
    assert refused(lambda: read(SHARD)) == f"{NAME}/{SHARD}: {words}"


@pytest.mark.parametrize("body", [b"<html>sign in to the guest network</html>", b"[]", b'{"siblings": [{}]}'])
def test_an_answer_of_somebody_else_is_told(hub: LoopbackHub, body: bytes) -> None:
    hub.faults["/api/"] = [Fault(status=200, body=body)]
    host = hub.endpoint.removeprefix("https://")
    assert refused(locked) == f"{NAME}: what {host} answers is not the Hub's; check HF_ENDPOINT and the proxy"


@pytest.mark.parametrize("path", ["/api/", "config.json"])
def test_a_silent_hub_is_left_after_a_while(hub: LoopbackHub, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_side, "SILENT_SECONDS", 0.1)
    hub.faults[path] = [Fault(silent_seconds=0.4)]
    assert locked().revision == NEW
    monkeypatch.setattr(hub_answers, "ATTEMPTS", 2)
    hub.faults[path] = [Fault(silent_seconds=0.4)] * 2
    words = refused(locked)
    assert "cannot be reached (" in words
    assert words.endswith("timed out); run this where there is internet")


def test_no_way_to_the_hub_and_a_client_that_is_offline_are_told(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    expected = "HF_HUB_OFFLINE is set; unset it, or run this where there is internet"
    assert refused(locked) == f"{NAME}: {expected}"
    assert refused(lambda: read(SHARD)) == f"{NAME}/{SHARD}: {expected}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://127.0.0.1:9")
    words = refused(locked)
    assert words.startswith(f"{NAME}: the Hub at 127.0.0.1:9 cannot be reached (")
    assert words.endswith("); run this where there is internet")


def test_small_files_are_compared_with_what_the_hub_lists(hub: LoopbackHub) -> None:
    hub.repositories[NAME].lies["config.json"] = json.dumps(CONFIG | {"num_hidden_layers": 3}).encode()
    words = refused(locked)
    assert words.startswith(f"{NAME}/config.json: ")
    assert "came, and the Hub lists others" in words


def test_a_hub_that_cannot_go_on_where_it_was_cut_is_told(hub: LoopbackHub) -> None:
    cut = (("Content-Length", "9000000"), ("Connection", "close"))
    hub.faults[f"?{SIGNATURE}"] = [
        Fault(status=200, body=WEIGHTS[: 2**20], headers=cut),
        Fault(status=200, body=WEIGHTS),
    ]
    words = refused(lambda: read(SHARD))
    assert words == f"{NAME}/{SHARD}: cut at 1048576 bytes, and the Hub cannot go on there; run it again"


def test_a_file_whose_length_is_not_told_is_read_to_its_end(hub: LoopbackHub) -> None:
    unsaid = (("Content-Length", ""), ("Connection", "close"))
    hub.faults["LICENSE"] = [Fault(status=200, body=b"words", headers=unsaid)]
    assert read("LICENSE") == b"words"


@pytest.mark.servers
def test_a_push_takes_the_locked_revision_and_refuses_other_bytes(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = locked(OLD)
    with s3_server() as address, s3_client(address, "from-the-hub", monkeypatch) as s3:
        result = push(lock, hub_source(lock), "from-the-hub", s3, progress=silent)
        assert result.uploaded_bytes == sum(file.size_bytes or 0 for file in lock.files)
        assert verify_bucket(lock, "from-the-hub", s3, read_all=True) == []
        hub.repositories[NAME].lies[SHARD] = b"w" * len(WEIGHTS)
        newer = locked(NEW)
        words = refused(lambda: push(newer, hub_source(newer), "from-the-hub", s3, progress=silent))
        assert f"{SHARD}: sha256 is " in words
        assert "manifest.json: missing, so no loader takes the model" in "\n".join(
            verify_bucket(newer, "from-the-hub", s3)
        )


def test_an_incomplete_lock_is_completed_by_the_real_client(hub: LoopbackHub) -> None:
    written = locked().model_copy(
        update={"complete": False, "incomplete_reason": "not seen", "files": (), "revision": None}
    )
    done = complete(written, client=HfApi())
    assert (done.complete, done.revision, len(done.files)) == (True, NEW, 5)


KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
COMMAND = f"""
KEY = {KEY!r}
import sys
from pathlib import Path
from operations.commands import model, model_cache
from operations import deployed
from operations.main import main
model.ROOT = model_cache.ROOT = Path(sys.argv.pop(1))
deployed.outputs = lambda stack: dict(weight_cache_bucket_name="from-a-command", storage_key_arn=KEY)
main()
"""


def command(hub: LoopbackHub, place: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """The command in a process of its own, that finds the Hub by HF_ENDPOINT: its exit code and all that it printed."""
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(place),
        "HF_ENDPOINT": hub.endpoint,
        "SSL_CERT_FILE": str(place / "hub" / "authority.pem"),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(place), *arguments],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.servers
def test_the_commands_take_a_model_from_the_hub_to_the_cache_and_write_no_token(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.tokens[TOKEN] = True
    hub.repositories[NAME].gated = True
    told = ""
    with s3_server() as address, s3_client(address, "from-a-command", monkeypatch) as s3:
        variables = {"HF_TOKEN": TOKEN, "HF_DEBUG": "1", **environment(address)}
        for words in (
            ("lock", NAME, "--name", "small", "--revision", OLD),
            ("push", "small", "--stack", "platform-rehearsal"),
            ("verify", "small", "--stack", "platform-rehearsal", "--read-all"),
            ("refresh", "small", "--write", "small-next"),
        ):
            code, printed = command(hub, tmp_path, "model", *words, **variables)
            assert code == 0, printed
            told += printed
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="from-a-command")["Contents"]]
        assert len(keys) == 6
        assert {s3.head_object(Bucket="from-a-command", Key=key)["SSEKMSKeyId"] for key in keys} == {KEY}
    lock = load_lock(tmp_path / "models" / "small.lock.yaml")
    assert (lock.revision, lock.gated) == (OLD, True)
    assert f"small.lock.yaml: {NAME} at {OLD}, 5 files" in told
    assert "licence mit: permissive: keep its notice" in told
    assert "left out: pickle files" in told
    assert "5 files uploaded" in told
    assert "5 files are what the lock file says" in told
    assert "LICENSE" in told
    assert load_lock(tmp_path / "models" / "small-next.lock.yaml").revision == NEW
    assert TOKEN not in told
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.servers
def test_a_command_that_the_hub_refuses_ends_with_one_line(hub: LoopbackHub, tmp_path: Path) -> None:
    code, printed = command(hub, tmp_path, "model", "lock", "absent/absent", "--name", "absent")
    assert code == 1
    assert printed == (
        "cloister: absent/absent: no such repository, or it is private and HF_TOKEN may not read it; "
        "check the name and the token\n"
    )
    assert not (tmp_path / "models").exists()
