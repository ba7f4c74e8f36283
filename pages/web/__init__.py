"""The web process: serves the app to this machine, and lets nobody in who has not signed in."""
