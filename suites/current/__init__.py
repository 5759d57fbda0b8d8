"""Authentication Policy, the current API: PeerAuthentication and what it does to requests."""
