"""Locks and freezes: what may not run now, and what waits until it may."""
