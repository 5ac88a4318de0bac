from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import ffmpeg
from pipeline.errors import Cancelled
from pipeline.model import Media, VideoStream
from pipeline.poster import poster, telling


def recording(path: Path, *arguments: str, duration: float = 4.0, rotation: int = 0) -> Media:
    ffmpeg.run([*arguments, str(path)], length=duration, report=lambda share: None)
    video = VideoStream(
        index=0, codec="h264", width=1, height=1, fps=25, pixel_format="yuv420p", rotation=rotation
    )
    return Media(path=str(path), container="mp4", duration=duration, video=video, audio=None)


def drawn(media: Media, out: Path) -> Path | None:
    return poster(media, out=out, report=lambda share: None)


def pixels(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="gray")


def test_a_picture_with_edges_tells_more_than_a_blurred_a_dark_or_a_white_one() -> None:
    rng = np.random.default_rng(1)
    sharp = np.kron(rng.integers(0, 255, (18, 32)), np.ones((10, 10)))
    blurred = np.add.outer(np.linspace(20, 120, 180), np.linspace(20, 120, 320))
    ranked = [telling(picture) for picture in (sharp, blurred, sharp * 0.06, np.full((180, 320), 250.0))]
    assert ranked[0] == max(ranked)
    assert ranked[3] == 0


def test_a_broadcast_whose_clock_is_hours_late_is_looked_through_too(tmp_path: Path) -> None:
    black = "color=black:s=320x180:r=10:d=3[a];testsrc2=s=320x180:r=10:d=1[b];[a][b]concat"
    late = ["-c:v", "libx264", "-g", "5", "-output_ts_offset", "36000"]
    made = drawn(recording(tmp_path / "late.ts", "-filter_complex", black, *late), tmp_path)
    assert made
    assert pixels(made).mean() > 60


def test_the_poster_is_not_one_of_the_black_frames(tmp_path: Path) -> None:
    black = "color=black:s=320x180:r=10:d=3[a];testsrc2=s=320x180:r=10:d=1[b];[a][b]concat"
    media = recording(tmp_path / "a.mp4", "-f", "lavfi", "-i", black, "-g", "5", "-pix_fmt", "yuv420p")
    made = drawn(media, tmp_path)
    assert made == tmp_path / "poster.jpg"
    assert pixels(made).mean() > 60


def test_a_large_picture_becomes_1280_wide(tmp_path: Path) -> None:
    media = recording(tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=5:d=1", duration=1)
    assert pixels(drawn(media, tmp_path)).shape == (720, 1280)


def test_a_small_picture_stays_small_and_odd_pixels_become_square(tmp_path: Path) -> None:
    wide = "testsrc2=s=160x120:r=5:d=1,setsar=2"
    media = recording(tmp_path / "a.mp4", "-f", "lavfi", "-i", wide, duration=1)
    assert pixels(drawn(media, tmp_path)).shape == (120, 320)


def test_a_picture_from_a_phone_stands_upright(tmp_path: Path) -> None:
    media = recording(tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=5:d=1", duration=1)
    turned = tmp_path / "turned.mp4"
    ffmpeg.run(
        ["-display_rotation", "90", "-i", media.path, "-c", "copy", str(turned)],
        length=1,
        report=lambda share: None,
    )
    assert pixels(drawn(media.model_copy(update={"path": str(turned)}), tmp_path)).shape == (320, 180)


def test_sound_has_no_poster(tmp_path: Path, silence: Path) -> None:
    media = Media(path=str(silence), container="wav", duration=3, video=None, audio=None)
    assert drawn(media, tmp_path) is None


def test_a_picture_that_cannot_be_decoded_has_no_poster(tmp_path: Path) -> None:
    media = recording(tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=1", duration=1)
    data = bytearray(Path(media.path).read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 30_000] = bytes(min(30_000, len(data) - start))
    Path(media.path).write_bytes(bytes(data))
    assert drawn(media, tmp_path) is None
    assert not (tmp_path / "poster.jpg").exists()


def test_whoever_does_not_want_it_any_more_can_stop_it(tmp_path: Path, tone: Path) -> None:
    video = VideoStream(index=0, codec="h264", width=320, height=180, fps=25, pixel_format="yuv420p")
    media = Media(path=str(tone), container="mp4", duration=3, video=video, audio=None)

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        poster(media, out=tmp_path, report=stop)
