"""Schema history of the database `market`."""
