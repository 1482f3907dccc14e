"""Lock files by their names: read, and written whole."""

from pathlib import Path

from components.model.lock import ModelLock, dump, load_lock
from components.settings.checks import lock_path
from operations.errors import CommandError
from operations.files import write_whole


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
