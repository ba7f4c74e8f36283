"""The HTTP side: webhook intake and health."""
