"""The worker process: it runs services and decides nothing."""
