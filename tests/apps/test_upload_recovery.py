import time
from pathlib import Path

from tests.apps.served import Server
from workbench.uploads import Announced, Uploads


def test_a_recording_that_came_whole_before_a_crash_becomes_an_episode_at_the_next_start(
    tmp_path: Path, tone: Path
):
    """The crash comes when the file lies in the inbox, and before anyone is told."""
    library, content = tmp_path / "library", tone.read_bytes()
    (library / "inbox").mkdir(parents=True)
    uploads = Uploads(
        library / "uploads", library / "inbox", most_bytes=1 << 30, quota_bytes=1 << 30, keep=3600
    )
    upload = uploads.create(Announced(length=len(content), filename="talk.mp4"))
    with uploads.append(upload.upload_id, 0) as writer:
        writer.write(content)
        assert writer.finish() == library / "inbox" / "talk.mp4"
    for _ in range(2):  # the second start has nothing left to do
        server = Server(library, WORKBENCH_STABLE_SECONDS="0")
        try:
            deadline = time.monotonic() + 30
            while not server.client.get("/episodes").json()["episodes"]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            jobs = server.client.get("/async/jobs").json()["jobs"]
        finally:
            assert server.stop() == 0
    assert [job["job_type"] for job in jobs] == ["discover_episodes"]
