"""Authorization at workloads: for which requests rules are.

Each kind of operation is for a path of its own, at httpbin.foo allowed and at another.foo denied.
httpbin's own answers, such as 308, say that a request was let through.
"""

from __future__ import annotations

from fixtures.expectations import Requests
from fixtures.model.step import Step
from suites.extended.book import shown

AUTHORIZATION = ("request-authentication",)


def operation(requirement: str, step: str, *expect: str, client: str = "bar") -> Step:
    """What most policies of the area allow, and under another name what they deny."""
    return _step(requirement, step, "each-operation", client, *expect)


def path(requirement: str, step: str, *expect: str) -> Step:
    """The same of those that are about paths."""
    return _step(requirement, step, "paths", "bar", *expect)


def _step(requirement: str, step: str, policies: str, client: str, allowed: str, *denied: str) -> Step:
    return shown(
        requirement,
        step,
        AUTHORIZATION,
        Requests(allowed, client=client),
        *(Requests(grid, client=client, server="another.foo", test="denied-requests") for grid in denied),
        policies=policies,
    )


STEPS = [
    operation(
        "ports-of-the-workload",
        "ports",
        """
                /anything/first-port    foo:8001/anything/first-port    foo:8001/anything/second-port
        bar     200                         403                                 200
        legacy  200                         403                                 200
        """,
        """
                /anything/first-port    /anything/second-port
        bar     403                         200
        legacy  403                         200
        """,
    ),
    operation(
        "ports-of-the-workload",
        "ports-of-services",
        """
                /anything/service-ports     foo:8001/anything/service-ports     /anything/first-port
        bar     403                         403                                 200
        """,
        """
                /anything/service-ports     /anything/first-port
        bar     200                         403
        """,
    ),
    operation(
        "ports-of-the-workload",
        "excluded-ports",
        """
                /anything/not-a-port    foo:8001/anything/not-a-port
        bar     200                     403
        legacy  200                     403
        """,
        """
                /anything/not-a-port
        bar     403
        """,
    ),
    operation(
        "methods-at-workloads",
        "methods-at-workloads",
        """
                /anything/get   HEAD:/anything/get  POST:/anything/get  GET:/anything/small-get
        bar     200             403                 403                 403
        """,
        """
                /anything/get   HEAD:/anything/get  POST:/anything/get  GET:/anything/small-get
        bar     403             200                 200                 200
        """,
    ),
    operation(
        "method-patterns",
        "method-patterns",
        """
             /anything/any-method  /anything/p-methods  POST:/anything/p-methods  PUT:/anything/t-methods
        bar  200                   403                  200                       200
        """,
        """
             /anything/any-method  /anything/p-methods  POST:/anything/p-methods  PUT:/anything/t-methods
        bar  403                   200                  403                       403
        """,
    ),
    operation(
        "methods-at-workloads",
        "excluded-methods",
        """
                /anything/not-post  POST:/anything/not-post     /anything/not-p     PUT:/anything/not-p
        bar     200                 403                         200                         403
        """,
        """
                /anything/not-post  POST:/anything/not-post     /anything/not-p     PUT:/anything/not-p
        bar     403                 200                         403                         200
        """,
    ),
    operation(
        "fields-of-an-operation-add-up",
        "port-and-method",
        """
                /anything/both   POST:/anything/both  POST:foo:8001/anything/both
        bar     403                         403                             200
        """,
        """
                /anything/both   POST:/anything/both
        bar     200                         200
        """,
    ),
    operation(
        "operations-are-alternatives",
        "port-or-method",
        """
                /anything/either    POST:/anything/either   foo:8001/anything/either
        bar     403                         200                             200
        """,
        """
                /anything/either    POST:/anything/either
        bar     200                         403
        """,
    ),
    operation(
        "parts-of-a-rule-add-up",
        "source-and-operation",
        """
                /anything/from-bar  POST:/anything/from-bar
        foo     403                 403
        bar     403                 200
        legacy  403                 403
        """,
        """
                /anything/from-bar  POST:/anything/from-bar
        foo     200                 200
        bar     200                 403
        legacy  200                 200
        """,
    ),
    operation(
        "parts-of-a-rule-add-up",
        "source-operation-and-condition",
        """
                POST:/anything/some     POST:/anything/some{x-level:high}   PUT:/anything/some{x-level:high}
        foo     403                     200                                 200
        bar     403                     403                                 403
        legacy  403                     200                                 200
        """,
        """
                POST:/anything/some     POST:/anything/some{x-level:high}   /anything/some{x-level:high}
        foo     200                     403                                 200
        bar     200                     200                                 200
        legacy  200                     403                                 200
        """,
    ),
    operation(
        "hosts-at-workloads",
        "hosts-at-workloads",
        """
                /anything/host  /anything/host{Host:h.example.com}  /anything/host{Host:H.EXAMPLE.com}
        legacy  403             200                                 200
        """,
        """
                /anything/host  /anything/host{Host:h.example.com}  /anything/host{Host:h.example.com:8000}
        legacy  200             403                                 200
        """,
        client="legacy",
    ),
    operation(
        "hosts-at-workloads",
        "host-patterns-at-workloads",
        """
                /anything/host-suffix{Host:X.example.com}  /anything/host-suffix
        legacy  200                                        403
        """,
        """
                /anything/host-suffix{Host:X.example.com}   /anything/host-suffix   /anything/any-host
        legacy  403                                         200                     403
        """,
        client="legacy",
    ),
    operation(
        "hosts-at-workloads",
        "excluded-hosts",
        """
                /anything/not-a-host    /anything/not-a-host{Host:h.example.com}
        legacy  200                     403
        """,
        """
                /anything/not-a-host    /anything/not-a-host{Host:H.example.com}
        legacy  403                     200
        """,
        client="legacy",
    ),
    path(
        "paths-at-workloads",
        "whole-paths",
        """
             /anything/exact  /anything/exact?x=1  /anything/exact/  /anything/EXACT  /anything/exactly
        bar  200              200                  403               403              403
        """,
        """
             /anything/exact  /anything/exact?x=1  /anything/exact/  /anything/EXACT  /anything/exactly
        bar  403              403                  200               200              200
        """,
    ),
    path(
        "paths-at-workloads",
        "path-patterns-at-workloads",
        """
             /anything/prefix  /anything/prefix/a/b  /anything/pre  /anything/x/suffix  /anything/suffix/x
        bar  200               200                   403            200                 403
        """,
        """
             /anything/prefix  /anything/prefix/a/b  /anything/pre  /anything/x/suffix  /anything/suffix/x
        bar  403               403                   200            403                 200
        """,
    ),
    shown(
        "paths-at-workloads",
        "excluded-paths",
        AUTHORIZATION,
        Requests(
            """
                    /ip     /headers    /anything/x     /ip?x=/headers      /anything
            foo     200     403         200             200                 403
            legacy  200     403         200             200                 403
            """,
            server="another.bar",
        ),
        policies="paths",
    ),
    path(
        "templates-at-workloads",
        "template-of-one",
        """
                /anything/one/x/end     /anything/one/x/y/end   /anything/one//end  /anything/one/end
        bar     200                     403                     403                 403
        """,
        """
                /anything/one/x/end     /anything/one/x/y/end   /anything/one/x/end/    /anything/one/x/end?y
        bar     403                     200                     200                     403
        """,
    ),
    path(
        "templates-at-workloads",
        "template-of-many",
        """
                /anything/many/x    /anything/many/x/y/z    /anything/many/     /anything/many
        bar     200                 200                     200                 403
        """,
        """
                /anything/deep/x/end    /anything/deep/x/y/end  /anything/deep/end  /anything/deep/x/end/y
        bar     403                     403                     200                 200
        """,
    ),
    path(
        "templates-at-workloads",
        "template-of-both",
        """
                /anything/both/a/x/b    /anything/both/a/x/b/c  /anything/both/a/b/x/c  /anything/both/a/y/b
        bar     200                     200                     403                     403
        """,
    ),
    path(
        "paths-are-normalized",
        "dots",
        """
             /anything/plain/in  /anything/plain/in/../out  /anything/plain/x/../in  /anything/./plain/in
        bar  200                 403                        200                      200
        """,
        """
             /anything/x/../plain/in  /anything/plain/%2e/in  /anything/plain/x/%2E%2e/in
        bar  403                      403                     403
        """,
    ),
    path(
        "paths-are-normalized",
        "backslashes",
        r"""
                /anything/plain\\in     /anything\plain\in      /anything/plain/in\..\out
        bar     403                     200                     403
        """,
        r"""
                /anything\plain\in      /anything/plain/x\..\in
        bar     403                     403
        """,
    ),
    path(
        "slashes-are-left",
        "slashes",
        """
                /anything/plain//in     //anything/plain/in     /anything/plain%2fin    /anything/plain/in%2f
        bar     403                     403                     403                     403
        """,
        # httpbin sends to the path with one slash whoever asks for one with two.
        """
                /anything/plain//in     /anything//plain/in     /anything/plain%2fin    /anything/plain%2Fin
        bar     200                     308                     200                     200
        """,
    ),
    path(
        "escaped-letters",
        "escapes",
        """
                /anything/a%20b     /anything/plain/i%6e    /anything/%70lain/in
        bar     200                 200                     200
        """,
        """
                /anything/a%20b     /anything/plain/i%6e    /anything/plain/in%00
        bar     403                 403                     400
        """,
    ),
    # Who asks has no proxy: one would have cut off the fragment already.
    _step(
        "fragments-are-no-path",
        "fragments",
        "paths",
        "legacy",
        """
                /anything/plain/in#out  /anything/plain/out#/../in  /anything/plain/#in
        legacy  200                     403                         403
        """,
        """
                /anything/plain/in#out  /anything/plain/out#/../in  /anything/plain/in#
        legacy  403                     200                         403
        """,
    ),
]
