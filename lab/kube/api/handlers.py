"""Requests about objects: get, list, watch, create, replace, patch, apply, delete, and their subresources."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from lab.kube import errors
from lab.kube.api import bodies, connecting, logs, reviews, watch
from lab.kube.api import exec as exec_
from lab.kube.api.queries import Selection, flag, number, write_options
from lab.kube.api.render import json_answer, list_answer, object_answer, warning_headers
from lab.kube.api.routes import Route
from lab.kube.api.scaling import rescale
from lab.kube.errors import bad_request
from lab.kube.identity.auth import Authenticator, User
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scale import scale_of
from lab.kube.objects import Json, Object, clone, place_of
from lab.kube.runtime import Runtime
from lab.kube.writing.apply_request import check_apply
from lab.kube.writing.deletion import DeleteOptions
from lab.kube.writing.patching import json_patch, merge_patch, strategic_merge_patch
from lab.kube.writing.replacement import STATUS_LIKE, in_version
from lab.kube.writing.request_validation import WriteOptions, check_shape
from lab.kube.writing.writes import Writes

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Call:
    """One request about objects."""

    request: web.BaseRequest
    route: Route
    user: User

    @property
    def resource(self) -> Resource:
        return self.route.resource


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


class Handlers:
    """Handles calls. Every method may raise `ApiError`."""

    def __init__(self, writes: Writes, authenticator: Authenticator, runtime: Runtime) -> None:
        self._pipeline = writes.pipeline
        self._store = writes.store
        self._authenticator = authenticator
        self._runtime = runtime
        self._collection: dict[str, Handler] = {
            "GET": self._list_or_watch,
            "POST": self._create,
            "DELETE": self._delete_collection,
        }
        self._object: dict[str, Handler] = {
            "GET": self._get,
            "PUT": self._replace,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        self._subresources: dict[tuple[str, str], Handler] = {
            ("GET", "exec"): self._exec,
            ("POST", "exec"): self._exec,
            ("GET", "log"): self._log,
            ("GET", "portforward"): self._portforward,
            ("POST", "portforward"): self._portforward,
            ("POST", "token"): self._token,
            ("GET", "scale"): self._get_scale,
            ("PUT", "scale"): self._replace_scale,
            ("PATCH", "scale"): self._patch_scale,
            **{
                (method, name): handler
                for name in STATUS_LIKE
                for method, handler in (
                    ("GET", self._get),
                    ("PUT", self._replace),
                    ("PATCH", self._patch),
                )
            },
            ("PUT", "finalize"): self._replace,
        }

    async def answer(self, call: Call) -> web.StreamResponse:
        """Finds the method for a call. Raises a 405."""
        method, route = call.request.method, call.route
        handler: Handler | None
        if call.resource.verbs == ("create",):
            handler = self._review if method == "POST" and not route.name else None
        elif route.subresource:
            handler = self._subresources.get((method, route.subresource))
        else:
            handler = (self._object if route.name else self._collection).get(method)
        if handler is None:
            raise errors.method_not_allowed()
        return await handler(call)

    def _existing(self, call: Call) -> Object:
        return self._pipeline.existing(call.resource, call.route.namespace, call.route.name)

    # Reading.

    async def _get(self, call: Call) -> web.StreamResponse:
        return object_answer(call.request, call.resource, self._existing(call))

    async def _list_or_watch(self, call: Call) -> web.StreamResponse:
        query = call.request.query
        selection = Selection.of(call.resource, call.route.namespace, query)
        if flag(query, "watch"):
            return await watch.serve(call.request, selection, self._store)
        watch.check_revision(number(query, "resourceVersion"), self._store)
        objects = self._selected(selection)
        metadata: Object = {"resourceVersion": str(self._store.revision)}
        limit, after = number(query, "limit"), query.get("continue", "")
        if after:
            place = _place_after(after)
            objects = [obj for obj in objects if place_of(obj) > place]
        if limit and len(objects) > limit:
            if not selection.is_narrow:
                metadata["remainingItemCount"] = len(objects) - limit
            objects = objects[:limit]
            metadata["continue"] = base64.urlsafe_b64encode(orjson.dumps(place_of(objects[-1]))).decode()
        return list_answer(call.request, call.resource, objects, metadata)

    def _selected(self, selection: Selection) -> list[Object]:
        found = self._store.list(selection.resource.key, selection.namespace or None)
        return [obj for obj in found if selection.takes(obj)] if selection.is_narrow else found

    # Writing.

    async def _create(self, call: Call) -> web.StreamResponse:
        if call.resource.namespaced and not call.route.namespace:
            raise errors.method_not_allowed()
        options = write_options(call.request, "Create", call.user)
        body = await bodies.parse(call.request)
        created = await self._pipeline.create(call.resource, call.route.namespace, body, options)
        return object_answer(call.request, call.resource, created, 201, options.warnings)

    async def _replace(self, call: Call) -> web.StreamResponse:
        options = write_options(call.request, "Update", call.user)
        body = await bodies.parse(call.request)
        new = await self._change(call, lambda _: clone(body), options)
        return object_answer(call.request, call.resource, new, 200, options.warnings)

    async def _patch(self, call: Call) -> web.StreamResponse:
        options = write_options(call.request, "Patch", call.user)
        body = await bodies.parse(call.request)
        resource, route = call.resource, call.route
        if call.request.content_type == APPLY_PATCH:
            check_apply(body, call.request.query)
            obj, created = await self._pipeline.apply(
                resource,
                route.namespace,
                route.name,
                body,
                options,
                force=flag(call.request.query, "force"),
                subresource=route.subresource,
            )
            return object_answer(call.request, resource, obj, 201 if created else 200, options.warnings)
        new = await self._change(call, lambda old: _patched(call, in_version(resource, old), body), options)
        return object_answer(call.request, resource, new, 200, options.warnings)

    async def _change(self, call: Call, change: Callable[[Object], Json], options: WriteOptions) -> Object:
        route = call.route
        return await self._pipeline.change(
            call.resource, route.namespace, route.name, change, options, route.subresource
        )

    async def _delete(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        options = DeleteOptions.of(body, call.request.query, call.user)
        route = call.route
        last, gone = await self._pipeline.remove(call.resource, route.namespace, route.name, options)
        if not gone or call.resource.strategy.returns_deleted:
            return object_answer(call.request, call.resource, last, 200, options.warnings)
        details = errors.details_of(call.resource, call.route.name) | {"uid": last["metadata"]["uid"]}
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
        return json_answer(status, headers=warning_headers(options.warnings))

    async def _delete_collection(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        in_all_namespaces = call.resource.namespaced and not call.route.namespace
        if in_all_namespaces or "deletecollection" not in call.resource.verbs:
            raise errors.method_not_allowed()
        options = DeleteOptions.of(body, call.request.query, call.user)
        selection = Selection.of(call.resource, call.route.namespace, call.request.query)
        doomed = self._selected(selection)
        for obj in doomed:
            await self._remove_if_there(call, obj, options)
        return list_answer(
            call.request, call.resource, doomed, {"resourceVersion": str(self._store.revision)}
        )

    async def _remove_if_there(self, call: Call, obj: Object, options: DeleteOptions) -> None:
        """The object may be gone: others may have deleted it while webhooks were called."""
        place = place_of(obj)
        if self._store.get(call.resource.key, *place) is not None:
            await self._pipeline.remove(call.resource, *place, options)

    # Subresources and reviews.

    async def _get_scale(self, call: Call) -> web.StreamResponse:
        return json_answer(scale_of(self._existing(call)))

    async def _replace_scale(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        return await self._rescale(call, lambda _: clone(body))

    async def _patch_scale(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        return await self._rescale(call, lambda scale: _patched(call, scale, body))

    async def _rescale(self, call: Call, change: Callable[[Object], Json]) -> web.StreamResponse:
        options = write_options(call.request, "Update", call.user)
        scale = await rescale(self._pipeline, call.route, change, options)
        return json_answer(scale, headers=warning_headers(options.warnings))

    async def _exec(self, call: Call) -> web.StreamResponse:
        pod = self._existing(call)
        options = exec_.Options.of(call.request, pod)
        await connecting.allowed(self._pipeline, call.route, call.user, "PodExecOptions", options.as_object())
        return await exec_.handle(call.request, pod, options, self._runtime)

    async def _portforward(self, call: Call) -> web.StreamResponse:
        from lab.kube.api import portforward

        pod = self._existing(call)
        await connecting.allowed(self._pipeline, call.route, call.user, "PodPortForwardOptions", {})
        return await portforward.handle(call.request, pod, self._runtime)

    async def _log(self, call: Call) -> web.StreamResponse:
        return await logs.handle(call.request, self._existing(call), self._runtime, self._store)

    async def _token(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        account = self._existing(call)
        if not isinstance(body, dict):
            raise bad_request("the body must be a TokenRequest")
        return json_answer(reviews.token_request(self._authenticator, self._store, account, body), 201)

    async def _review(self, call: Call) -> web.StreamResponse:
        body = await bodies.parse(call.request)
        request = check_shape(call.resource, body, write_options(call.request, "Create", call.user))
        answer = reviews.review(call.resource.kind, self._authenticator, call.user, request)
        return object_answer(call.request, call.resource, answer, 201)


def _patched(call: Call, target: Object, patch: Json) -> Json:
    """The object after one of the three patches. Raises a 400, 415 or 422."""
    resource, kind = call.resource, call.request.content_type
    if kind == JSON_PATCH:
        return json_patch(target, patch)
    accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    if not resource.crd:
        accepted.insert(2, STRATEGIC_PATCH)
    if kind not in accepted or kind == APPLY_PATCH:
        raise errors.unsupported_media_type(accepted)
    if not isinstance(patch, dict):
        raise bad_request("the patch must be an object")
    if kind == MERGE_PATCH:
        return clone(merge_patch(target, patch))
    schema = resource.schema if target["kind"] == resource.kind else None
    return clone(strategic_merge_patch(target, patch, schema))


def _place_after(token: str) -> tuple[str, str]:
    """Where a list continues. Raises a 400 for an invalid continue token."""
    try:
        namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, orjson.JSONDecodeError, ValueError, TypeError):
        namespace = name = None
    if not isinstance(namespace, str) or not isinstance(name, str):
        raise bad_request("continue key is not valid")
    return namespace, name
