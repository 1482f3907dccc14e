"""Files that only their owner may read."""

import os
from pathlib import Path


def write_private(path: Path, content: str) -> Path:
    """Writes the file with mode 0600; a reader sees the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
    return path
