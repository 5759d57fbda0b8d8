"""The current API: PeerAuthentication, RequestAuthentication and AuthorizationPolicy."""

from lab.mesh.config.current.api import API

__all__ = ["API"]
