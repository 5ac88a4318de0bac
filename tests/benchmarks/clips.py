"""How fast six renditions of a clip are made: ours, the encoders alone, and MoviePy doing the same.

    python -m tests.benchmarks.clips
    python -m tests.benchmarks.clips --source talk.mp4 --start 10 --seconds 8

The floor is the same six encoders in one ffmpeg, fed the very frames that our filter graph makes, as raw
files in memory. Ours and the floor take turns, and the turn whose ratio is the median is printed, for one
run of 15 seconds may be a tenth off. CPU seconds are the better measure on a machine that has other work.
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import av
import fontpkg

from pipeline import captions, clip_command, ffmpeg, framing, subtitles
from pipeline.clips import ClipOptions, render_clip
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

SHAPES = (AspectRatio.VERTICAL, AspectRatio.SQUARE, AspectRatio.LANDSCAPE)
RENDITIONS = [Rendition(variant=variant, aspect_ratio=shape) for shape, variant in product(SHAPES, Variant)]
SAID = "We choose to go to the Moon in this decade and do the other things , not because they are easy ."
OPTIONS = ClipOptions()


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(dir=asked.work) as folder:
        work = Path(folder)
        source = Path(asked.source).resolve() if asked.source else _talk(work, asked.start + asked.seconds)
        media = _media(source)
        span = Span(start=asked.start, end=asked.start + asked.seconds)
        ours, floor = _in_turns(media, span, work, asked.turns)
        moviepy = None if asked.no_moviepy else _cost(lambda: _moviepy(media, span, work))
    print(f"{media.path}: {span.duration:g} s, {media.video.width}×{media.video.height}, six renditions")
    _print("ours", ours, floor)
    _print("encoders alone", floor, floor)
    if moviepy:
        _print("MoviePy", moviepy, floor)
        print(f"MoviePy / ours: wall {moviepy.wall / ours.wall:.2f}, CPU {moviepy.cpu / ours.cpu:.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", help="a recording with picture and sound; default: one is generated")
    parser.add_argument("--start", type=float, default=2.0, help="where the clip starts, in seconds")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the clip is")
    parser.add_argument("--turns", type=int, default=9, help="how often ours and the floor are measured")
    parser.add_argument("--no-moviepy", action="store_true", help="measure only ours and the floor")
    parser.add_argument("--work", default=None, help="where 4 GB of raw frames may lie (such as /dev/shm)")
    return parser.parse_args()


def _print(name: str, cost: Cost, floor: Cost) -> None:
    wall, cpu = cost.wall / floor.wall, cost.cpu / floor.cpu
    print(
        f"  {name:15} {cost.wall:7.1f} s wall ({wall:.2f} × floor) {cost.cpu:7.1f} s CPU ({cpu:.2f} × floor)"
    )


def _in_turns(media: Media, span: Span, work: Path, turns: int) -> tuple[Cost, Cost]:
    """What ours and the encoders alone cost, in the middle one of `turns` turns by their ratio."""
    _ours(media, span, work)
    encoders = _floor(media, span, work)
    pairs = [(_cost(lambda: _ours(media, span, work)), _cost(encoders)) for _ in range(turns)]
    return sorted(pairs, key=lambda pair: pair[0].wall / pair[1].wall)[turns // 2]


def _cost(work: Callable[[], None]) -> Cost:
    before, start = _cpu(), time.perf_counter()
    work()
    return Cost(wall=time.perf_counter() - start, cpu=_cpu() - before)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _talk(work: Path, seconds: float) -> Path:
    """A 1080p talk: a still, detailed room with something moving in it, and a sound like syllables."""
    path = work / "talk.mp4"
    room = "mandelbrot=s=1920x1080:r=30:maxiter=300,trim=end_frame=1,loop=-1:1,setpts=N/30/TB[room]"
    head = "testsrc2=s=480x560:r=30[head]"
    moving = f"overlay=700+40*sin(t*2):300+20*sin(t*3),trim=duration={seconds}"
    picture = f"{room};{head};[room][head]{moving},noise=alls=2:allf=t"
    sound = f"aevalsrc='0.3*sin(2*PI*220*t)*max(0,sin(2*PI*3*t))':s=48000:d={seconds}"
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "60"]
    command = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *coded, "-c:a", "aac", str(path)]
    ffmpeg.run(command, length=seconds, report=_quiet)
    return path


def _media(path: Path) -> Media:
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        return Media(
            path=str(path),
            container=file.format.name,
            duration=file.duration / av.time_base,
            video=VideoStream(
                index=video.index,
                codec=video.codec_context.name,
                width=video.width,
                height=video.height,
                fps=float(video.average_rate),
                pixel_format=video.pix_fmt,
            ),
            audio=AudioStream(
                index=audio.index,
                codec=audio.codec_context.name,
                sample_rate=audio.rate,
                channels=audio.channels,
            ),
        )


def _transcript(span: Span) -> Transcript:
    texts = SAID.split()
    each = span.duration / len(texts)
    words = tuple(
        Word(text=text, start=span.start + i * each, end=span.start + (i + 0.9) * each, probability=1)
        for i, text in enumerate(texts)
    )
    return Transcript(
        language="en",
        language_probability=1,
        model="none",
        duration=span.end,
        words=words,
        sentences=(Sentence(words=WordSpan(first=0, end=len(words))),),
    )


def _ours(media: Media, span: Span, work: Path) -> None:
    out = work / "ours"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    transcript = _transcript(span)
    candidate = ClipCandidate(
        clip_id="01-moon",
        title="The Moon",
        span=span,
        words=WordSpan(first=0, end=len(transcript.words)),
        score=1,
        score_parts={},
        reasons=("benchmark",),
    )
    source = Source(sha256="0" * 64, bytes=1, media=media, metadata=Metadata())
    render_clip(source, transcript, candidate, RENDITIONS, OPTIONS, out=out, report=_quiet, threads=2)


def _floor(media: Media, span: Span, work: Path) -> Callable[[], None]:
    """Runs the encoders with nothing to be decoded, cropped, scaled or drawn: frames are made here."""
    out = work / "floor"
    for name in (clip_command.WORK, *(rendition.name for rendition in RENDITIONS)):
        (out / name).mkdir(parents=True)
    captions.copy_font(out / clip_command.WORK)
    for shape, cues in _cues(span).items():
        script = captions.captions(cues, span, shape, framing.size(shape, OPTIONS.short_side))
        (out / clip_command.WORK / clip_command.script_name(shape)).write_text(script)
    made = work / "ours" / RENDITIONS[0].name / f"01-moon.{RENDITIONS[0].name}.mp4"
    sound = Path(clip_command.WORK, "sound.aac")
    ffmpeg.run(["-i", str(made), "-vn", "-c", "copy", str(out / sound)], length=span.duration, report=_quiet)
    clip = clip_command.Clip(
        clip_id="01-moon",
        title="The Moon",
        media=media,
        span=span,
        renditions=tuple(RENDITIONS),
        options=OPTIONS,
        changes={shape: captions.changes(cues, span) for shape, cues in _cues(span).items()},
    )
    command = clip_command.arguments(clip, sound, 2)
    ffmpeg.run(_to_raw(command), length=span.duration, report=_quiet, cwd=out)
    return lambda: ffmpeg.run(_from_raw(command, clip, sound), length=span.duration, report=_quiet, cwd=out)


def _cues(span: Span) -> dict[AspectRatio, tuple[subtitles.Cue, ...]]:
    transcript = _transcript(span)
    return {shape: subtitles.cues(transcript, subtitles.style_for(shape, "en")) for shape in SHAPES}


def _to_raw(command: list[str]) -> list[str]:
    """Our command, writing the frames that it would encode."""
    duration = command[command.index("-t") + 1]
    raw = command[: command.index("-map")]
    for rendition in RENDITIONS:
        name = rendition.name
        raw += ["-map", f"[{name}]", "-t", duration, "-f", "rawvideo", f"{name}/frames.yuv"]
    return raw


def _from_raw(command: list[str], clip: clip_command.Clip, sound: Path) -> list[str]:
    """Our command with those files in the place of the recording and the filter graph."""
    inputs: list[str] = []
    for rendition in RENDITIONS:
        width, height = clip.size(rendition.aspect_ratio)
        shape = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}"]
        inputs += [*shape, "-framerate", str(clip.rate), "-i", f"{rendition.name}/frames.yuv"]
    outputs = command[command.index("-map") :]
    maps = {f"[{rendition.name}]": f"{number}:v" for number, rendition in enumerate(RENDITIONS)}
    maps["1:a"] = f"{len(RENDITIONS)}:a"
    return [*inputs, "-i", str(sound), *(maps.get(argument, argument) for argument in outputs)]


def _moviepy(media: Media, span: Span, work: Path) -> None:
    """The same six files the way MoviePy's documentation does it, with the same encoder settings."""
    from moviepy import CompositeVideoClip, VideoFileClip

    for rendition in RENDITIONS:
        width, height = framing.size(rendition.aspect_ratio, OPTIONS.short_side)
        with VideoFileClip(media.path) as recording:
            part = recording.subclipped(span.start, span.end)
            across = min(part.w, round(part.h * width / height))
            down = min(part.h, round(part.w * height / width))
            middle = {"x_center": part.w / 2, "y_center": part.h / 2}
            picture = part.cropped(width=across, height=down, **middle).resized((width, height))
            if rendition.variant is Variant.SUBTITLED:
                texts = _moviepy_texts(span, rendition.aspect_ratio, width, height)
                picture = CompositeVideoClip([picture, *texts])
            picture.write_videofile(
                str(work / f"moviepy-{rendition.name}.mp4"),
                codec="libx264",
                preset=OPTIONS.preset,
                audio_codec="aac",
                threads=2,
                ffmpeg_params=["-crf", str(OPTIONS.crf), "-bf", "2", "-g", "15", "-movflags", "+faststart"],
                logger=None,
            )


def _moviepy_texts(span: Span, shape: AspectRatio, width: int, height: int) -> list[object]:
    from moviepy import TextClip

    look = captions.LOOKS[shape]
    return [
        TextClip(
            font=str(fontpkg.path("Fira Sans", weight=700)),
            text="\n".join(cue.lines),
            font_size=round(look.line_height * height / 1.2),
            color="white",
            stroke_color="black",
            stroke_width=4,
            margin=(8, 8),
            text_align="center",
        )
        .with_start(cue.span.start - span.start)
        .with_end(min(cue.span.end, span.end) - span.start)
        .with_position(("center", round(height * (1 - look.bottom)) - 200))
        for cue in _cues(span)[shape]
    ]


def _quiet(_: float) -> None:
    pass


if __name__ == "__main__":
    main()
