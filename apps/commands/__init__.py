"""The commands, by what they are about; `root` puts them together."""
