"""Jobs: wire models, the queue on Redis Streams, the worker."""
