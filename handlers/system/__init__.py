"""docker system and the commands without a group: one file per command."""
