"""The current API: PeerAuthentication and DestinationRule."""
