"""Where the rehearsal keeps its files."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def rehearsal_folder() -> Path:
    """The folder of everything that a rehearsal makes: `.cloister` in the repository, or `CLOISTER_FOLDER`."""
    return Path(os.environ.get("CLOISTER_FOLDER") or REPOSITORY / ".cloister").absolute()


def user_cache() -> Path:
    """The folder of what later rehearsals reuse: `cloister` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "cloister"
