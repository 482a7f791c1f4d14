"""What runs on Docker: the grammar, one file per docker command, and the engine's thin verbs."""
