"""The route that finds what was said."""

from typing import Annotated

from fastapi import APIRouter, Query

from apps.rest.depends import Bench
from workbench.moments import Matches

routes = APIRouter(tags=["search"])


@routes.get("/search")
def search(
    bench: Bench,
    q: Annotated[str, Query(pattern=r"[^\x00-\x20]", max_length=500)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Matches:
    """Sentences that hold all words of `q`, in any order, and what stands in quotes as it is there."""
    return bench.search(q, limit)
