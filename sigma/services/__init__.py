"""Use cases: load, decide, commit the intent, act, record."""
