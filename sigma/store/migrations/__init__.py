"""Alembic's migrations: `sigma_db` and `market_db`, each with a history of its own."""
