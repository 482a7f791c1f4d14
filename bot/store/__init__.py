"""Records in Redis, one file a kind; only bots write these."""
