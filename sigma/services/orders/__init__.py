"""Order use cases, a module for each step of an order's life."""
