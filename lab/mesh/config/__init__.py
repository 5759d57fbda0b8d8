"""What users configure: the policy APIs, what they have in common, and their admission."""
