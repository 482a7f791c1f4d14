"""Incidents: the tag on a thread or a channel, its beginning, its end and its story."""
