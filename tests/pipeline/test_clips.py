import shutil
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from pipeline import ffmpeg, subtitles
from pipeline.clip_command import Clip, arguments, frame_rate
from pipeline.clips import ClipOptions, render_clip
from pipeline.errors import BadOptions, Cancelled, ToolFailed, UnreadableMedia
from pipeline.loudness import measure
from pipeline.model import (
    AspectRatio,
    AudioStream,
    ClipCandidate,
    Media,
    Metadata,
    Rendition,
    Sentence,
    Source,
    Span,
    Transcript,
    Variant,
    VideoStream,
    Word,
    WordSpan,
)

CLEAN = Rendition(variant=Variant.CLEAN, aspect_ratio=AspectRatio.SQUARE)
SUBTITLED = Rendition(variant=Variant.SUBTITLED, aspect_ratio=AspectRatio.SQUARE)
ALL = [Rendition(variant=v, aspect_ratio=a) for v, a in product(Variant, AspectRatio)]
SMALL = ClipOptions(short_side=180, preset="superfast")
SPAN = Span(start=0.5, end=2.5)


def _media(path: Path) -> Media:
    with av.open(str(path)) as file:
        video, audio = next(iter(file.streams.video), None), next(iter(file.streams.audio), None)
        return Media(
            path=str(path),
            container=file.format.name,
            duration=(file.duration or 0) / av.time_base,
            video=video
            and VideoStream(
                index=video.index,
                codec=video.codec_context.name,
                width=video.width,
                height=video.height,
                fps=float(video.average_rate or 0),
                pixel_format=video.pix_fmt or "",
            ),
            audio=audio
            and AudioStream(
                index=audio.index,
                codec=audio.codec_context.name,
                sample_rate=audio.rate,
                channels=audio.channels,
            ),
        )


def _transcript(media: Media, span: Span, said: tuple[float, ...]) -> Transcript:
    texts = ["These", "are", "words."]
    words = tuple(
        Word(text=text, start=span.start + after, end=span.start + after + 0.4, probability=1)
        for text, after in zip(texts, said, strict=True)
    )
    return Transcript(
        language="en",
        language_probability=1,
        model="tiny.en",
        duration=media.duration,
        words=words,
        sentences=(Sentence(words=WordSpan(first=0, end=len(words))),),
    )


def _render(
    media: Media,
    out: Path,
    renditions: list[Rendition],
    span: Span = SPAN,
    title: str = "A clip",
    report: object = None,
    said: tuple[float, ...] = (0.0, 0.5, 1.0),
    heard: float = 0.0,
) -> list[Path]:
    """Render a clip in which words are `said` so long after its start, and return its files.

    Speech was recognised in `heard` seconds of the recording, or in as many as it says that it has.
    """
    transcript = _transcript(media, span, said)
    transcript = transcript.model_copy(update={"duration": max(heard, media.duration)})
    all_words = WordSpan(first=0, end=len(said))
    candidate = ClipCandidate(
        clip_id="01-a-clip", title=title, span=span, words=all_words, score=1, score_parts={}, reasons=("",)
    )
    render_clip(
        Source(sha256="0" * 64, bytes=1, media=media, metadata=Metadata()),
        transcript,
        candidate,
        renditions,
        SMALL,
        out=out,
        report=report or (lambda share: None),  # type: ignore[arg-type]
        threads=2,
    )
    return [out / one.name / f"01-a-clip.{one.name}.mp4" for one in renditions]


def _frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="gray") for frame in file.decode(video=0)])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "attempt of 'a' [clip], 50%"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def made(tone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every rendition of a clip of the test picture, by name."""
    files = _render(_media(tone), tmp_path_factory.mktemp("clip"), ALL)
    return {rendition.name: file for rendition, file in zip(ALL, files, strict=True)}


@pytest.mark.parametrize("rendition", ALL, ids=lambda rendition: rendition.name)
def test_every_rendition_is_what_platforms_ask_for(made: dict[str, Path], rendition: Rendition):
    with av.open(str(made[rendition.name])) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48_000, 2)
        assert min(video.width, video.height) == 180
        across, down = map(int, rendition.aspect_ratio.split("x"))
        assert video.width / video.height == pytest.approx(across / down, rel=0.01)
        assert video.average_rate == 25
        assert video.start_time == audio.start_time == 0
        assert sum(1 for _ in file.decode(video)) == 50
        assert file.duration / av.time_base == pytest.approx(2.0, abs=0.05)


def test_a_player_can_start_before_the_whole_file_is_there(made: dict[str, Path]):
    data = made["9x16-clean"].read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"elst" not in data


def test_a_clip_is_as_loud_as_asked(made: dict[str, Path]):
    loudness = measure(made["16x9-subtitled"], SPAN, lambda share: None)
    assert loudness.integrated == pytest.approx(-14, abs=1)
    assert loudness.true_peak <= -1


def test_only_the_caption_zone_differs_between_the_variants(made: dict[str, Path]):
    clean, subtitled = _frames(made["9x16-clean"])[10], _frames(made["9x16-subtitled"])[10]
    height = clean.shape[0]
    rows = np.flatnonzero((np.abs(clean.astype(int) - subtitled) > 90).any(axis=1))
    assert height * 0.6 < rows[0] < rows[-1] < height * (1 - 440 / 1920) + 2


@pytest.mark.parametrize("rate", ["24000/1001", "30", "60"])
def test_a_caption_is_on_every_frame_of_its_time_and_on_no_other(tmp_path: Path, out: Path, rate: str):
    path, span, said = tmp_path / "black.mp4", Span(start=0.3, end=5.8), (0.21, 2.507, 4.833)
    black = f"color=black:s=320x180:r={rate}:d=6"
    ffmpeg.run(["-f", "lavfi", "-i", black, str(path)], length=6, report=lambda share: None)
    (file,) = _render(_media(path), out, [SUBTITLED], span, said=said)
    shown = _frames(file).max(axis=(1, 2)) > 150
    style = subtitles.style_for(AspectRatio.SQUARE, "en")
    cues = subtitles.cues(_transcript(_media(path), span, said), style, frame_rate=float(Fraction(rate)))
    times = np.arange(len(shown)) / float(Fraction(rate)) + span.start
    expected = np.any([(times >= cue.span.start) & (times < cue.span.end) for cue in cues], axis=0)
    assert len(cues) == 3
    assert 0 < expected.sum() < len(expected)
    # the times in the script are whole hundredths of a second, so a change may come a frame later
    changes = np.flatnonzero(np.diff(expected.astype(int))) + 1
    near = np.isin(np.arange(len(shown)), changes)
    assert np.array_equal(shown[~near], expected[~near])


def test_a_clip_in_which_nothing_is_said_has_no_captions(tone: Path, out: Path):
    clean, subtitled = _render(_media(tone), out, [CLEAN, SUBTITLED], said=(4.0, 4.5, 5.0))
    assert clean.read_bytes() == subtitled.read_bytes()


def test_a_clip_shows_exactly_its_span(tmp_path: Path, out: Path):
    """The picture's brightness tells the time: it rises by four with each frame of 1/25 s."""
    path = tmp_path / "clock.mp4"
    clock = "color=black:s=64x64:r=25:d=2.4,format=gray,geq=lum='16+4*N',format=yuv420p"
    ffmpeg.run(
        ["-f", "lavfi", "-i", clock, "-c:v", "libx264", "-g", "60", "-crf", "1", str(path)],
        length=2.4,
        report=lambda share: None,
    )
    (file,) = _render(_media(path), out, [CLEAN], Span(start=0.4, end=1.2))
    brightness = _frames(file).mean(axis=(1, 2))
    with av.open(str(path)) as source:
        expected = [frame.to_ndarray(format="gray").mean() for frame in source.decode(video=0)][10:30]
    assert brightness == pytest.approx(expected, abs=2)


def test_all_renditions_come_from_one_reading_of_the_picture(tone: Path):
    clip = Clip(
        clip_id="01-a",
        title="A",
        media=_media(tone),
        span=SPAN,
        renditions=tuple(ALL),
        options=SMALL,
        changes=dict.fromkeys(AspectRatio, (0.0, 1.4)),
    )
    command = arguments(clip, Path("work/sound.aac"), 2)
    assert sum(str(tone) in argument for argument in command) == 1
    graph = command[command.index("-filter_complex") + 1]
    assert graph.count("crop=") == 4 + 4  # the frame of each shape, and where its captions may be
    assert graph.count("ass=") == 4
    assert command.count("libx264") == 8


def test_nothing_but_the_clips_is_left_in_the_folder(tone: Path, out: Path):
    files = _render(_media(tone), out, [CLEAN, SUBTITLED])
    assert sorted(path for path in out.rglob("*") if path.is_file()) == sorted(files)


def test_the_same_clip_is_the_same_file(tone: Path, tmp_path: Path):
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    (one,), (other,) = _render(_media(tone), first, [SUBTITLED]), _render(_media(tone), second, [SUBTITLED])
    assert one.read_bytes() == other.read_bytes()


def test_progress_rises_to_one(tone: Path, out: Path):
    seen: list[float] = []
    _render(_media(tone), out, [CLEAN], report=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_video_without_sound_gets_a_silent_track(silent_video: Path, out: Path):
    (file,) = _render(_media(silent_video), out, [CLEAN])
    assert measure(file, SPAN, lambda share: None).integrated <= -70


def test_a_recording_without_picture_shows_its_title_and_its_words(tone: Path, tmp_path: Path, out: Path):
    path = tmp_path / "talk.wav"
    ffmpeg.run(["-i", str(tone), "-vn", str(path)], length=3, report=lambda share: None)
    title = "It's 100% {new}: a \\Title, 'quoted'"
    clean, subtitled = _render(_media(path), out, [CLEAN, SUBTITLED], title=title)
    picture, words = _frames(clean)[10], _frames(subtitled)[10]
    third = len(picture) // 3
    assert (picture[:third] > 200).any()
    assert not (picture[2 * third :] > 200).any()
    assert (words[2 * third :] > 200).any()


def test_a_turned_phone_video_is_upright(tone: Path, tmp_path: Path, out: Path):
    path = tmp_path / "phone.mov"
    stripes = "color=red:s=320x90:r=25:d=3[a];color=blue:s=320x90:r=25:d=3[b];[a][b]vstack,format=yuv420p"
    flat = tmp_path / "flat.mov"
    ffmpeg.run(["-filter_complex", stripes, "-c:v", "libx264", str(flat)], length=3, report=lambda _: None)
    ffmpeg.run(
        ["-display_rotation:v:0", "90", "-i", str(flat), "-c", "copy", str(path)],
        length=3,
        report=lambda _: None,
    )
    upright = Rendition(variant=Variant.CLEAN, aspect_ratio=AspectRatio.VERTICAL)
    (file,) = _render(_media(path), out, [upright])
    with av.open(str(file)) as made_file:
        picture = next(made_file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    left, right = picture[:, :40].mean(axis=(0, 1)), picture[:, -40:].mean(axis=(0, 1))
    assert left[0] > 200 > left[2]
    assert right[2] > 200 > right[0]


def test_the_sound_track_that_discovery_chose_is_heard(two_tracks: Path, out: Path):
    media = _media(two_tracks)
    second = media.model_copy(update={"audio": media.audio.model_copy(update={"index": 2})})  # type: ignore[union-attr]
    (file,) = _render(second, out, [CLEAN])
    with av.open(str(file)) as made_file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in made_file.decode(audio=0)])[10_000:58_000]
    assert np.argmax(np.abs(np.fft.rfft(heard))) == pytest.approx(880, abs=2)


def test_odd_names_odd_sizes_and_ten_bits_do_no_harm(tmp_path: Path, out: Path):
    path = tmp_path / "a 'b' [c], d:e; 100%d ü.mkv"
    picture = "testsrc2=s=333x211:r=12:d=3,format=yuv420p10le"
    arguments_ = ["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", str(path)]
    ffmpeg.run(arguments_, length=3, report=lambda share: None)
    for file in _render(_media(path), out, ALL):
        with av.open(str(file)) as made_file:
            assert made_file.streams.video[0].average_rate == 24
            assert made_file.duration / av.time_base == pytest.approx(2.0, abs=0.05)


def test_a_span_over_the_end_is_cut_there(tone: Path, out: Path):
    (file,) = _render(_media(tone), out, [CLEAN], Span(start=2.0, end=9.0))
    assert len(_frames(file)) == 25


@pytest.mark.parametrize("stated", [1.0, 2.5])
def test_a_header_that_says_too_little_cuts_no_clip(tone: Path, out: Path, stated: float):
    media = _media(tone)
    short = media.model_copy(update={"duration": stated})
    (file,) = _render(short, out, [CLEAN], Span(start=1.0, end=media.duration), heard=media.duration)
    assert len(_frames(file)) == 50


def test_a_cancel_stops_ffmpeg_and_leaves_no_process(tone: Path, out: Path):
    def cancel(share: float) -> None:
        if share > 0.1:
            raise Cancelled

    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Cancelled):
        _render(_media(tone), out, ALL, report=cancel)
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert not left
    assert not (out / "work").exists()


def test_a_recording_that_is_gone_is_named(tone: Path, tmp_path: Path, out: Path):
    path = tmp_path / "gone.mp4"
    shutil.copy(tone, path)
    media = _media(path)
    path.unlink()
    with pytest.raises(UnreadableMedia, match=r"gone\.mp4 is gone"):
        _render(media, out, [CLEAN])


def test_a_span_after_the_end_is_refused(tone: Path, out: Path):
    with pytest.raises(BadOptions, match="choose an earlier start"):
        _render(_media(tone), out, [CLEAN], Span(start=30, end=40))


def test_a_failure_names_the_clip_and_the_recording(tone: Path, tmp_path: Path, out: Path):
    path = tmp_path / "broken.mp4"
    shutil.copy(tone, path)
    media = _media(path)
    path.write_bytes(b"no recording any more")
    with pytest.raises(ToolFailed, match=r"clip 01-a-clip of .*broken\.mp4 cannot be made"):
        _render(media, out, [CLEAN])


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25, "25"),
        (29.97, "30000/1001"),
        (23.976, "24000/1001"),
        (59.94, "60000/1001"),
        (1.99, "24"),
        (29.4, "30"),
        (31.2, "50"),
        (120, "60"),
    ],
)
def test_the_frame_rate_is_a_common_one_near_that_of_the_recording(fps: float, rate: str):
    assert frame_rate(fps) == Fraction(rate)


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "bad/portrait_rotated_phone.MOV",
        "bad/cursed-vfr.mp4",
        "bad/h265_10bits.mp4",
        "bad/te[s]t_ video ' _ .flv",
        "bad/silent_audio.mp4",
        "bad/failing_audio.mp4",
        "bad/av1_video.mkv",
        "video/lecture_slides.mov",
        "video/nasa_13013_multistream.mp4",
        "speech/kennedy_moon.mp3",
    ],
)
def test_real_and_odd_recordings_give_all_renditions(media: Path, out: Path, name: str):
    recording = _media(media / name)
    end = min(recording.duration, 3.0)
    for file in _render(recording, out, ALL, Span(start=end * 0.1, end=end * 0.9)):
        with av.open(str(file)) as made_file:
            assert made_file.duration / av.time_base == pytest.approx(end * 0.8, abs=0.15)
