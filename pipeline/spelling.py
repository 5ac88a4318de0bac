"""Paths as text: a file system holds names that are not UTF-8, and nothing that stores or sends text does."""

from pathlib import Path


def is_misnamed(path: Path | str) -> bool:
    """Whether a name in `path` has bytes that are not UTF-8, as old disks and archives leave them."""
    return spelled(path) != str(path)


def spelled(path: Path | str) -> str:
    """`path` as text that can be stored, sent and shown: what is not UTF-8 in it is escaped."""
    return str(path).encode(errors="backslashreplace").decode()


def misnamed(path: Path | str) -> str:
    """Why `path` cannot be used, and the way out."""
    return f"{spelled(path)} has a name that is not UTF-8: rename it"
