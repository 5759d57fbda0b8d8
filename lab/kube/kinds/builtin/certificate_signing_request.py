"""CertificateSigningRequests, which say who asks and wait for an approval."""

from __future__ import annotations

from lab.kube.identity.auth import User
from lab.kube.kinds.printers import AGE, NAME, NONE, Column, duration, of_spec, spec_of, status_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy, keep_spec
from lab.kube.objects import GroupResource, Object


def _prepare(csr: Object, user: User) -> None:
    csr["spec"] = {**spec_of(csr), **user.as_object()}


def _condition(csr: Object) -> str:
    found = [each["type"] for each in status_of(csr).get("conditions") or ()]
    words = [word for word in ("Approved", "Denied", "Failed") if word in found] or ["Pending"]
    if status_of(csr).get("certificate"):
        words.append("Issued")
    return ",".join(words)


def _duration(csr: Object) -> str:
    seconds = spec_of(csr).get("expirationSeconds")
    return NONE if seconds is None else duration(seconds)


RESOURCES = (
    native(
        "io.k8s.api.certificates.v1.CertificateSigningRequest",
        GroupResource("certificates.k8s.io", "certificatesigningrequests"),
        namespaced=False,
        short_names=("csr",),
        subresources=("approval", "status"),
        fields=("spec.signerName",),
        columns=(
            NAME,
            AGE,
            of_spec("signerName", "SignerName"),
            of_spec("username", "Requestor"),
            Column("RequestedDuration", _duration),
            Column("Condition", _condition),
        ),
        strategy=Strategy(prepare_for_create=_prepare, prepare_for_update=keep_spec),
    ),
)
