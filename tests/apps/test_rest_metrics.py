"""What Prometheus gets from a real server, and that the dashboard and the alerts ask for nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.apps.served import Guarded, Server
from workbench.jobs import JobType

GRAFANA = Path(__file__).parent.parent.parent / "apps" / "grafana"
FROM_PROMETHEUS = {"up"}
NOT_ALWAYS = {"workbench_running_eta_seconds"}
"""Missing while nothing runs."""


type Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(server: Guarded) -> Samples:
    answer = server.read.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def expressions(node: Any) -> Iterator[str]:
    """Every `expr`, and every query of a variable, however deep."""
    if isinstance(node, dict):
        yield from (node[name] for name in ("expr", "definition") if isinstance(node.get(name), str))
        for each in node.values():
            yield from expressions(each)
    elif isinstance(node, list):
        for each in node:
            yield from expressions(each)


def loaded(name: str) -> Any:
    text = (GRAFANA / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def test_a_job_that_ended_is_counted_once_with_how_long_it_took(guarded: Guarded):
    before = scraped(guarded)
    body = {"target_stage": "transcribed", "force_reprocess": True}
    made = guarded.submit.post(f"/async/episodes/{guarded.episode_id}/process", json=body).json()
    job = guarded.ended(made["job_id"])
    after, labels = scraped(guarded), {"job_type": "process_episode", "outcome": job["status"]}
    count, seconds = "workbench_job_duration_seconds_count", "workbench_job_duration_seconds_sum"
    assert value(after, count, **labels) == value(before, count, **labels) + 1
    assert value(after, seconds, **labels) > value(before, seconds, **labels)
    stage = {"stage": "transcribed"}
    tasks = "workbench_task_seconds_count"
    assert value(after, tasks, **stage) > value(before, tasks, **stage)
    kept = {"job_type": "process_episode", "status": "completed"}
    assert value(after, "workbench_jobs", **kept) == value(before, "workbench_jobs", **kept) + 1


def test_every_end_is_a_series_from_the_start_so_that_the_first_failure_is_a_rise(tmp_path: Path):
    server = Server(tmp_path)
    try:
        text = server.client.get("/metrics").text
    finally:
        server.stop()
    for job_type in JobType:
        assert f'workbench_job_wait_seconds_count{{job_type="{job_type}"}} 0.0' in text
        for outcome in ("completed", "failed", "cancelled"):
            labels = f'job_type="{job_type}",outcome="{outcome}"'
            assert f"workbench_job_duration_seconds_count{{{labels}}} 0.0" in text


def test_a_job_that_ended_before_it_could_start_is_counted_and_took_no_time(guarded: Guarded):
    before = scraped(guarded)
    process = {"type": "process", "episode_id": guarded.episode_id, "force_reprocess": True}
    jobs = [process, process | {"depends_on": 0}]
    first, second = guarded.submit.post("/async/batch", json={"jobs": jobs}).json()["jobs"]
    guarded.submit.delete(f"/async/jobs/{second['job_id']}")
    guarded.submit.delete(f"/async/jobs/{first['job_id']}")
    ended = [guarded.ended(each["job_id"]) for each in (first, second)]
    assert (ended[1]["status"], ended[1]["started_at"]) == ("cancelled", None)
    after, labels = scraped(guarded), {"job_type": "process_episode", "outcome": "cancelled"}
    count = "workbench_job_duration_seconds_count"
    assert value(after, count, **labels) == value(before, count, **labels) + 2
    waited = {"job_type": "process_episode"}
    name = "workbench_job_wait_seconds_count"
    started = sum(job["started_at"] is not None for job in ended)
    assert value(after, name, **waited) == value(before, name, **waited) + started


def test_requests_are_counted_by_the_template_of_their_route_and_refusals_too(guarded: Guarded):
    name, route = "workbench_http_requests_total", "/async/jobs/{job_id}"
    guarded.read.get("/async/jobs/nonesuch")
    guarded.read.post("/async/discover", json={})
    guarded.client.request("BREW", "/nowhere")
    samples = scraped(guarded)
    assert value(samples, name, method="GET", route=route, status="404") >= 1
    assert value(samples, name, method="POST", route="refused", status="403") >= 1
    assert value(samples, name, method="other", route="unknown", status="404") >= 1
    assert value(samples, "workbench_http_request_seconds_count", method="GET", route=route) >= 1
    assert not any("nonesuch" in str(labels) for _, labels in samples)


def test_a_page_is_counted_by_what_it_shows_and_with_all_the_time_that_it_took(guarded: Guarded):
    route = "/app/jobs/{job_id}"

    def seen() -> tuple[float, float]:
        samples, asked = scraped(guarded), {"method": "GET", "route": route}
        return (
            value(samples, "workbench_http_requests_total", **asked, status="200"),
            value(samples, "workbench_http_request_seconds_bucket", **asked, le="0.01"),
        )

    guarded.read.get("/app/jobs/nonesuch", headers={"Accept": "text/html"})
    count, at_once = seen()
    guarded.read.get("/app/jobs/nonesuch", headers={"Accept": "text/html"})  # begins before it is made
    assert seen() == (count + 1, at_once)


def test_an_upload_the_disk_and_the_process_are_measured(guarded: Guarded, silence: Path):
    before = scraped(guarded)
    content = silence.read_bytes()
    assert guarded.submit.put("/uploads/measured.wav", content=content).status_code == 201
    after = scraped(guarded)
    assert value(after, "workbench_uploads_total") == value(before, "workbench_uploads_total") + 1
    came = value(after, "workbench_upload_bytes_total") - value(before, "workbench_upload_bytes_total")
    assert came == len(content)
    for name in ("workbench_disk_free_bytes", "process_resident_memory_bytes", "process_start_time_seconds"):
        assert value(after, name) > 0


@pytest.mark.parametrize("name", ["dashboard.json", "alerts.yaml"])
def test_every_metric_that_is_asked_for_is_there(guarded: Guarded, name: str):
    there = {sample for sample, _ in scraped(guarded)} | FROM_PROMETHEUS | NOT_ALWAYS
    asked = {
        metric
        for text in expressions(loaded(name))
        for metric in re.findall(r"\b(?:workbench|process)_\w+|\bup\b", text)
    }
    assert asked
    assert asked <= there


def test_every_alert_says_what_to_do_and_every_panel_what_it_shows():
    rules = [rule for group in loaded("alerts.yaml")["groups"] for rule in group["rules"]]
    assert all(rule["annotations"].keys() == {"summary", "runbook"} for rule in rules)
    panels = [panel for panel in loaded("dashboard.json")["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["datasource"]["uid"] == "${datasource}" for panel in panels)


def test_every_metric_of_ours_is_explained(guarded: Guarded):
    readme = (GRAFANA / "README.md").read_text(encoding="utf-8")
    ours = {name for name, _ in scraped(guarded) if name.startswith("workbench_")}
    families = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in ours}
    assert {name for name in families if f"`{name}" not in readme} == set()
