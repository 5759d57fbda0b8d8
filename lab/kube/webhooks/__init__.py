"""Admission webhooks and ValidatingAdmissionPolicies: matching, calling, and their responses."""
