"""The policy file: read, followed, tried out, answered for. What it decides is in :mod:`permissions`."""
