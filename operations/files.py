"""Files that are there whole or not at all."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes beside the file and renames: nobody reads half of it, and a failure leaves the old one.

    Raises:
        OSError: the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
