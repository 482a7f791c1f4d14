"""Roles lent for a time: asked for and agreed to, or taken at once behind the glass."""
