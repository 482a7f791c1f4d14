"""The commands of ``docker network``."""
