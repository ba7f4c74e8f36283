"""Schema history of the database `sigma`."""
