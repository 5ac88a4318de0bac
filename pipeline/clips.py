"""Clips: a short part of a recording in several shapes, with and without words in the picture.

All renditions of a clip come from one reading of the recording's picture: it is decoded once, cropped
and scaled once for each shape, and each shape is drawn on once for its subtitled variant. The sound is
made once, as it will be heard, and copied into every file.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from pipeline import captions, ffmpeg, loudness, subtitles
from pipeline.candidates import CandidateOptions, choose, read_candidates, write_candidates
from pipeline.clip_command import WORK, Clip, ClipOptions, arguments, script_name, title_name
from pipeline.errors import BadOptions, ToolFailed, UnreadableMedia
from pipeline.model import (
    AspectRatio,
    ClipCandidate,
    Media,
    Rendition,
    Report,
    Seconds,
    Source,
    Span,
    Transcript,
    Variant,
    WordSpan,
)
from pipeline.probe import opened

__all__ = [
    "CandidateOptions",
    "ClipOptions",
    "choose",
    "read_candidates",
    "render_clip",
    "write_candidates",
]

_SOUND_SHARE = 0.1  # of the whole work
_OFF_BY: Seconds = 0.15
_STEP: Seconds = 0.25  # longer than a frame is shown
_REORDERED: Seconds = 1.0  # how much earlier than the packet before it a frame may be shown


def render_clip(
    source: Source,
    transcript: Transcript,
    candidate: ClipCandidate,
    renditions: Sequence[Rendition],
    options: ClipOptions,
    *,
    out: Path,
    report: Report,
    threads: int,
) -> None:
    """Write `out/<rendition>/<clip_id>.<rendition>.mp4` for each of `renditions`.

    H.264 High and AAC, ready to be streamed (moov first), at a constant frame rate. A recording without
    sound gives clips with silence; one without a picture, or with none in this span, gets its title and the
    wave of its sound.

    Raises UnreadableMedia when the recording is gone, BadOptions when the span lies outside of it,
    ToolFailed when ffmpeg cannot do it.
    """
    # a damaged header can say less than there is to hear
    end = max(source.media.duration, transcript.duration)
    clip = _clip(source.media, end, candidate, renditions, options)
    out = out.resolve()
    with _work_folder(out, renditions) as work:
        captions.copy_font(work)
        try:
            clip = _written(_as_shown(clip), transcript, candidate.words, work)
            _encode(clip, out, report, threads)
        except (ToolFailed, UnreadableMedia) as error:
            raise ToolFailed(f"clip {clip.clip_id} of {clip.media.path} cannot be made: {error}") from error
    report(1.0)


def _as_shown(clip: Clip) -> Clip:
    """`clip` as that of a recording without a picture where there is none in its span.

    A camera may start late or stop early, while the sound goes on.
    """
    media = clip.media
    if not (media.video and media.audio):
        return clip
    shows, seeks = _picture_in(media, media.video.index, clip.span)
    video = media.video if shows else None
    return clip.model_copy(
        update={"media": media.model_copy(update={"video": video}), "sound_seeks": shows and seeks}
    )


def _picture_in(media: Media, index: int, span: Span) -> tuple[bool, bool]:
    """Whether the picture has a frame in `span`, and whether it has begun by then.

    Its packets say so, and none is decoded.
    """
    begun = False
    with opened(Path(media.path)) as container:
        stream = container.streams[index]
        first = (container.start_time or 0) / av.time_base
        with contextlib.suppress(av.FFmpegError):  # then it is read from its beginning
            container.seek(round((first + span.start) / (stream.time_base or 1)), stream=stream)
        for packet in _packets(container, stream):
            moment = packet.dts if packet.pts is None else packet.pts
            if moment is None:
                continue  # the last one, which is empty
            at = float(moment * packet.time_base) - first
            begun = begun or at < span.start + _STEP
            if span.start <= at < span.end:
                return True, begun
            if at > span.end + _REORDERED:
                break
    return False, begun


def _packets(container: InputContainer, stream: Stream) -> "Iterator[Packet[Stream]]":
    """The packets of `stream` up to where the file is damaged."""
    with contextlib.suppress(av.FFmpegError):
        yield from container.demux(stream)


def _written(clip: Clip, transcript: Transcript, words: WordSpan, work: Path) -> Clip:
    """`clip` with the changes of its captions, for which the scripts are now in `work`."""
    cues = _cues(clip, transcript, words)
    for name, script in _scripts(clip, cues):
        (work / name).write_text(script, encoding="utf-8")
    changes = {shape: captions.changes(cues[shape], clip.span) for shape in cues}
    return clip.model_copy(update={"changes": changes})


def _encode(clip: Clip, out: Path, report: Report, threads: int) -> None:
    sound = loudness.sound_track(
        clip.media,
        clip.span,
        clip.options.loudness,
        folder=out / WORK,
        report=lambda share: report(share * _SOUND_SHARE),
        seeks=clip.sound_seeks,
    )
    _refuse_nothing(clip, sound)
    ffmpeg.run(
        arguments(clip, sound.relative_to(out), threads),
        length=clip.span.duration,
        report=lambda share: report(_SOUND_SHARE + share * (1 - _SOUND_SHARE)),
        cwd=out,
    )
    for rendition in clip.renditions:
        _check(out / clip.file(rendition), clip.span.duration)


def _refuse_nothing(clip: Clip, sound: Path) -> None:
    """Raises ToolFailed for a span without a picture in which nothing is heard either: behind a cut."""
    if clip.media.video or clip.sound_seeks:
        return
    if loudness.measure(sound, clip.span, lambda share: None).is_silence:
        raise ToolFailed(
            f"there is neither a picture nor sound from {clip.span.start} s on: check whether it was cut off"
        )


def _clip(
    media: Media,
    end: Seconds,
    candidate: ClipCandidate,
    renditions: Sequence[Rendition],
    options: ClipOptions,
) -> Clip:
    """The part of `candidate` that the recording, which is over at `end`, has."""
    if not Path(media.path).is_file():
        raise UnreadableMedia(f"{media.path} is gone: put it back, or discover it again where it is now")
    if candidate.span.start >= end:
        raise BadOptions(
            f"clip {candidate.clip_id} starts at {candidate.span.start} s, but {media.path} ends at "
            f"{end} s: choose an earlier start"
        )
    return Clip(
        clip_id=candidate.clip_id,
        title=candidate.title,
        media=media,
        span=Span(start=candidate.span.start, end=min(candidate.span.end, end)),
        renditions=tuple(renditions),
        options=options,
    )


@contextlib.contextmanager
def _work_folder(out: Path, renditions: Sequence[Rendition]) -> Iterator[Path]:
    """The folders of the renditions, and one for what only ffmpeg needs, removed at the end."""
    for rendition in renditions:
        (out / rendition.name).mkdir(exist_ok=True)
    work = out / WORK
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work)


type _Cues = dict[AspectRatio, tuple[subtitles.Cue, ...]]


def _cues(clip: Clip, transcript: Transcript, words: WordSpan) -> _Cues:
    """What is shown in the subtitled renditions of each shape that has one."""
    shapes = {made.aspect_ratio for made in clip.renditions if made.variant is Variant.SUBTITLED}
    rate = float(clip.rate)
    styles = {shape: subtitles.style_for(shape, transcript.language) for shape in shapes}
    return {
        shape: subtitles.cues(transcript, styles[shape], words, frame_rate=rate) for shape in sorted(shapes)
    }


def _scripts(clip: Clip, cues: _Cues) -> Iterator[tuple[str, str]]:
    """Names and texts of the scripts that the command draws with."""
    for shape in clip.shapes:
        size = clip.size(shape)
        if shape in cues:
            yield script_name(shape), captions.captions(cues[shape], clip.span, shape, size)
        if clip.media.video is None:
            yield title_name(shape), captions.title_card(clip.title, clip.span, shape, size)


def _check(path: Path, duration: Seconds) -> None:
    """ffmpeg may end well with next to nothing written, such as after the end of a cut-off recording."""
    try:
        with av.open(str(path)) as made:
            shown = (float((one.duration or 0) * (one.time_base or 0)) for one in made.streams.video)
            seconds = min((made.duration or 0) / av.time_base, sum(shown))
    except av.FFmpegError as error:
        raise ToolFailed(f"{path.name} cannot be read back ({error}): render the clip again") from error
    if abs(seconds - duration) > _OFF_BY:
        raise ToolFailed(
            f"{path.name} is {seconds:.2f} s long instead of {duration:.2f} s: the recording's picture "
            "cannot be decoded there, so choose another span"
        )
