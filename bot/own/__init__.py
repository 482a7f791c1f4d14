"""The lines under ``docktalk``: what is ours, beside Docker's own commands."""
