"""Routes of the outbox: what was told to whom, once more, and a test."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from apps.rest.depends import Bench, By, linked
from apps.rest.shapes import Address, DeliveryPage, DeliveryView, Tested, delivery_view
from workbench import notices

routes = APIRouter(prefix="/async", tags=["deliveries"])

type State = Literal["pending", "delivered", "dead"]
type Limit = Annotated[int, Query(ge=1, le=200)]
type Cursor = Annotated[str | None, Query(max_length=64)]


@routes.get("/jobs/{job_id}/deliveries")
def of_job(bench: Bench, job_id: str) -> DeliveryPage:
    """What was told of a job's end."""
    bench.job(job_id)
    found = bench.outbox.deliveries(job_id, limit=200)
    return DeliveryPage(deliveries=[delivery_view(each) for each in found], next_cursor=None)


@routes.get("/deliveries")
def listed(
    bench: Bench,
    request: Request,
    response: Response,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryPage:
    """All messages."""
    found = bench.outbox.deliveries(state=state, limit=limit + 1, before=cursor)
    page = [delivery_view(each) for each in found[:limit]]
    cursor = page[-1].delivery_id if len(found) > limit else None
    return linked(DeliveryPage(deliveries=page, next_cursor=cursor), request, response)


@routes.post("/deliveries/{delivery_id}/replay", status_code=202)
def replay(bench: Bench, delivery_id: str, by: By) -> DeliveryView:
    """Deliver a message once more, under its id."""
    again = bench.outbox.replay(delivery_id)
    bench.audit(by.label, "replay", delivery_id)
    return delivery_view(again)


@routes.post("/webhooks/test")
def test(bench: Bench, body: Address, by: By) -> Tested:
    """Send a signed message that tells of nothing, now, once."""
    bench.check_webhook(body.webhook_url)
    bench.audit(by.label, "test webhook", body.webhook_url.partition("?")[0])
    answer = bench.outbox.attempt(notices.test_notice(body.webhook_url))
    return Tested(delivered=answer.delivered, status=answer.status, reason=answer.reason)
