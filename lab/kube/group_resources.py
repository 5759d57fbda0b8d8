"""The collections of built-in kinds that code names."""

from __future__ import annotations

from lab.kube.objects import GroupResource

_ADMISSION = "admissionregistration.k8s.io"

CONFIG_MAPS = GroupResource("", "configmaps")
ENDPOINTS = GroupResource("", "endpoints")
EVENTS = GroupResource("", "events")
NAMESPACES = GroupResource("", "namespaces")
NODES = GroupResource("", "nodes")
PODS = GroupResource("", "pods")
SECRETS = GroupResource("", "secrets")
SERVICE_ACCOUNTS = GroupResource("", "serviceaccounts")
SERVICES = GroupResource("", "services")

CONTROLLER_REVISIONS = GroupResource("apps", "controllerrevisions")
DEPLOYMENTS = GroupResource("apps", "deployments")
REPLICA_SETS = GroupResource("apps", "replicasets")
STATEFUL_SETS = GroupResource("apps", "statefulsets")

CUSTOM_RESOURCE_DEFINITIONS = GroupResource("apiextensions.k8s.io", "customresourcedefinitions")
ENDPOINT_SLICES = GroupResource("discovery.k8s.io", "endpointslices")

MUTATING_WEBHOOK_CONFIGURATIONS = GroupResource(_ADMISSION, "mutatingwebhookconfigurations")
VALIDATING_WEBHOOK_CONFIGURATIONS = GroupResource(_ADMISSION, "validatingwebhookconfigurations")
VALIDATING_ADMISSION_POLICIES = GroupResource(_ADMISSION, "validatingadmissionpolicies")
VALIDATING_ADMISSION_POLICY_BINDINGS = GroupResource(_ADMISSION, "validatingadmissionpolicybindings")
