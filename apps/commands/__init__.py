"""The commands, by what they are about; `apps.cli` puts them together."""
