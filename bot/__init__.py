"""The processes: what listens to Slack, what runs jobs, and the one path between them."""
