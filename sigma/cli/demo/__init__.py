"""`sigma demo`: the whole house on a simulated exchange, with a person at the screen or (``--smoke``) without one."""
