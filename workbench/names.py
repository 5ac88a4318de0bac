"""What is shown of this machine's paths to those who may not know its folders: the names of files."""

import re

_PATH = re.compile(
    r"""
    (?P<kept> \b(?:GET|HEAD|POST|PUT|PATCH|DELETE)\ /\S* )     # a route of ours
    | (?<![\w.:/\\]) (?: / | [A-Za-z]:[\\/] | \\\\ ) (?=[^\s/\\])   # where an absolute path begins
      (?: (?: [^\s/\\:;"'`] | [:;'](?=\w) | [ ](?![/\\]) )+ [/\\] )*  # its folders
    """,
    re.VERBOSE,
)


def names_only[T](value: T) -> T:
    """`value`, a text or what JSON can hold, with the folders of all absolute paths in its texts removed.

    Folders have spaces in their names: where a sentence goes on after a path and has a slash later, what is
    between them goes too. Only ": ", "; " and quotes end a path for certain.
    """
    shown: object = value
    if isinstance(value, str):
        shown = _PATH.sub(lambda found: found["kept"] or "", value)
    elif isinstance(value, dict):
        shown = {name: names_only(each) for name, each in value.items()}
    elif isinstance(value, list | tuple):
        shown = [names_only(each) for each in value]
    return shown  # type: ignore[return-value]
