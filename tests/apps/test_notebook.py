"""What the notebooks show of a finished episode: plots, tables and a player."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holoviews as hv
import pytest

from apps.notebook import player, plots, tables
from apps.notebook.player import play
from workbench import Workbench, load_settings
from workbench.episodes import Results
from workbench.jobs import Clip

if TYPE_CHECKING:
    from tests.apps.conftest import Processed

pytestmark = pytest.mark.timeout(900)  # the first of them waits for a whole run


def record(worker: str, key: str, action: str, start: float, stop: float) -> dict[str, Any]:
    """As Dask tells of a task that was done."""
    return {"worker": worker, "key": key, "startstops": [{"action": action, "start": start, "stop": stop}]}


RECORDS = [
    record("tcp://b", "stretch-1f-2", "compute", 10, 14),
    record("tcp://a", "clip-3-4", "compute", 12, 13),
    record("tcp://a", "clip-5-6", "transfer", 1, 2),
]


@pytest.fixture(scope="module", autouse=True)
def _bokeh() -> None:
    hv.extension("bokeh", inline=True)


@pytest.fixture(scope="module")
def bench(processed: "Processed") -> Iterator[Workbench]:
    with Workbench(load_settings(library=processed.library)) as bench:
        yield bench


@pytest.fixture(scope="module")
def made(bench: Workbench, processed: "Processed") -> Results:
    return Results(bench.episode(processed.episode_id))


@pytest.fixture(scope="module")
def clips(bench: Workbench, processed: "Processed") -> list[Clip]:
    return bench.clips(processed.episode_id)


def rendered(plot: Any) -> Any:
    """The plot as Bokeh draws it."""
    return hv.renderer("bokeh").get_plot(plot).state


# ---- plots


def test_the_timeline_has_every_chapter_highlight_and_clip(made: Results, clips: list[Clip]) -> None:
    shown = plots.timeline(made, clips).dframe()
    counted = shown.groupby("lane").size().to_dict()
    enriched = made.enrichment
    assert counted == {
        "chapters": len(enriched.chapters),
        "highlights": len(enriched.highlights),
        "clips": len(clips),
    }
    assert shown[shown.lane == "clips"].start.tolist() == [clip.span.start for clip in clips]


def test_pointing_at_the_timeline_tells_title_span_and_score(made: Results, clips: list[Clip]) -> None:
    figure = rendered(plots.timeline(made, clips))
    (hover,) = [tool for tool in figure.tools if type(tool).__name__ == "HoverTool"]
    assert [name for name, _ in hover.tooltips] == ["title", "span", "score"]


def test_the_score_parts_have_a_row_for_each_clip(clips: list[Clip]) -> None:
    shown = plots.score_parts(clips).dframe()
    assert set(shown["clip"]) == {clip.clip_id for clip in clips if clip.score_parts}
    assert shown["share"].between(0, 1).all()


def test_every_word_is_a_point_of_the_confidence(made: Results) -> None:
    assert len(plots.confidence(made.transcript)) == len(made.transcript.words)


def test_the_pace_counts_every_word_once(made: Results) -> None:
    shown = plots.pace(made.transcript).dframe()
    assert shown["words a minute"].sum() / 6 == len(made.transcript.words)


def test_the_task_stream_has_a_lane_for_each_worker_and_is_told_by_steps() -> None:
    shown = plots.task_stream(RECORDS).dframe()
    assert shown[["start", "bottom", "end", "step", "took"]].to_numpy().tolist() == [
        [0, 1, 4, "stretch", "4.0 s"],
        [2, 0, 3, "clip", "1.0 s"],
    ]
    assert plots.step_seconds(RECORDS).dframe().to_numpy().tolist() == [["stretch", 4], ["clip", 1]]


def test_every_plot_can_be_drawn_even_of_nothing(made: Results, clips: list[Clip]) -> None:
    silent = made.transcript.model_copy(update={"words": (), "sentences": ()})
    for transcript in (made.transcript, silent):
        assert rendered(plots.confidence(transcript)).renderers
        assert rendered(plots.pace(transcript)).renderers
    for chosen in (clips, []):
        assert rendered(plots.timeline(made, chosen)).renderers
        assert rendered(plots.score_parts(chosen)).renderers
    for records in (RECORDS, []):
        assert rendered(plots.task_stream(records)).renderers
        assert rendered(plots.step_seconds(records)).renderers


# ---- tables


def test_doubtful_words_come_with_what_is_said_around_them(made: Results) -> None:
    words = tables.doubtful_words(made.transcript, 0.9)
    assert len(words) == sum(word.probability < 0.9 for word in made.transcript.words) > 0
    assert words.probability.is_monotonic_increasing
    assert all(row.word in row.said for row in words.itertuples())


def test_a_transcript_without_doubt_gives_a_table_without_rows(made: Results) -> None:
    assert list(tables.doubtful_words(made.transcript, 0.0).columns)[:3] == ["at", "seconds", "word"]


def test_every_mention_of_a_name_has_its_place(made: Results) -> None:
    named = tables.names(made)
    assert len(named) == sum(len(name.mentions) for name in made.enrichment.names) > 0
    assert named["at"].str.fullmatch(r"\d+:\d\d").all()


def test_quotes_stand_beside_the_words_they_rest_on(made: Results) -> None:
    quoted = tables.quotes(made)
    assert len(quoted) == len(made.enrichment.quotes) > 0
    assert quoted.said.str.len().gt(10).all()


def test_a_table_is_shown_whole_and_to_the_left_but_not_all_its_rows(made: Results) -> None:
    words = tables.doubtful_words(made.transcript, 1.0)
    html = tables.show(words, rows=3).to_html()
    assert html.count("<tr>") == 4
    assert "text-align: left" in html
    assert words.said[0] in html


def test_chapters_and_subtitle_findings_have_a_row_each(made: Results) -> None:
    assert len(tables.chapters(made)) == len(made.enrichment.chapters)
    assert len(tables.subtitle_findings(made.subtitles)) == len(made.subtitles.findings)


# ---- the player


def test_a_file_below_the_notebook_is_played_from_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a talk #1.mp4").write_bytes(b"film")
    assert 'src="a%20talk%20%231.mp4"' in play(tmp_path / "a talk #1.mp4").data


def test_a_large_recording_is_played_by_its_link_and_a_small_one_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "talk.mp4").write_bytes(b"film")
    (tmp_path / "notebooks" / "link.mp4").symlink_to(tmp_path / "talk.mp4")
    monkeypatch.chdir(tmp_path / "notebooks")
    assert "base64" in play("link.mp4").data
    monkeypatch.setattr(player, "MOST", 3)
    assert 'src="link.mp4"' in play("link.mp4").data


def test_a_poster_is_put_into_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("talk.mp4", "poster.jpg"):
        (tmp_path / name).write_bytes(b"picture")
    assert 'poster="data:image/jpeg;base64,' in play("talk.mp4", poster=tmp_path / "poster.jpg").data


def test_a_small_file_elsewhere_is_put_into_the_notebook(tmp_path: Path, tone: Path) -> None:
    shown = play(tone).data
    assert f"data:video/mp4;base64,{base64.b64encode(tone.read_bytes()).decode()}" in shown


def test_a_large_file_elsewhere_is_only_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "MOST", 3)
    (tmp_path / "<talk>.mp4").write_bytes(b"film")
    shown = play(tmp_path / "<talk>.mp4").data
    assert "&lt;talk&gt;.mp4 cannot be played here" in shown
    assert "<video" not in shown


def test_what_the_server_of_notebooks_hides_is_put_into_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo" / "talk.mp4").write_bytes(b"film")
    assert "base64" in play(".demo/talk.mp4").data


def test_sound_and_addresses_are_played_and_a_start_is_kept(tmp_path: Path) -> None:
    (tmp_path / "talk.mp3").write_bytes(b"sound")
    assert play(tmp_path / "talk.mp3").data.startswith("<audio controls")
    shown = play("http://127.0.0.1:5006/episodes/a/files/a.mp4", start=61).data
    assert 'src="http://127.0.0.1:5006/episodes/a/files/a.mp4"' in shown
    assert "this.currentTime=61.00" in shown
