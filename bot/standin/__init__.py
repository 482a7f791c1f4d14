"""A stand-in of Slack on loopback that refuses what Slack refuses: for tests, `try` and the demo."""
