"""Authorization at workloads: under which conditions rules hold.

Each condition is for a path of its own, at httpbin.foo allowed and at another.foo denied.
"""

from __future__ import annotations

from fixtures.expectations import Requests
from fixtures.model.step import Step
from suites.extended.book import shown

AUTHORIZATION = ("request-authentication",)


def condition(requirement: str, step: str, *expect: str, policies: str = "each-condition") -> Step:
    """What most policies of the area allow, and under another name what they deny."""
    allowed, *denied = expect
    return shown(
        requirement,
        step,
        AUTHORIZATION,
        Requests(allowed),
        *(Requests(grid, server="another.foo", test="denied-requests") for grid in denied),
        policies=policies,
    )


STEPS = [
    condition(
        "identities-as-conditions",
        "principal",
        """
                /anything/principal     /anything/not-a-principal
        foo     403                     200
        bar     200                     403
        legacy  403                     200
        """,
        """
                /anything/principal     /anything/not-a-principal
        foo     200                     403
        bar     403                     200
        legacy  200                     403
        """,
    ),
    condition(
        "identities-as-conditions",
        "namespace",
        """
                /anything/namespace     /anything/not-a-namespace
        foo     403                     200
        bar     200                     403
        legacy  403                     200
        """,
        """
                /anything/namespace     /anything/not-a-namespace
        foo     200                     403
        bar     403                     200
        legacy  200                     403
        """,
    ),
    condition(
        "addresses-as-conditions",
        "source-address",
        """
                /anything/anywhere   /anything/elsewhere   /anything/elsewhere{X-Forwarded-For:192.0.2.1}
        bar     200                     403                         403
        legacy  200                     403                         403
        """,
        """
                /anything/anywhere   /anything/elsewhere   /anything/not-elsewhere
        bar     403                     200                         403
        legacy  403                     200                         403
        """,
    ),
    condition(
        "addresses-as-conditions",
        "destination-address",
        """
                /anything/any-destination   /anything/other-destination
        bar     200                         403
        legacy  200                         403
        """,
        """
                /anything/any-destination   /anything/other-destination
        bar     403                         200
        legacy  403                         200
        """,
    ),
    condition(
        "port-as-condition",
        "destination-port",
        """
                /anything/port  foo:8001/anything/port  foo:8001/anything/not-a-port    /anything/service-port
        bar     403             200                     403                             403
        legacy  403             200                     403                             403
        """,
        """
                /anything/port  /anything/not-a-port    /anything/service-port
        bar     200             403                     200
        """,
    ),
    condition(
        "headers-at-workloads",
        "header-values",
        """
                /anything/header    /anything/header{x-level:high}  /anything/header{x-level:HIGH}
        bar     403                 200                             403
        """,
        """
                /anything/header    /anything/header{X-Level:high}  /anything/header{x-level:higher}
        bar     200                 403                             200
        """,
    ),
    condition(
        "headers-at-workloads",
        "excluded-header-values",
        """
             /anything/not-a-value  /anything/not-a-value{x-level:low}  /anything/not-a-value{x-level:high}
        bar  200                    403                                 200
        """,
        """
             /anything/not-a-value  /anything/not-a-value{x-level:low}  /anything/not-a-value{x-level:high}
        bar  403                    200                                 403
        """,
    ),
    condition(
        "headers-at-workloads",
        "header-is-there",
        """
                /anything/any-value     /anything/any-value{x-level:low}    /anything/no-value{x-level:low}
        bar     403                     200                                 403
        """,
        """
                /anything/any-value     /anything/any-value{x-level:low}    /anything/no-value
        bar     200                     403                                 403
        """,
    ),
    condition(
        "each-of-several-headers",
        "several-headers",
        """
                /anything/header{x-level:low}{x-level:high}     /anything/header{x-level:low}{x-level:higher}
        bar     200                                             403
        legacy  200                                             403
        """,
        """
                /anything/header{x-level:low}{x-level:high}     /anything/header{x-level:high}{x-level:low}
        bar     403                                             403
        legacy  403                                             403
        """,
    ),
    condition(
        "header-patterns",
        "header-patterns",
        """
                /anything/prefix{x-level:higher}  /anything/suffix{x-level:high}    /anything/prefix
        bar     200                                     200                                     403
        """,
        """
                /anything/prefix{x-level:higher}  /anything/suffix{x-level:higher}  /anything/suffix
        bar     403                                     200                                     200
        """,
    ),
    condition(
        "header-names-in-any-case",
        "header-names",
        """
                /anything/capital-name  /anything/capital-name{x-level:high}    /anything/header{X-LEVEL:high}
        bar     403                     200                                     200
        """,
    ),
    condition(
        "values-are-alternatives",
        "some-values",
        """
                /anything/either{x-level:high}     /anything/either{x-level:higher}   /anything/either
        bar     200                                     200                                     403
        """,
        """
                /anything/either{x-level:high}     /anything/either{x-level:higher}   /anything/either
        bar     403                                     403                                     200
        """,
    ),
    condition(
        "conditions-add-up",
        "values-and-excluded-values",
        """
                /anything/but-not{x-level:high}   /anything/but-not{x-level:higher}     /anything/but-not
        bar     200                                     403                                         403
        """,
    ),
    condition(
        "conditions-add-up",
        "several-conditions",
        """
                /anything/both{x-level:high}     /anything/both{x-level:high}{x-other:x}
        bar     403                                     200
        """,
        """
                /anything/header-of-bar     /anything/header-of-bar{x-level:high}
        foo     200                         200
        bar     200                         403
        legacy  200                         200
        """,
    ),
    condition(
        "server-name",
        "server-name",
        """
                /anything/name  /anything/other-name    /anything/no-name
        foo     200             403                     403
        legacy  403             403                     200
        """,
        """
                /anything/name  /anything/other-name    /anything/no-name
        foo     403             200                     200
        legacy  200             200                     403
        """,
    ),
    condition(
        "claims-at-workloads",
        "principals-of-tokens",
        """
                        /anything/principal     /anything/any-principal     /anything/not-principal
        none            403                     403                         200
        valid           200                     200                         403
        other-subject   403                     200                         200
        """,
        """
                        /anything/principal     /anything/any-principal     /anything/not-principal
        none            200                     200                         403
        valid           403                     403                         200
        other-subject   200                     403                         403
        """,
        policies="claims",
    ),
    condition(
        "claims-at-workloads",
        "audiences-of-tokens",
        """
                            /anything/audience  /anything/not-audience
        none                403                 200
        valid               403                 200
        any-audience        403                 200
        right-audience      200                 403
        among-audiences     200                 403
        """,
        """
                            /anything/audience  /anything/not-audience
        none                200                 403
        right-audience      403                 200
        among-audiences     403                 200
        """,
        policies="claims",
    ),
    condition(
        "claims-at-workloads",
        "claims-of-tokens",
        """
                            /anything/role  /anything/role-prefix   /anything/any-role  /anything/not-role
        none                403             403                     403                 200
        valid               403             403                     403                 200
        role-admin          200             200                     200                 403
        role-user           403             403                     200                 200
        roles-user-admin    200             200                     200                 403
        nested-admin        403             403                     403                 200
        """,
        """
                            /anything/role  /anything/role-prefix   /anything/any-role  /anything/not-role
        none                200             200                     200                 403
        role-admin          403             403                     403                 200
        roles-user-admin    403             403                     403                 200
        """,
        policies="claims",
    ),
    condition(
        "claims-at-workloads",
        "nested-claims-of-tokens",
        """
                        /anything/nested    /anything/issuer
        none            403                 403
        role-admin      403                 200
        nested-admin    200                 200
        """,
        """
                        /anything/nested    /anything/issuer
        none            200                 200
        role-admin      200                 403
        nested-admin    403                 403
        """,
        policies="claims",
    ),
    condition(
        "claims-that-are-no-text",
        "claims-that-are-no-text",
        """
                        /anything/number    /anything/any-principal
        valid           403                 200
        """,
        """
                        /anything/number    /anything/any-principal
        valid           200                 403
        """,
        policies="claims",
    ),
]
