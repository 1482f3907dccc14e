"""Lock files by their names: read, and written whole."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from components.model.lock import ModelLock, Name, dump, load_lock
from components.settings.checks import lock_path
from operations.errors import CommandError
from operations.files import write_whole


def require_free(name: str, option: str, root: Path, repository: str | None = None) -> None:
    """Refuses a name that no lock file may have, or that one has already.

    Args:
        name: of a lock file to write.
        option: by which it was given.
        root: the repository, below which `models/` lies.
        repository: of the model to lock; a lock of the same repository may be written anew.

    Raises:
        CommandError: the name is not free.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise CommandError(
            f"{option}: {name!r} is no name of a lock file; use 2 to 63 small letters, digits, dots and hyphens"
        ) from None
    path = lock_path(name, root)
    if path.exists() and (repository is None or (there := load_lock(path).repository) != repository):
        kept = "both revisions are needed" if repository is None else f"it is the lock of {there}"
        raise CommandError(f"{option}: models/{path.name} exists; name another file, {kept}")


def named_lock(name: str, root: Path) -> ModelLock:
    """The lock of a name.

    Raises:
        CommandError: there is none.
        SettingsError: it holds problems.
    """
    path = lock_path(name, root)
    if not path.exists():
        raise CommandError(f"models/{path.name}: no such lock file; `cloister model lock` writes one")
    return load_lock(path)


def write_lock(lock: ModelLock, root: Path) -> Path:
    """Where the lock lies now, whole or not at all.

    Raises:
        CommandError: the place cannot be written.
    """
    path = lock_path(lock.name, root)
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, dump(lock))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; the lock is not written") from None
    return path
