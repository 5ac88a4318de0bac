"""The REST service: routes over `Workbench`, and the door they are all behind."""
