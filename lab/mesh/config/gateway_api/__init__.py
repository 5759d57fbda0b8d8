"""The Kubernetes Gateway API: gateways that are provisioned on demand, and the routes attached to them.

gateways, http_routes    what the objects declare
declared                 all of it that is in force
attachment, backends     which route is attached to which listener, and where its requests may go
routing                  what follows for the listeners of a gateway's pod
provisioning, status     the objects that a gateway needs, and what is reported about it and its routes
controller               the task that keeps both up to date
"""
