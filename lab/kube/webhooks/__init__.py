"""Admission webhooks: which of them are asked about a write, the question, the call, and what comes of it."""
