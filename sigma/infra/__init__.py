"""What else touches the world: clock, limiter, locks, logging."""
