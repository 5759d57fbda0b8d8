"""Admission webhooks and ValidatingAdmissionPolicies: matching a request, calling, and what they answer."""
