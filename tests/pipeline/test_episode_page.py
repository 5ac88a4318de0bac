import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from pipeline.episode_page import episode_page
from pipeline.model import AudioStream, Enrichment, Media, Metadata, Name, Source, Transcript, VideoStream
from pipeline.subtitles import SubtitleStyle, cues

Spoken = Callable[..., Transcript]
Enriched = Callable[[Transcript], Enrichment]
TEXT = "The old wall held the water for a while. 漢 😀 then it broke. " * 4
VIDEO = VideoStream(index=0, codec="h264", width=320, height=180, fps=25, pixel_format="yuv420p")
SOUND = AudioStream(index=0, codec="aac", sample_rate=48000, channels=2)


def page(transcript: Transcript, enrichment: Enrichment, **changes: object) -> str:
    facts = {"video": VIDEO, "metadata": Metadata(), "media_file": "a.mp4", "poster": None, **changes}
    media = Media(path="a", container="mp4", duration=60, video=facts["video"], audio=SOUND)
    source = Source(sha256="0", bytes=1, media=media, metadata=facts["metadata"])
    return episode_page(
        source,
        transcript,
        enrichment,
        cues(transcript, SubtitleStyle()),
        media_file=facts["media_file"],
        poster=facts["poster"],
        downloads={"Subtitles": "ep.srt"},
    )


class Elements(HTMLParser):
    """Every start tag of a page, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def data_of(html: str) -> dict[str, object]:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])


@pytest.fixture
def transcript(spoken: Spoken) -> Transcript:
    return spoken(TEXT, speakers=("Ann", "Bo"))


def test_the_page_loads_nothing_from_anywhere_else(transcript: Transcript, enriched: Enriched) -> None:
    html = page(transcript, enriched(transcript), poster="poster.jpg")
    attributes = [value for _, found in Elements(html).found for value in found.values() if value]
    assert not any(re.match(r"(https?:)?//", value) for value in attributes)
    assert "url(" not in html
    assert "@import" not in html


def test_everything_is_inline_and_allowed_only_by_its_hash(
    transcript: Transcript, enriched: Enriched
) -> None:
    elements = Elements(page(transcript, enriched(transcript)))
    policy = next(meta["content"] for meta in elements.of("meta") if "http-equiv" in meta)
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy
    assert elements.of("link") == []
    assert not any("style" in found or "src" in found for found in elements.of("script"))


def test_what_people_wrote_cannot_leave_its_place(spoken: Spoken, enriched: Enriched) -> None:
    evil = '"><script>alert(1)</script><!--<img src=x onerror=alert(2)>&amp;\u2028'
    transcript = spoken(f"{evil} said it. And more. And more.", speakers=(evil,))
    enrichment = enriched(transcript).model_copy(
        update={
            "title": evil,
            "summary": evil,
            "keywords": (evil,),
            "show_notes": (evil,),
            "names": (Name(name=evil, kind="person", mentions=(transcript.sentences[0].words,)),),
            "chapters": tuple(
                chapter.model_copy(update={"title": evil}) for chapter in enriched(transcript).chapters
            ),
        }
    )
    html = page(transcript, enrichment, metadata=Metadata(show=evil, guests=(evil,)), media_file=evil)
    elements = Elements(html)
    assert len(elements.of("script")) == 2
    assert elements.of("img") == []
    assert data_of(html)["chapters"][0][2] == evil


def test_every_sentence_is_there_with_the_places_of_its_words(
    transcript: Transcript, enriched: Enriched
) -> None:
    html = page(transcript, enriched(transcript))
    data = data_of(html)
    sentences = re.findall(r'<span class="s" id="s(\d+)">(.*?)</span>', html)
    assert [int(number) for number, _ in sentences] == list(range(len(transcript.sentences)))
    for (_, text), (first, end) in zip(sentences, data["sentences"], strict=True):
        units = text.encode("utf-16-le")
        for word in range(first, end):
            start, length = data["wordOffsets"][word], data["wordLengths"][word]
            assert units[2 * start : 2 * (start + length)].decode("utf-16-le") == transcript.words[word].text


def test_words_of_a_space_less_script_have_no_spaces(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken("水が来た。橋は落ちた。皆は逃げた。", language="ja", spaces=False)
    html = page(transcript, enriched(transcript))
    assert ">水が来た。</span>" in html
    assert data_of(html)["wordOffsets"][:5] == [0, 1, 2, 3, 4]


def test_chapters_names_quotes_and_highlights_lead_to_their_times(
    transcript: Transcript, enriched: Enriched
) -> None:
    enrichment = enriched(transcript)
    links = {found.get("href") for found in Elements(page(transcript, enrichment)).of("a")}
    spans = [
        *(transcript.span(name.mentions[0]) for name in enrichment.names),
        *(transcript.span(quote.words) for quote in enrichment.quotes),
        *(transcript.span(highlight.words) for highlight in enrichment.highlights),
        *(chapter.span for chapter in enrichment.chapters[1:]),
    ]
    assert {f"#t={span.start:.3f}".rstrip("0").rstrip(".") for span in spans} <= links


def test_names_of_files_are_addresses(transcript: Transcript, enriched: Enriched) -> None:
    html = page(transcript, enriched(transcript), media_file="my show #1 100%.mp4", poster="a b.jpg")
    (video,) = Elements(html).of("video")
    assert (video["src"], video["poster"]) == ("my%20show%20%231%20100%25.mp4", "a%20b.jpg")


def test_sound_gets_a_cover_instead_of_a_picture(transcript: Transcript, enriched: Enriched) -> None:
    html = page(transcript, enriched(transcript), video=None, metadata=Metadata(show="Desk"))
    elements = Elements(html)
    assert elements.of("video") == []
    assert len(elements.of("audio")) == 1
    assert 'class="cover"' in html


def test_a_recording_without_words_says_so(spoken: Spoken, enriched: Enriched) -> None:
    silent = spoken("").model_copy(update={"language": "und", "notes": ("The recording has no sound.",)})
    spoken_one = enriched(spoken("One. Two. Three."))
    bare = spoken_one.model_copy(
        update=dict.fromkeys(("chapters", "names", "quotes", "highlights", "keywords", "show_notes"), ())
    )
    html = page(silent, bare)
    assert "Nothing was said in this recording." in html
    assert "The recording has no sound." in html
    assert 'id="chapters"' not in html


def test_every_control_has_a_name(transcript: Transcript, enriched: Enriched) -> None:
    elements = Elements(page(transcript, enriched(transcript)))
    html = page(transcript, enriched(transcript))
    for button in elements.of("button"):
        assert button.get("aria-label") or f'class="{button.get("class")}"' in html
    assert all(found.get("aria-label") or found.get("id") == "pick" for found in elements.of("input"))


def test_notes_with_dashes_become_a_list(transcript: Transcript, enriched: Enriched) -> None:
    html = page(transcript, enriched(transcript))
    assert "<p>Recorded on the bridge.</p>" in html
    assert "<li>A map of the river</li>" in html


def test_the_page_of_a_long_episode_stays_small(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken("The old wall held the water for a while, but not until the morning. " * 2200)
    html = page(transcript, enriched(transcript))
    assert len(transcript.words) > 30_000
    assert len(html) < 2_000_000
    assert len(Elements(html).of("span")) < 3_000
