"""How `make notebooks` starts JupyterLab: for this machine only, in this folder, and asking nobody."""

from pathlib import Path

from jupyter_core.paths import is_hidden
from jupyter_server.base.handlers import AuthenticatedFileHandler
from tornado.web import HTTPError, StaticFileHandler


class Shelves(AuthenticatedFileHandler):
    """Serves what lies in this folder, and what its links lead to: a shelf links to its recording."""

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        if is_hidden(absolute_path, root):
            raise HTTPError(404)
        return StaticFileHandler.validate_absolute_path(self, root, absolute_path)


c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterLab gives it to its configuration
here = Path(__file__).parent

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.allow_root = True  # in a container there is nobody else
c.ServerApp.root_dir = str(here)
c.LabApp.default_url = "/lab/tree/01-quick-start.ipynb"
c.FileContentsManager.files_handler_class = Shelves
c.FileContentsManager.files_handler_params = {"path": str(here), "allowed_symlink_directory": here.anchor}
# Nothing leaves the machine: no news, no look for a newer version, no list of extensions to install.
c.LabApp.app_settings_dir = str(here / "lab_settings")
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
