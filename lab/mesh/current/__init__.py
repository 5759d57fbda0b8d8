"""The current API: PeerAuthentication, RequestAuthentication and AuthorizationPolicy."""

from lab.mesh.current.api import API

__all__ = ["API"]
