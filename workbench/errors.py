"""Everything that the workbench can refuse.

WorkbenchError         one sentence for a person: what is wrong and what to do
├── NotFound           no job, episode or clip has that id
├── NotAllowed         the job has ended, so it cannot be changed any more
├── KeyReused          the same Idempotency-Key was sent with another body
├── BadSetting         a setting has a value that cannot be used; names the setting and its source
├── LibraryBusy        another process holds the library's database
├── LibraryBroken      the library's folder or database cannot be used as it is
├── AccessDenied       a server wants a key, or one that may do more
└── Unreachable        no server answers at that address
"""


class WorkbenchError(Exception):
    """It cannot be done; the message says what is wrong and what to do."""


class NotFound(WorkbenchError):
    """No job, episode or clip has that id."""


class NotAllowed(WorkbenchError):
    """The job has ended, so it cannot be changed any more."""


class KeyReused(WorkbenchError):
    """The same Idempotency-Key was sent with another body."""


class BadSetting(WorkbenchError):
    """A setting has a value that cannot be used."""


class LibraryBusy(WorkbenchError):
    """Another process holds the library's database."""


class LibraryBroken(WorkbenchError):
    """The library's folder or database cannot be used as it is."""


class AccessDenied(WorkbenchError):
    """A server wants a key, or one that may do more."""


class Unreachable(WorkbenchError):
    """No server answers at that address."""
