"""Brings what a bare machine lacks to run the demo and the tests; no part of the product."""
