"""The fault campaign: workers are really killed, and what was intended is compared with what was executed."""
