"""Screens and sockets over the one door, `Workbench`. They decide nothing."""
