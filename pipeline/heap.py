"""How the C library keeps the memory of the speech model: glibc's `mallopt`, and nothing elsewhere.

Encoding takes and frees the same blocks of some 50 MiB again and again. Mapped for itself, each costs as
many page faults as it has pages: a third of the time of encoding with small pages, a tenth with huge ones.
Decoding asks for blocks of ever other sizes below 32 MiB, and those leave holes in the heap that grew to a
third of a process. So the heap has the blocks of the one, and the others are mapped.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KEPT = 256 << 20
"""Bytes that are free at the heap's end before glibc gives them back by itself."""
MAPPED_FROM = 8 << 20
"""Bytes from which on a block is mapped for itself, as long as nobody is in `reused`."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_NEVER = 1 << 30


@contextmanager
def reused() -> Iterator[None]:
    """Large blocks that are freed in here are used again in here, and given back at the end."""
    _set(_TRIM_THRESHOLD, KEPT)
    _set(_MMAP_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        _set(_MMAP_THRESHOLD, MAPPED_FROM)
        trim()


def trim() -> None:
    """Give what is free back to the system."""
    with suppress(AttributeError, OSError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _set(option: int, size: int) -> None:
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(option, size)
