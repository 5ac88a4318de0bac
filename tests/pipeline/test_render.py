import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import ffmpeg
from pipeline.errors import Cancelled
from pipeline.model import AudioStream, Enrichment, Media, Metadata, Source, Transcript, VideoStream
from pipeline.probe import probe
from pipeline.render import RenderOptions, illustrate, read_pictures, render
from pipeline.subtitles import SubtitleStyle

Spoken = Callable[..., Transcript]
Enriched = Callable[[Transcript], Enrichment]
TEXT = "The old wall held the water for a while, but not until the morning. Then we left. " * 6
FILES = {
    "ep.srt",
    "ep.vtt",
    "ep.txt",
    "ep.transcript.json",
    "ep.chapters.json",
    "ep.chapters.vtt",
    "ep.chapters.txt",
    "ep.notes.md",
    "ep.subtitles.json",
    "ep.rendered.json",
    "ep.words.json",
    "ep.enrichment.json",
    "ep.peaks.json",
    "pictures.json",
    "index.html",
}


@pytest.fixture
def source(tone: Path) -> Source:
    video = VideoStream(index=0, codec="h264", width=320, height=180, fps=25, pixel_format="yuv420p")
    audio = AudioStream(index=1, codec="aac", sample_rate=48000, channels=1)
    media = Media(path=str(tone), container="mov,mp4,m4a,3gp,3g2,mj2", duration=3, video=video, audio=audio)
    return Source(sha256="0", bytes=1, media=media, metadata=Metadata())


@pytest.fixture
def rendered(source: Source, spoken: Spoken, enriched: Enriched, tmp_path: Path) -> Callable[..., Path]:
    """Render into a new folder; gives that folder."""

    def run(name: str = "out", *, source: Source = source, text: str = TEXT, **options: object) -> Path:
        out = tmp_path / name
        out.mkdir()
        transcript = spoken(text)
        report = options.pop("report", lambda share: None)
        enrichment = enriched(transcript) if text else _nothing(enriched(spoken("One. Two. Three.")))
        illustrate("ep", source, out=out, report=report, threads=1)
        pictures = read_pictures(out)
        render("ep", source, transcript, enrichment, pictures, RenderOptions(**options), out=out)
        return out

    return run


def _nothing(enrichment: Enrichment) -> Enrichment:
    lists = ("chapters", "names", "quotes", "highlights", "summary_words", "show_notes", "keywords")
    return enrichment.model_copy(update=dict.fromkeys(lists, ()))


def facts(out: Path) -> dict[str, object]:
    return json.loads((out / "ep.rendered.json").read_text())


def test_an_episode_gets_all_its_files(rendered: Callable[..., Path]) -> None:
    out = rendered()
    assert {path.name for path in out.iterdir()} == {*FILES, "poster.jpg"}
    assert facts(out)["playback"] == {"file": "tone.mp4", "made": "as it is", "reason": ""}
    assert facts(out)["poster"] == "poster.jpg"
    assert 'src="tone.mp4" poster="poster.jpg"' in (out / "index.html").read_text()


def test_the_page_offers_only_files_that_are_there(rendered: Callable[..., Path]) -> None:
    out = rendered()
    html = (out / "index.html").read_text()
    offered = [part.split('"')[0] for part in html.split('<a href="ep.')[1:]]
    assert len(offered) == 7
    assert all((out / f"ep.{kind}").is_file() for kind in offered)


def test_the_subtitle_report_goes_with_the_subtitles(rendered: Callable[..., Path]) -> None:
    out = rendered()
    report = json.loads((out / "ep.subtitles.json").read_text())
    assert report["passed"]
    assert report["cues"] == (out / "ep.srt").read_bytes().count(b"-->")
    assert facts(out)["subtitles_passed"]


def test_sound_gets_no_poster_and_no_copy_when_browsers_play_it(
    rendered: Callable[..., Path], source: Source, silence: Path
) -> None:
    audio = AudioStream(index=0, codec="pcm_s16le", sample_rate=48000, channels=1)
    media = Media(path=str(silence), container="wav", duration=3, video=None, audio=audio)
    out = rendered(source=source.model_copy(update={"media": media}))
    assert {path.name for path in out.iterdir()} == FILES
    assert facts(out)["poster"] is None


@pytest.mark.parametrize(("name", "maps"), [("talk.mp3", ["-map", "1"]), ("talk.avi", [])])
def test_tags_that_are_not_in_utf8_are_no_obstacle(
    rendered: Callable[..., Path], source: Source, tmp_path: Path, name: str, maps: list[str]
) -> None:
    picture, tone = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=3"], ["-f", "lavfi", "-i", "sine=d=3"]
    path = tmp_path / name
    command = [*picture, *tone, *maps, "-metadata", "title=Caf_", str(path)]
    ffmpeg.run(command, length=3, report=lambda share: None)
    path.write_bytes(path.read_bytes().replace(b"Caf_", b"Caf\xe9"))
    out = rendered(source=source.model_copy(update={"media": probe(path)}))
    assert json.loads((out / "ep.peaks.json").read_text())["peaks"]
    assert (out / "poster.jpg").exists() == (not maps)


def test_a_picture_without_a_word_still_gets_a_page(
    rendered: Callable[..., Path], silent_video: Path, source: Source
) -> None:
    media = source.media.model_copy(update={"path": str(silent_video), "audio": None})
    out = rendered(source=source.model_copy(update={"media": media}), text="")
    assert (out / "ep.srt").read_bytes() == b""
    assert not (out / "ep.chapters.txt").exists()
    assert "Nothing was said" in (out / "index.html").read_text()


def test_a_recording_with_another_name_beside_the_page_is_found(rendered: Callable[..., Path]) -> None:
    html = (rendered(media_file="../media/talk 1.mp4") / "index.html").read_text()
    assert 'src="../media/talk%201.mp4"' in html


def test_subtitles_keep_the_limits_that_were_chosen(rendered: Callable[..., Path]) -> None:
    lines = (rendered(subtitles=SubtitleStyle(line_length=20)) / "ep.srt").read_text().splitlines()
    said = [line for line in lines if line and "-->" not in line]
    assert max(map(len, said)) <= 20


@pytest.mark.parametrize(
    ("width", "height", "longest"), [(1920, 1080, 42), (1080, 1080, 32), (1080, 1920, 25)]
)
def test_a_narrow_picture_gets_short_lines(
    rendered: Callable[..., Path], source: Source, width: int, height: int, longest: int
) -> None:
    video = source.media.video.model_copy(update={"width": width, "height": height})
    shaped = source.model_copy(update={"media": source.media.model_copy(update={"video": video})})
    lines = (rendered(source=shaped) / "ep.srt").read_text().splitlines()
    assert longest - 10 < max(len(line) for line in lines if "-->" not in line) <= longest


def test_the_same_inputs_give_the_same_bytes(rendered: Callable[..., Path]) -> None:
    first, second = rendered("first"), rendered("second")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_progress_grows_to_the_end(rendered: Callable[..., Path]) -> None:
    seen: list[float] = []
    rendered(report=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_the_waveform_goes_with_the_pictures(rendered: Callable[..., Path]) -> None:
    found = json.loads((rendered() / "ep.peaks.json").read_text())
    assert found["per_second"] == 10
    assert 28 <= len(found["peaks"]) <= 31
    assert max(found["peaks"]) > 5


def test_a_cancelled_rendering_ends_at_once(rendered: Callable[..., Path], tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        rendered(report=stop)
    assert not (tmp_path / "out" / "index.html").exists()


def test_files_are_utf8_and_only_srt_has_crlf(rendered: Callable[..., Path]) -> None:
    out = rendered(text="Die Brücke hält. Wir gehen. Dann kommt 水。")
    assert "Brücke" in (out / "ep.srt").read_bytes().decode("utf-8")
    assert b"\r\n" in (out / "ep.srt").read_bytes()
    assert not any(b"\r" in (out / f"ep.{kind}").read_bytes() for kind in ("vtt", "txt", "notes.md"))
