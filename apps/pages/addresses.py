"""Where things are on this server: each place has one address, so a link leads there again."""

from urllib.parse import quote

HOME = "/app"
LIBRARY, INBOX, JOBS, SYSTEM = (f"{HOME}/{name}" for name in ("library", "inbox", "jobs", "system"))


def episode_address(episode_id: str) -> str:
    """The page of an episode; `?t=90` after it begins at a time."""
    return f"{HOME}/episodes/{quote(episode_id)}"


def job_address(job_id: str) -> str:
    """The page of a job."""
    return f"{JOBS}/{quote(job_id)}"


def file_address(episode_id: str, name: str) -> str:
    """A file of an episode's results."""
    return f"/episodes/{quote(episode_id)}/files/{quote(name)}"


def media_address(episode_id: str) -> str:
    """What a browser plays of an episode."""
    return f"/episodes/{quote(episode_id)}/media"


def heard_address(episode_id: str) -> str:
    """The transcript of an episode as the machine made it."""
    return f"/episodes/{quote(episode_id)}/heard.json"


ASSETS = ("/static/", "/components/", "/favicon.ico")
"""What the addresses of scripts, styles and letters begin with."""
