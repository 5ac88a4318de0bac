"""Real recordings with speech, each of another content: finished work is never done again."""

from pathlib import Path

from apps import demo
from pipeline import ffmpeg

_MEDIA = Path(__file__).parent.parent.parent.parent / "shared" / "media"
_REAL = (
    "video/googlework_short.mp4",
    "speech/jfk.flac",
    "speech/kennedy_moon.mp3",
    "speech/azure_katiesteve_mono.wav",
    "speech/bush_columbia.wav",
    "speech/ami_dev00.wav",
    "speech/gcp_commercial_call.wav",
    "words/acoustic_corpus.wav",
    "speech/sonnet1_en.mp3",
)
_PIECE = 15  # seconds


def recordings(folder: Path) -> list[Path]:
    """Nine real recordings, or, where they are not, pieces of the demo recording, made in `folder`."""
    if _MEDIA.is_dir():
        return [_MEDIA / name for name in _REAL]
    whole = demo.make(folder / "demo.mp4")
    return [_piece(whole, number) for number in range(len(_REAL))]


def _piece(whole: Path, number: int) -> Path:
    piece = whole.with_name(f"piece_{number}.mp4")
    span = ["-ss", str(number * _PIECE), "-i", str(whole), "-t", str(_PIECE)]
    ffmpeg.run([*span, "-preset", "ultrafast", str(piece)], length=_PIECE, report=lambda share: None)
    return piece
