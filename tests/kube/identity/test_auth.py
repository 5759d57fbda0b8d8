"""Users by their tokens, refusals in Kubernetes' words, and the reviews that tell about both."""

from __future__ import annotations

import base64
import ssl
import time

import jwt
import pytest
import yaml

from lab.kube.api.reviews import review, token_request
from lab.kube.errors import ApiError
from lab.kube.group_resources import NAMESPACES, PODS, SERVICE_ACCOUNTS
from lab.kube.identity.auth import ADMIN, ANONYMOUS, Authenticator, User, kubeconfig
from lab.kube.identity.pki import Credentials
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object
from lab.kube.store import Store
from lab.kube.writing.writes import Writes

ACCOUNTS, PODS = SERVICE_ACCOUNTS, PODS


@pytest.fixture(scope="module")
def credentials() -> Credentials:
    return Credentials.new([], ["127.0.0.1"])


@pytest.fixture
def objects() -> Writes:
    objects = Writes(Store(), Scheme())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
    objects.create(NAMESPACES, namespace, manager="test")
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "robot", "namespace": "foo"},
    }
    objects.create(ACCOUNTS, account, manager="test")
    return objects


@pytest.fixture
def authenticator(credentials: Credentials, objects: Writes) -> Authenticator:
    return Authenticator(credentials, objects.store)


def bearer(authenticator: Authenticator, token: str) -> User:
    return authenticator.authenticate(f"Bearer {token}")


@pytest.fixture
def ask_token(authenticator, objects):
    def ask(**spec: object) -> Object:
        account = objects.store.get(ACCOUNTS, "foo", "robot")
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return token_request(authenticator, objects.store, account, request)

    return ask


def test_the_admin_token_is_the_administrator(authenticator, credentials):
    assert bearer(authenticator, credentials.admin_token) is ADMIN
    assert authenticator.authenticate(f"bearer  {credentials.admin_token}") is ADMIN


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer "])
def test_no_token_is_nobody(authenticator, header):
    assert authenticator.authenticate(header) is ANONYMOUS


@pytest.mark.parametrize("token", ["x", "ümlaut", "a.b.c", "\udcff", "e30.e30.e30"])
def test_a_wrong_token_is_unauthorized(authenticator, token):
    with pytest.raises(ApiError) as refused:
        bearer(authenticator, token)
    assert (refused.value.code, refused.value.message) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "query", "message"),
    [
        ("GET", "/api", {}, 'forbidden: User "system:anonymous" cannot get path "/api"'),
        (
            "GET",
            "/api/v1/namespaces/foo/pods",
            {},
            'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
            'in the namespace "foo"',
        ),
        (
            "GET",
            "/api/v1/pods",
            {"watch": "true"},
            'pods is forbidden: User "system:anonymous" cannot watch resource "pods" in API group "" '
            "at the cluster scope",
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/foo/deployments/web",
            {},
            'deployments.apps "web" is forbidden: User "system:anonymous" cannot delete resource '
            '"deployments" in API group "apps" in the namespace "foo"',
        ),
        (
            "POST",
            "/api/v1/namespaces/foo/pods/web/exec",
            {},
            'pods "web" is forbidden: User "system:anonymous" cannot create resource "pods/exec" '
            'in API group "" in the namespace "foo"',
        ),
        (
            "PUT",
            "/api/v1/namespaces/foo/status",
            {},
            'namespaces "foo" is forbidden: User "system:anonymous" cannot update resource '
            '"namespaces/status" in API group "" in the namespace "foo"',
        ),
    ],
)
def test_nobody_is_told_what_he_may_not_do(authenticator, method, path, query, message):
    with pytest.raises(ApiError) as refused:
        authenticator.authorize(ANONYMOUS, method, path, query)
    assert (refused.value.code, refused.value.reason, refused.value.message) == (403, "Forbidden", message)
    authenticator.authorize(ADMIN, method, path, query)


@pytest.mark.parametrize(
    "path",
    ["/version", "/healthz", "/livez", "/readyz", "/openid/v1/jwks", "/.well-known/openid-configuration"],
)
def test_health_version_and_keys_are_open(authenticator, path):
    authenticator.authorize(ANONYMOUS, "GET", path, {})


def test_a_requested_token_is_its_service_account(authenticator, objects, ask_token):
    answer = ask_token()
    user = bearer(authenticator, answer["status"]["token"])
    uid = objects.store.get(ACCOUNTS, "foo", "robot")["metadata"]["uid"]
    assert (user.name, user.uid) == ("system:serviceaccount:foo:robot", uid)
    assert user.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:foo",
        "system:authenticated",
    )
    assert answer["spec"] == {
        "audiences": ["https://kubernetes.default.svc"],
        "expirationSeconds": 3600,
    }


def test_the_published_keys_verify_a_token(authenticator, ask_token):
    token = ask_token(audiences=["vault"], expirationSeconds=700)["status"]["token"]
    [key] = jwt.PyJWKSet.from_dict(authenticator.tokens.key_set()).keys
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="vault")
    assert claims["sub"] == "system:serviceaccount:foo:robot"
    assert claims["iss"] == authenticator.tokens.discovery()["issuer"]
    assert claims["exp"] - claims["iat"] == 700
    assert claims["kubernetes.io"]["namespace"] == "foo"


def test_a_token_for_another_audience_is_no_key_to_the_api(authenticator, ask_token):
    token = ask_token(audiences=["vault"])["status"]["token"]
    with pytest.raises(ApiError):
        bearer(authenticator, token)


def test_a_token_dies_with_its_account(authenticator, objects, ask_token):
    token = ask_token()["status"]["token"]
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "robot", "namespace": "foo"},
    }
    objects.delete(ACCOUNTS, "foo", "robot")
    objects.create(ACCOUNTS, account, manager="test")
    with pytest.raises(ApiError):
        bearer(authenticator, token)


def test_a_bound_token_dies_with_its_pod(authenticator, objects, ask_token):
    spec = {"containers": [{"name": "app", "image": "app"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "foo"}, "spec": spec}
    objects.create(PODS, pod, manager="test")
    token = ask_token(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})["status"]["token"]
    assert bearer(authenticator, token).extra["authentication.kubernetes.io/pod-name"] == ["p"]
    objects.delete(PODS, "foo", "p", grace_period=0)
    with pytest.raises(ApiError):
        bearer(authenticator, token)


def test_tokens_of_another_run_or_without_signature_are_refused(authenticator, objects, ask_token):
    other = Authenticator(Credentials.new([], []), objects.store)
    account = objects.store.get(ACCOUNTS, "foo", "robot")
    foreign, _ = other.tokens.issue(account)
    claims = jwt.decode(ask_token()["status"]["token"], options={"verify_signature": False})
    expired, _ = authenticator.tokens.issue(account, lifetime=-1)
    for token in (foreign, expired, jwt.encode(claims, "", algorithm="none")):
        with pytest.raises(ApiError):
            bearer(authenticator, token)


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({"expirationSeconds": 5}, 422, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 2**33}, 422, "may not specify a duration larger than 2^32 seconds"),
        ({"expirationSeconds": "1h"}, 400, "must be a number of seconds"),
        ({"audiences": "one"}, 400, "must be a list of strings"),
        ({"boundObjectRef": {"kind": "Pod", "name": "none"}}, 404, 'pods "none" not found'),
        ({"boundObjectRef": {"kind": "Service", "name": "x"}}, 422, "Unsupported value"),
        ({"boundObjectRef": "p"}, 400, "must be an object"),
    ],
)
def test_token_requests_are_checked(ask_token, spec, code, message):
    with pytest.raises(ApiError, match=message.replace("^", r"\^")) as refused:
        ask_token(**spec)
    assert refused.value.code == code


def test_a_token_review_tells_the_user_or_why_not(authenticator, ask_token):
    token = ask_token(audiences=["vault", "api"])["status"]["token"]
    request = {"kind": "TokenReview", "spec": {"token": token, "audiences": ["vault"]}}
    status = review("TokenReview", authenticator, ADMIN, request)["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == "system:serviceaccount:foo:robot"
    assert status["audiences"] == ["vault"]
    refused = review("TokenReview", authenticator, ADMIN, {"spec": {"token": "x"}})["status"]
    assert "authenticated" not in refused
    assert refused["error"].startswith("invalid bearer token")


def test_a_kubeconfig_has_all_that_a_client_needs(credentials):
    config = yaml.safe_load(kubeconfig(credentials, "https://127.0.0.1:6443"))
    [cluster], [user], [context] = config["clusters"], config["users"], config["contexts"]
    assert config["current-context"] == context["name"]
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert user["user"] == {"token": credentials.admin_token}
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    assert len(ssl.create_default_context(cadata=authority).get_ca_certs()) == 1
    assert cluster["cluster"]["server"] == "https://127.0.0.1:6443"


def test_a_lifetime_is_counted_from_now(ask_token):
    expires = ask_token(expirationSeconds=600)["status"]["expirationTimestamp"]
    seconds = time.mktime(time.strptime(expires, "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 595 <= seconds <= 601
