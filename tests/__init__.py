"""Tests; the folders mirror the tree that they test."""
