"""The web app: one `Viewer` a page, its state in parameters, its data from the `Workbench` alone.

`site` lists the pages and puts them on the server; `shell` is the frame around each. What a browser does by
itself (tables, players, uploads) lies in `parts`, one script and one style a component.
"""
