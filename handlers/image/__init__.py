"""docker image: one file per command."""
