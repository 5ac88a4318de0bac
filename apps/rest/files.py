"""Files as answers."""

from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

_FRESH = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}


class File(FileResponse):
    """A file that may be made anew: browsers ask whether what they have is still it."""

    chunk_size = 2**20
    """Bytes: a thread is asked for each piece, and that takes longer than to read a small one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, headers=_FRESH, stat_result=path.stat())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Headers(scope=scope).get("if-none-match") != self.headers["etag"]:
            await super().__call__(scope, receive, send)
            return
        kept = {name: self.headers[name] for name in ("etag", "cache-control")}
        await Response(status_code=304, headers=kept)(scope, receive, send)
