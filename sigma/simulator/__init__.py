"""A simulated exchange behind front doors that speak each broker's wire."""
