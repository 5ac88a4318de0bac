"""The demo recording: a short interview that the project makes itself, so that nothing has to be fetched.

Two synthesised voices talk about cables under the sea; two drawn speakers move their mouths to it.
"""

import json
import tempfile
from pathlib import Path

from apps.demo import picture, talk, voices
from pipeline import ffmpeg
from pipeline.model import Report

_VOICES_SHARE = 0.3  # of the whole making's time, measured on two cores


def make(out: Path, *, report: Report = lambda share: None) -> Path:
    """Write the demo recording to `out` (H.264 and AAC in MP4, 1280×720, 25 frames a second, about
    two and a half minutes) and its metadata beside it as `.json`; return `out`.

    The same versions of the voice, of Pillow and of ffmpeg give the same bytes on the same machine.
    Raises ModelMissing when the extra `demo` is not installed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".demo-") as folder:
        sound, turns = voices.speak(
            talk.LINES, out=Path(folder), report=lambda share: report(_VOICES_SHARE * share)
        )
        whole = _film(sound, turns, out=Path(folder), report=report)
        out.with_suffix(".json").write_text(json.dumps(talk.METADATA, indent=2) + "\n", encoding="utf-8")
        whole.replace(out)
    report(1.0)
    return out


def _film(sound: Path, turns: tuple[voices.Turn, ...], *, out: Path, report: Report) -> Path:
    """Draw the picture for `turns` and put it together with `sound`."""
    target = out / "demo.mp4"
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{picture.WIDTH}x{picture.HEIGHT}"]
    ffmpeg.feed(
        [*raw, "-r", str(picture.FPS), "-i", "pipe:0", "-i", str(sound), *_ENCODING, str(target)],
        picture.frames(turns, report=lambda share: report(_VOICES_SHARE + (1 - _VOICES_SHARE) * share)),
    )
    return target


_ENCODING = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-pix_fmt", "yuv420p"),
    *("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
    *("-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-shortest"),
    *("-fflags", "+bitexact", "-movflags", "+faststart"),
)
