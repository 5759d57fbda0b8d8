"""Tests of what the suites say, and of the tables about them."""
