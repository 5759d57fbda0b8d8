"""The rules of traffic capture, as text: which arguments are understood."""

from __future__ import annotations

import pytest

from lab.node.network.traffic_capture import Misread, rules


def test_what_is_said_is_added_to_what_holds_anyway() -> None:
    assert rules([]) == rules(["-b", "*", "-d", "15090,15021,15020", "-i", "*", "-x", "", "-q", "", "-o", ""])
    assert "tcp dport 81 return" in rules(["-d", "81, 82,"])
    assert "tcp dport 15020 return" not in rules(["-d", "81"])


def test_the_application_talks_to_itself_through_its_proxy_only_if_that_is_asked_for() -> None:
    itself = 'oifname "lo" meta mark != 0x539 return'
    assert itself in rules(["-i", "10.0.0.0/8"])
    assert itself not in rules(["-i", "127.0.0.0/8"])


def test_other_networks_than_those_of_ipv4_are_left_out() -> None:
    assert "fd00" not in rules(["-i", "fd00::/8,10.0.0.1/8"])
    assert "ip daddr 10.0.0.0/8 meta l4proto tcp redirect to :15001" in rules(["-i", "fd00::/8,10.0.0.1/8"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["-q", "x"],
        ["-q", "65536"],
        ["-q", "80; accept"],
        ["-c", 'eth0" accept'],
        ["-x", "10.0.0.0/33"],
        ["-y", "1"],
        ["-q"],
    ],
    ids=" ".join,
)
def test_what_is_misread(arguments: list[str]) -> None:
    with pytest.raises(Misread):
        rules(arguments)
