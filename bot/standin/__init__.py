"""A stand-in of Slack for tests, `docktalk try` and the demo: loopback only, refuses what Slack refuses."""
