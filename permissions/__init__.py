"""Who may do what: pure decisions over frozen models. No I/O, nothing of the other packages."""
