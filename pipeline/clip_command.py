"""The ffmpeg command of a clip: one reading of the recording, one filter graph, a file for each rendition.

Pure: the same clip gives the same arguments. Every name in the filter graph is relative to the folder
that ffmpeg works in, so that no file name has to be quoted there.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline import captions, framing
from pipeline.model import (
    AspectRatio,
    Frozen,
    Lufs,
    Media,
    Rendition,
    Seconds,
    Span,
    Variant,
    VideoStream,
)

WORK = "work"
"""The folder, beside the renditions' folders, where sound, words and font of the clip lie."""

_RATES = [Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")]
_WHOLE_RATES = [rate for rate in _RATES if rate.denominator == 1]
_RATE_WITHOUT_PICTURE = Fraction(25)
_BITS_A_PIXEL = 10_000_000 / (1080 * 1920)  # SupoClip's presets for TikTok and Shorts: 10 Mbit/s at most
_BACKGROUND, _WAVE = "0x14213d", "0xfca311"


class ClipOptions(Frozen):
    """How clips are encoded."""

    short_side: int = Field(default=1080, ge=180, le=2160, multiple_of=2)
    """Pixels of the shorter side, whatever the recording has. Platforms ask for 1080 and treat less as
    low quality, and words stay sharp; 720 takes half the time."""
    crf: int = Field(default=21, ge=0, le=40)
    """x264's constant quality: lower is better and larger."""
    preset: Literal["superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    """x264's trade of speed for size."""
    loudness: Lufs = -14.0
    """LUFS of the whole clip; −14 is what Spotify, YouTube, TikTok and Reels play."""


class Clip(Frozen):
    """A clip to be rendered, with everything that its ffmpeg command is made of."""

    clip_id: str
    title: str
    media: Media
    span: Span
    renditions: tuple[Rendition, ...]
    options: ClipOptions
    changes: dict[AspectRatio, tuple[Seconds, ...]] = Field(default_factory=dict)
    """When what the captions of a shape show changes, from the clip's start; only shapes with captions."""
    sound_seeks: bool = True
    """Whether ffmpeg can go straight to the sound: it goes by the picture, which must have begun."""

    @property
    def shapes(self) -> list[AspectRatio]:
        return sorted({rendition.aspect_ratio for rendition in self.renditions})

    @property
    def rate(self) -> Fraction:
        return frame_rate(self.media.video.fps) if self.media.video else _RATE_WITHOUT_PICTURE

    def size(self, shape: AspectRatio) -> tuple[int, int]:
        return framing.size(shape, self.options.short_side)

    def variants(self, shape: AspectRatio) -> list[Rendition]:
        return [rendition for rendition in self.renditions if rendition.aspect_ratio is shape]

    def file(self, rendition: Rendition) -> str:
        return f"{rendition.name}/{self.clip_id}.{rendition.name}.mp4"


def script_name(shape: AspectRatio) -> str:
    """File, in the work folder, of the captions of one shape."""
    return f"{shape}.ass"


def title_name(shape: AspectRatio) -> str:
    """File, in the work folder, of the title that is drawn when there is no picture."""
    return f"title-{shape}.ass"


def frame_rate(fps: float) -> Fraction:
    """The constant rate of a clip from a recording with on average `fps` frames a second.

    A rate in common use is kept; any other (phones and screen recorders vary theirs) becomes the next
    whole rate above, at most 60.
    """
    common = min(_RATES, key=lambda rate: abs(float(rate) - fps))
    if abs(float(common) - fps) < 0.01:
        return common
    return next((rate for rate in _WHOLE_RATES if rate >= fps), _WHOLE_RATES[-1])


def arguments(clip: Clip, sound: Path, threads: int) -> list[str]:
    """ffmpeg's arguments for all files of `clip`, relative to the folder they are written to."""
    command = ["-filter_complex_threads", str(threads)]
    if clip.media.video:
        start, duration = f"{clip.span.start:.3f}", f"{clip.span.duration:.3f}"
        command += ["-ss", start, "-t", duration, "-i", f"file:{Path(clip.media.path).resolve()}"]
    command += ["-i", sound.as_posix(), "-filter_complex", _graph(clip)]
    for rendition in clip.renditions:
        command += _output(clip, rendition)
    return command


def _graph(clip: Clip) -> str:
    video = clip.media.video
    chains = [_decoded(clip, video) if video else _waves(clip)]
    for shape in clip.shapes:
        chains += _variants(clip, shape, _cropped(clip, shape) if video else _drawn(clip, shape))
    return ";".join(chains)


def _decoded(clip: Clip, video: VideoStream) -> str:
    """The picture with square pixels at a constant rate, held where it ends before the sound."""
    labels = "".join(f"[{shape}]" for shape in clip.shapes)
    return (
        f"[0:{video.index}]fps={clip.rate}:start_time=0,scale=iw*sar:ih,setsar=1"
        f",tpad=stop=-1:stop_mode=clone,split={len(clip.shapes)}{labels}"
    )


def _cropped(clip: Clip, shape: AspectRatio) -> str:
    width, height = clip.size(shape)
    view = framing.crop_filter(framing.centred(shape))
    return f"[{shape}]{view},scale={width}:{height}:out_range=tv,setsar=1,format=yuv420p"


def _variants(clip: Clip, shape: AspectRatio, picture: str) -> list[str]:
    """The finished pictures of one shape, each under the name of its rendition."""
    variants = clip.variants(shape)
    blank = {rendition.name: f"[{rendition.name}]" for rendition in variants}
    changes = clip.changes.get(shape, ())
    drawn = [rendition.name for rendition in variants if rendition.variant is Variant.SUBTITLED and changes]
    blank |= {name: f"[{name}-blank]" for name in drawn}
    chains = [f"{picture},split={len(variants)}{''.join(blank.values())}"]
    for name in drawn:
        words = f"[{name}-words]"
        place = f"overlay=0:{captions.highest_row(shape, clip.size(shape)[1])}"
        chains += [_words(clip, shape, changes) + words, f"{blank[name]}{words}{place}[{name}]"]
    return chains


def _words(clip: Clip, shape: AspectRatio, changes: Sequence[Seconds]) -> str:
    """The captions on a transparent picture, drawn only where they change.

    `overlay` shows each until the next comes. Drawing letters costs ten times what laying a picture over
    another does, so this takes a third of the time of drawing them on every frame. A frame before and
    after each change is drawn too: the times in the script are rounded to hundredths of a second. What
    lies above all captions is cropped: to lay it over a frame takes as long as if there were letters.
    """
    width, height = clip.size(shape)
    frames = sorted({round(change * clip.rate) for change in changes})
    drawn = "+".join(["not(n)", *(f"between(n,{frame - 1},{frame + 1})" for frame in frames)])
    ground = f"color=c=black@0:s={width}x{height}:r={clip.rate}:d={clip.span.duration:.3f}"
    top = captions.highest_row(shape, height)
    lower = f"crop={width}:{height - top}:0:{top}"
    return f"{ground},format=yuva420p,select='{drawn}',{_ass(script_name(shape))}:alpha=1,{lower}"


def _ass(script: str) -> str:
    return f"ass={WORK}/{script}:fontsdir={WORK}"


def _output(clip: Clip, rendition: Rendition) -> list[str]:
    """One file: closed groups of half a second with two B-frames and no edit list, as YouTube asks.

    Each encoder has one thread: with several, x264's rate limit makes another file each time, and the
    renditions are encoded side by side anyway.
    """
    width, height = clip.size(rendition.aspect_ratio)
    most = round(_BITS_A_PIXEL * width * height * (1.5 if clip.rate > 30 else 1))
    settings = (
        f"-map {1 if clip.media.video else 0}:a -c:a copy -t {clip.span.duration:.3f}"
        f" -c:v libx264 -preset {clip.options.preset} -crf {clip.options.crf} -profile:v high"
        f" -maxrate {most} -bufsize {2 * most} -g {round(clip.rate / 2)} -bf 2 -flags:v +cgop"
        " -threads 1 -map_metadata -1 -map_chapters -1"
        " -movflags +faststart+negative_cts_offsets -use_editlist 0"
    )
    named = ["-metadata", f"title={clip.title}", clip.file(rendition)]
    return ["-map", f"[{rendition.name}]", *settings.split(), *named]


def _waves(clip: Clip) -> str:
    """The sound once for each shape, to be drawn as a wave."""
    labels = "".join(f"[{shape}]" for shape in clip.shapes)
    return f"[0:a]aformat=channel_layouts=mono,volume=2,asplit={len(clip.shapes)}{labels}"


def _drawn(clip: Clip, shape: AspectRatio) -> str:
    """What is shown of a recording without a picture: its title, and the wave of its sound."""
    width, height = clip.size(shape)
    across, down = 2 * round(width * 0.4), 2 * round(height * 0.06)
    ground = f"color=c={_BACKGROUND}:s={width}x{height}:r={clip.rate}[{shape}-ground]"
    wave = (
        f"[{shape}]showwaves=s={across}x{down}:r={clip.rate}:mode=cline:scale=cbrt:draw=full"
        f":colors={_WAVE},format=yuva420p[{shape}-wave]"
    )
    over = f"[{shape}-ground][{shape}-wave]overlay=(W-w)/2:(H-h)/2:shortest=1"
    return f"{ground};{wave};{over},{_ass(title_name(shape))},setsar=1,format=yuv420p"
