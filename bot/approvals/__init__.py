"""Approvals: who is asked, who may decide, what follows; and budgets, which people agree to once."""
