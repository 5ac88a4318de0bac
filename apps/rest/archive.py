"""Many files as one, written while it is sent: nothing of it lies on the disk or in the memory."""

import zipfile
from collections.abc import Buffer, Iterator, Mapping
from io import RawIOBase
from pathlib import Path

_PIECE = 1 << 20  # bytes


def archived(files: Mapping[str, Path]) -> Iterator[bytes]:
    """The bytes of a ZIP of `files` (name in it → file), as they are: videos do not get smaller."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo.from_file(file, name)
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    yield pipe.taken()
    yield pipe.taken()


class _Pipe(RawIOBase):
    """Where the archive is written, and what is taken out of it."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: Buffer, /) -> int:
        view = memoryview(piece).cast("B")
        self._kept += view
        return len(view)

    def taken(self) -> bytes:
        """What was written since the last call."""
        taken, self._kept = bytes(self._kept), bytearray()
        return taken
