"""Render: everything an episode is published with, made from its transcript and its enrichment.

Two steps: `illustrate` makes what rests on the recording alone (the poster, the copy that browsers play, the
waveform), and `render` the texts, so that a corrected word costs a second and not a copy of three hours.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import episode_files, subtitle_files
from pipeline.episode_page import episode_page
from pipeline.model import (
    AspectRatio,
    Enrichment,
    Frozen,
    Media,
    Report,
    Share,
    Source,
    Transcript,
    VideoStream,
)
from pipeline.playable import Playback, playback
from pipeline.poster import poster
from pipeline.subtitle_check import CheckReport, check
from pipeline.subtitles import Cue, SubtitleStyle, cues, style_for
from pipeline.waveform import waveform, write_waveform

_POSTER_DONE: Share = 0.2
_PLAYBACK_DONE: Share = 0.7
_PICTURES = "pictures.json"


class RenderOptions(Frozen):
    """What can be chosen about the published files."""

    subtitles: SubtitleStyle | None = None
    """The limits that subtitles keep; none: those for the picture's shape and the language."""
    media_file: str | None = None
    """Name of the recording, relative to the page, where it is published; none: its own name, or
    that of the copy made for browsers."""


class Pictures(Frozen):
    """What `illustrate` made."""

    playback: Playback
    poster: str | None
    """Name of the poster's file; none for a recording without a usable picture."""


class Rendered(Pictures):
    """What was made, besides the files that every episode has; `<episode_id>.rendered.json`."""

    subtitles_passed: bool
    """Whether the subtitles keep all the rules; `<episode_id>.subtitles.json` has the findings."""


def illustrate(episode_id: str, source: Source, *, out: Path, report: Report, threads: int) -> None:
    """Write into `out` the poster, the waveform and, where browsers cannot play the recording, a copy.

    They are `poster.jpg`, `<episode_id>.peaks.json` and `<episode_id>.web.mp4` or `.web.m4a`.
    Raises UnreadableMedia or ToolFailed when such a copy cannot be made.
    """
    report(0.0)
    picture = poster(source.media, out=out, report=_part(report, 0.0, _POSTER_DONE))
    played = playback(
        source.media,
        episode_id,
        out=out,
        report=_part(report, _POSTER_DONE, _PLAYBACK_DONE),
        threads=threads,
    )
    found = waveform(source.media, _part(report, _PLAYBACK_DONE, 1.0))
    write_waveform(found, out / f"{episode_id}.peaks.json")
    made = Pictures(playback=played, poster=picture.name if picture else None)
    _write(out / _PICTURES, made.model_dump_json(indent=1) + "\n")
    report(1.0)


def read_pictures(folder: Path) -> Pictures:
    """What `illustrate` said of the files that it left in `folder`."""
    return Pictures.model_validate_json((folder / _PICTURES).read_bytes())


def played_now(played: Playback, media: Media) -> Playback:
    """`played` where the recording may have been renamed since the pictures were made."""
    return played.model_copy(update={"file": Path(media.path).name}) if played.made == "as it is" else played


def render(
    episode_id: str,
    source: Source,
    transcript: Transcript,
    enrichment: Enrichment,
    pictures: Pictures,
    options: RenderOptions,
    *,
    out: Path,
) -> None:
    """Write the episode's texts into `out`: subtitles, text, chapters, notes, page.

    `index.html` is the page; what it plays, and the poster, are expected beside it.
    """
    style = options.subtitles or style_for(_shape(source.media.video), transcript.language)
    made = cues(transcript, style, frame_rate=source.media.video.fps if source.media.video else 25.0)
    checked = check(made, style)
    written = {
        kind: _write(out / f"{episode_id}.{kind}", text)
        for kind, text in _texts(transcript, enrichment, made, checked)
    }
    played = played_now(pictures.playback, source.media)
    rendered = Rendered(playback=played, poster=pictures.poster, subtitles_passed=checked.passed)
    _write(out / f"{episode_id}.rendered.json", rendered.model_dump_json(indent=1) + "\n")
    page = episode_page(
        source,
        transcript,
        enrichment,
        made,
        media_file=options.media_file or played.file,
        poster=pictures.poster,
        downloads={label: written[kind].name for kind, label in _DOWNLOADS.items() if kind in written},
    )
    _write(out / "index.html", page)


_DOWNLOADS = {
    "srt": "Subtitles (SRT)",
    "vtt": "Subtitles (WebVTT)",
    "txt": "Transcript (text)",
    "transcript.json": "Transcript (JSON)",
    "chapters.json": "Chapters (JSON)",
    "chapters.txt": "Chapters (YouTube)",
    "notes.md": "Show notes (Markdown)",
}


def _texts(
    transcript: Transcript, enrichment: Enrichment, made: Sequence[Cue], checked: CheckReport
) -> Iterator[tuple[str, str]]:
    """The text files one after the other: what follows the episode's id in a name, and the text."""
    chapters = enrichment.chapters
    yield "srt", subtitle_files.srt(made)
    yield "vtt", subtitle_files.vtt(made)
    yield "subtitles.json", checked.model_dump_json(indent=1) + "\n"
    yield "txt", episode_files.text(transcript, chapters)
    yield "transcript.json", episode_files.transcript_json(transcript)
    yield "chapters.json", episode_files.chapters_json(enrichment.title, chapters)
    yield "chapters.vtt", episode_files.chapters_vtt(chapters)
    if youtube := episode_files.youtube_chapters(chapters):
        yield "chapters.txt", youtube
    yield "notes.md", episode_files.show_notes(transcript, enrichment)
    yield "words.json", transcript.model_dump_json(indent=1) + "\n"
    yield "enrichment.json", enrichment.model_dump_json(indent=1) + "\n"


def _shape(video: VideoStream | None) -> AspectRatio:
    """The aspect ratio whose subtitle lines fit the picture; sound alone is read like a wide picture."""
    ratio = video.width / video.height if video else 16 / 9
    if ratio >= 1.2:
        return AspectRatio.LANDSCAPE
    return AspectRatio.SQUARE if ratio >= 0.75 else AspectRatio.VERTICAL


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _part(report: Report, first: Share, last: Share) -> Report:
    return lambda done: report(first + (last - first) * done)
