"""Lanes beside each other on one lab."""
