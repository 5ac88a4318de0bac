"""Who is told of a job's end, with a real server's parts, a real mail server and a real receiver."""

import json
import shutil
from pathlib import Path

from standardwebhooks import Webhook

from pipeline.model import StageName
from tests.workbench.post_office import Open, read
from tests.workbench.post_office import office as office
from tests.workbench.quick import settings_for, the_episode
from tests.workbench.receivers import Start, new_secret, says
from tests.workbench.receivers import receiver as receiver
from tests.workbench.test_outbox import wait_for
from workbench import Workbench
from workbench.jobs import Status


def test_people_and_receivers_are_told_how_jobs_end_even_by_a_mail_server_that_comes_late(
    tmp_path: Path, tone: Path, office: Open, receiver: Start
):
    first, there, secret = office(), receiver(says(200)), new_secret()
    first.close()
    talk = shutil.copy(tone, tmp_path / "talk.mp4")
    settings = settings_for(
        tmp_path / "library",
        smtp_url=first.url,
        mail_from="Workbench <bench@example.com>",
        mail_to=("ann@example.com", "bob@example.com"),
        public_url="https://bench.example.com",
        webhook_allow=(there.place,),
        webhook_secret=secret,
    )
    with Workbench(settings) as bench:
        bench.serve()
        episode_id = the_episode(bench, talk)

        def asked(stage: StageName) -> str:
            request = bench.process_request(episode_id, stage, force_reprocess=True)
            (made,) = bench.submit([request.model_copy(update={"webhook_url": f"http://{there.place}/"})])
            return made.job.job_id

        done = asked(StageName.TRANSCRIBED)
        assert bench.wait(done, 120).status is Status.COMPLETED
        cancelled = asked(StageName.CLIPPED)
        bench.cancel(cancelled)
        talk.unlink()
        failed = asked(StageName.TRANSCRIBED)
        assert bench.wait(failed, 120).status is Status.FAILED
        post = office(port=first.server_address[1])
        wait_for(lambda: len(post.mails) == 3, within=60)
        wait_for(lambda: len(there.seen) == 3)
        (of_done,) = [each.delivery_id for each in bench.outbox.deliveries(done) if each.kind == "mail"]
        wait_for(lambda: not bench.outbox.deliveries(state="pending"))
        tries = {each.delivery_id: each.tries for each in bench.outbox.deliveries()}
        assert tries[of_done] >= 2

    mails = {str(mail["Subject"]): mail for mail in map(read, post.mails)}
    assert set(mails) == {
        "Completed: looking for recordings",
        f"Completed: {episode_id}",
        f"Failed: {episode_id}",
    }
    letter = mails[f"Completed: {episode_id}"]
    assert f"https://bench.example.com/async/jobs/{done}" in letter.get_content()
    assert letter["Message-ID"].endswith("@example.com>")
    assert letter["To"] == "ann@example.com, bob@example.com"
    assert letter["Date"].datetime.tzinfo
    bodies = [Webhook(secret).verify(seen.body, seen.headers) for seen in there.seen]
    ends = {body["job_id"]: body["status"] for body in bodies}
    assert ends == {done: "completed", cancelled: "cancelled", failed: "failed"}
    assert str(tmp_path) not in json.dumps(bodies)
    assert str(tmp_path) not in "".join(mail.get_content() for mail in mails.values())


def test_nobody_is_mailed_unasked(tmp_path: Path, office: Open):
    post = office()
    with Workbench(settings_for(tmp_path / "library", smtp_url=post.url, mail_from="a@example.com")) as bench:
        bench.serve()
        assert bench.wait(bench.discover([tmp_path]).job_id, 60).status is Status.COMPLETED
        assert bench.outbox.deliveries() == []
