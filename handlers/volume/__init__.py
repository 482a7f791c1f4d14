"""The commands of ``docker volume``."""
