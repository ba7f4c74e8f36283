"""Tests of the simulated exchange: its rules in process, its front doors over real sockets."""
