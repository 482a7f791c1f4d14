"""The audit: what is written down, the chain on disk, and the tools that read and verify it."""
