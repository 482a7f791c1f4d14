"""The options of `run` and `create`, a group per concern; each adds its part to the request's body."""
