"""What users configure: policy APIs, what they have in common, and what of it is refused."""
