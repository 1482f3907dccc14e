"""The one exception that is written for people."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class SettingsError(Exception):
    """All problems of one settings source at once, each `<path>: <what is wrong>; <what is accepted>`."""

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{source}: {count}", *(f"  {problem}" for problem in self.problems)]))


def problem_line(path: str, error: Mapping[str, Any], unknown_key: str = "") -> str:
    """One of pydantic's errors as `<path>: <what is wrong, the value in quotes>; <what is accepted>`.

    Args:
        path: where, as people write it.
        error: an entry of `ValidationError.errors()`.
        unknown_key: the way out when the key is not known.
    """
    value = error["input"]
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key" + (f"; {unknown_key}" if unknown_key else "")
        case "missing":
            return f"{path}: missing; it is required"
        case "value_error":
            return f"{path}: {error['ctx']['error']}"
        case "string_pattern_mismatch":
            return f"{path}: {value!r} has the wrong form; it must match {error['ctx']['pattern']}"
        case "literal_error":
            return f"{path}: {value!r} is not accepted; use {error['ctx']['expected']}"
        case _:
            return f"{path}: {value!r}; {error['msg'][0].lower()}{error['msg'][1:]}"


def unknown_value(value: str, kind: str, known: Iterable[str]) -> str:
    """That a name is none of those that are there, and which is near."""
    near = difflib.get_close_matches(value, known, n=1)
    return f"{value!r} is no {kind} of this stack; " + (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    )
