"""API keys as rows of the library's database."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workbench.database import Database


class KeyTable:
    """What `access.Keys` needs of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, row: Mapping[str, object]) -> None:
        """Keep a new key."""
        self._database.write(lambda query: query("add_key", row))

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """The key does not count any more."""
        self._database.write(lambda query: query("revoke_key", {"key_id": key_id, "at": at}))

    def keys(self) -> list[dict[str, Any]]:
        """All keys, the oldest first."""
        return self._database.read("keys")
