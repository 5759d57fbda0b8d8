"""The Kubernetes Gateway API: gateways that are provisioned on demand, and the routes attached to them.

gateways, http_routes    the objects, parsed
declared                 all objects that are in force
attachment, backends     which routes are attached to which listeners, and their backends
routing                  the listeners of a gateway's pod
provisioning, status     the objects that a gateway needs, and its status and that of its routes
controller               the task that reconciles both
"""
