"""Short recordings: pieces of the demo recording, some as sound alone and some with their picture."""

from collections.abc import Iterator
from pathlib import Path

from pipeline import ffmpeg

_SOUND = ("-t", "4", "-vn", "-ac", "1", "-ar", "16000")
_PICTURE = ("-t", "8", "-vf", "scale=320:-2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


def made(demo: Path, folder: Path, *, sounds: int, pictures: int) -> tuple[Path, ...]:
    """`sounds` of 4 s and `pictures` of 8 s, in `folder`; the same ones each time."""
    return tuple(_cut(demo, folder, sounds, pictures))


def _cut(demo: Path, folder: Path, sounds: int, pictures: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    for index in range(sounds):
        yield _piece(demo, folder / f"sound-{index:02}.wav", 5 + 5 * index, _SOUND)
    for index in range(pictures):
        yield _piece(demo, folder / f"picture-{index:02}.mp4", 8 + 9 * index, _PICTURE)


def _piece(demo: Path, file: Path, start: int, how: tuple[str, ...]) -> Path:
    ffmpeg.run(["-ss", str(start), "-i", str(demo), *how, str(file)], length=8, report=lambda share: None)
    return file
