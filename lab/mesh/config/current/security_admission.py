"""Validation of security.istio.io beyond its schemas, with the messages of Istio's webhook.

The words are Istio's, as is what goes unsaid once something else is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.current import key_set_admission, path_templates
from lab.mesh.config.current.attribute_admission import (
    accounts_problem,
    addresses_problems,
    attribute_problems,
    empty_problem,
    ports_problems,
    trust_domains_problem,
)
from lab.mesh.config.current.authorization_policy import (
    OPERATION_FIELDS,
    SOURCE_FIELDS,
    UnknownAttribute,
    attribute_of,
    negative,
)
from lab.mesh.config.current.selection_admission import target_problems
from lab.mesh.config.key_source import uri_problems
from lab.mesh.config.validation import duration_problems
from lab.mesh.config.webhook import UNREADABLE, InList, mapping, refuse_for, refuse_undecodable, sequence
from lab.mesh.model.authorization import Attribute

PORT_NUMBER = re.compile(r"[1-9][0-9]*")
"""As JSON writes it."""


def review_peer_authentication(new: Object) -> list[str]:
    """Rejects port numbers that the schema accepts, but Istio does not."""
    for port in mapping(mapping(new.get("spec")).get("portLevelMtls")):
        if not PORT_NUMBER.fullmatch(port):
            wrong = "'+' looking for beginning of" if port[0] == "+" else f"'{port[1:2]}' after top-level"
            refuse_undecodable(f"invalid character {wrong} value")
    return []


def review_request_authentication(new: Object) -> list[str]:
    """Rejects rules without a source of keys, and invalid key sets."""
    spec = mapping(new.get("spec"))
    rules = sequence(spec.get("jwtRules"))
    refuse_for((*target_problems(spec), *(InList(why) for rule in rules for why in _jwt_problems(rule))))
    refuse_for(why for rule in rules for why in _unservable_headers(rule))
    return []


def _jwt_problems(rule: Object) -> Iterator[str]:
    uri = rule.get("jwksUri") or rule.get("jwks_uri") or ""
    if not rule.get("issuer") and not uri:
        yield "issuer or jwksUri must be non-empty string"
    if uri:
        yield from uri_problems(uri)
    if rule.get("jwks") and (problem := key_set_admission.problem(rule["jwks"])):
        yield f"jwks parse error: {problem}"
    if rule.get("timeout") is not None:
        yield from duration_problems(rule["timeout"])


def _unservable_headers(rule: Object) -> Iterator[str]:
    """Istio's webhook takes them, and Envoy nothing that it is sent with them."""
    headers = sequence(rule.get("fromHeaders"))
    names = (*(header["name"] for header in headers), rule.get("outputPayloadToHeader") or "")
    for name in names:
        if UNREADABLE.search(name):
            yield f"header name {quoted(name)} is not valid"
    for prefix in (header.get("prefix") or "" for header in headers):
        if UNREADABLE.search(prefix):
            yield f"header prefix {quoted(prefix)} is not valid"


def review_authorization_policy(new: Object) -> list[str]:
    """Rejects rules that would never match, and fields that look like a restriction but are none."""
    metadata, spec = new["metadata"], mapping(new.get("spec"))
    which = f"invalid policy {metadata['name']}.{metadata['namespace']}:"
    for problems in (_policy_problems(spec), _unservable_rules(spec)):
        refuse_for(
            InList(f"{which} {why}") if isinstance(why, InList) else f"{which} {why}" for why in problems
        )
    return []


def _policy_problems(spec: Object) -> Iterator[str]:
    yield from target_problems(spec)
    # To Istio a list without elements is one that is not there.
    action, rules = spec.get("action") or "ALLOW", sequence(spec.get("rules"))
    if action in ("DENY", "CUSTOM") and not rules:
        yield (
            f"{action} action without `rules` is meaningless as it will never be triggered, "
            "add an empty rule `{}` if you want it be triggered for every request"
        )
    if action == "CUSTOM":
        if rules and not mapping(spec.get("provider")).get("name"):
            yield "`provider.name` must not be empty"
        for rule in rules:
            yield from _custom_problems(rule)
    elif spec.get("provider") is not None:
        yield f"`provider` must not be with non CUSTOM action, found {action}"
    for number, rule in enumerate(rules):
        for entry in sequence(rule.get("from")):
            yield from _source_problems(entry.get("source"), number)
        for entry in sequence(rule.get("to")):
            yield from _operation_problems(entry.get("operation"), number)
        for condition in sequence(rule.get("when")):
            yield from _condition_problems(condition)


# Who the peer is, and what the token says, is not known yet when somebody else is asked.
IDENTITIES = ("principals", "requestPrincipals", "namespaces", "serviceAccounts", "trustDomains")
IDENTITY_KEYS = ("source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal")
TOKEN_KEYS = "request.auth."


def _custom_problems(rule: Object) -> Iterator[str]:
    unsupported = "is currently not supported with CUSTOM action"
    for source in (mapping(entry.get("source")) for entry in sequence(rule.get("from"))):
        for name in (name for field in IDENTITIES for name in (field, negative(field))):
            if source.get(name):
                yield f"From.{_capital(name)} {unsupported}"
    for key in (condition.get("key") or "" for condition in sequence(rule.get("when"))):
        if key in IDENTITY_KEYS or key.startswith(TOKEN_KEYS):
            yield f"{key} {unsupported}"


def _source_problems(source: Object | None, number: int) -> Iterator[str]:
    if source is None:
        yield f"`from.source` must not be nil, found at rule {number}"
        return
    if not _is_any_given(source, SOURCE_FIELDS):
        yield f"`from.source` must not be empty, found at rule {number}"
    for field, attribute in SOURCE_FIELDS.items():
        for name in (field, negative(field)):
            values = sequence(source.get(name))
            if attribute in (Attribute.SOURCE_IP, Attribute.REMOTE_IP):
                yield from addresses_problems(values)
            if attribute is Attribute.SERVICE_ACCOUNT:
                yield from accounts_problem(_capital(name), values)
            elif attribute is Attribute.TRUST_DOMAIN:
                yield from trust_domains_problem(_capital(name), values)
            else:
                yield from empty_problem(_capital(name), values)


def _operation_problems(operation: Object | None, number: int) -> Iterator[str]:
    if operation is None:
        yield f"`to.operation` must not be nil, found at rule {number}"
        return
    if not _is_any_given(operation, OPERATION_FIELDS):
        yield f"`to.operation` must not be empty, found at rule {number}"
    for field, attribute in OPERATION_FIELDS.items():
        for name in (field, negative(field)):
            values = sequence(operation.get(name))
            if attribute is Attribute.PORT:
                yield from ports_problems(values)
            yield from empty_problem(_capital(name), values)
            if attribute is Attribute.PATH:
                wrong = (path_templates.problem(each, _capital(name)) for each in values)
                yield from list(filter(None, wrong))[:1]


def _is_any_given(part: Object, fields: Iterable[str]) -> bool:
    return any(part.get(name) for field in fields for name in (field, negative(field)))


def _condition_problems(condition: Object) -> Iterator[str]:
    key = condition.get("key") or ""
    given = {field: sequence(condition.get(field)) for field in ("values", "notValues")}
    if not key:
        yield "`key` must not be empty"
    elif not any(given.values()):
        yield f"at least one of `values` or `notValues` must be set for key {key}"
    else:
        for field, values in given.items():
            for problem in attribute_problems(key, values):
                yield f"invalid `{field[:-1]}` for `key` {key}: {problem}"


def _unservable_rules(spec: Object) -> Iterator[str]:
    """What Istio's webhook takes, though no proxy can be told it."""
    for rule in sequence(spec.get("rules")):
        for operation in (mapping(entry.get("operation")) for entry in sequence(rule.get("to"))):
            for name in ("paths", "notPaths"):
                for path in sequence(operation.get(name)):
                    if not path_templates.is_servable(path):
                        yield f"no proxy can read the path template {path}, found in {_capital(name)}"
        for condition in sequence(rule.get("when")):
            try:
                attribute_of(condition["key"])
            except UnknownAttribute as error:
                yield str(error)


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
