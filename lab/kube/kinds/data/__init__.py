"""Schemas of the built-in kinds; see NOTICE for their origin."""
