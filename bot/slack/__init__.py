"""Slack: intake, rendering, the outbox, people. Slack libraries are imported here and in the stand-in alone."""
