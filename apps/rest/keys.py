"""Routes for admins: the API keys, and who did what. The guard lets nobody else in here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from apps.rest.depends import Bench, By
from apps.rest.shapes import Body
from workbench.access import Key, Scope

routes = APIRouter(tags=["access"])


class NewKey(Body):
    """The key that is wanted."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """Who or what it is for."""
    scope: Scope = Scope.SUBMIT


class MadeKey(BaseModel):
    """A new key."""

    key: Key
    secret: str
    """Its text, which is shown this once."""


class KeyList(BaseModel):
    """All keys, the oldest first, the revoked ones too."""

    keys: list[Key]


class Entry(BaseModel):
    """Somebody did something."""

    at_utc: datetime
    who: str
    action: str
    what: str


class Audit(BaseModel):
    """Who did what, the latest first."""

    entries: list[Entry]


@routes.get("/keys")
def keys(bench: Bench) -> KeyList:
    """The keys without their secrets."""
    return KeyList(keys=bench.keys.keys())


@routes.post("/keys", status_code=201)
def make(bench: Bench, body: NewKey, response: Response, by: By) -> MadeKey:
    """A new key. From the first one on, nobody gets in without."""
    key, secret = bench.keys.make(body.name, body.scope)
    bench.audit(by.label, "make key", f"{key.name} ({key.key_id}), {key.scope}")
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(key=key, secret=secret)


@routes.delete("/keys/{key_id}", status_code=204)
def revoke(bench: Bench, key_id: str, by: By) -> Response:
    """The key and the sessions that it opened end now."""
    bench.keys.revoke(key_id)
    bench.audit(by.label, "revoke key", key_id)
    return Response(status_code=204)


@routes.get("/audit")
def audit(bench: Bench, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Audit:
    """Who did what."""
    return Audit(entries=[Entry.model_validate(row) for row in bench.audited(limit)])
