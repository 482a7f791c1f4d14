"""Slack: intake, rendering, the outbox, people. Slack libraries: here and in the stand-in alone."""
