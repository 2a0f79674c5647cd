"""The tree of routes and its matchers."""
# ruff: noqa: E501 - a mistake and its whole message stand side by side

import pytest

from alerts.config import parse
from alerts.errors import ConfigProblems
from alerts.model import Labels, Severity
from alerts.plugins import discover
from alerts.routing import Matcher, explain, match, routable


@pytest.mark.parametrize(
    ("text", "labels", "accepts"),
    [
        ('a="x"', {"a": "x"}, True),
        ("a=x", {"a": "xy"}, False),
        ('a=~"x|y"', {"a": "y"}, True),
        ('a=~"x|y"', {"a": "xy"}, False),
        ('a=~"x.*"', {"a": "xyz"}, True),
        ('a!="x"', {}, True),
        ('a!~"x.*"', {"a": "xyz"}, False),
        ('a=""', {}, True),
        (r'a="say \"hi\""', {"a": 'say "hi"'}, True),
    ],
)
def test_a_matcher_is_anchored_and_an_absent_label_is_empty(text: str, labels: dict[str, str], accepts: bool) -> None:
    matcher = Matcher.parse(text)

    assert matcher.accepts(labels) is accepts
    assert Matcher.parse(str(matcher)) == matcher


@pytest.mark.parametrize("text", ["", "a", "a==b c", '1a="x"', 'a=~"("', 'a="x'])
def test_what_is_no_matcher_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a (matcher|regular expression)"):
        Matcher.parse(text)


def test_explain_says_for_every_node_that_was_looked_at_why_it_was_not_chosen() -> None:
    routes = [
        {"name": "never", "match": ["model=other"]},
        {"name": "parent", "match": ["model=churn"], "routes": [{"name": "page", "match": ["severity=critical"]}]},
        {"name": "unseen"},
    ]
    config = parse({"channels": {"c": {"kind": "console"}}, "route": {"channels": ["c"], "routes": routes}}, discover())
    labels = routable(Labels.of({"model": "churn"}), Severity.WARNING)

    steps = explain(config.root, labels)

    told = [(step.route.key, step.depth, str(step.refused_by or ""), step.is_chosen) for step in steps]
    assert told == [
        ("root", 0, "", False),
        ("root/never", 1, 'model="other"', False),
        ("root/parent", 1, "", True),
        ("root/parent/page", 2, 'severity="critical"', False),
    ]
    assert [route.key for route in match(config.root, labels)] == ["root/parent"]


def test_a_child_inherits_what_it_leaves_out() -> None:
    data = {
        "channels": {"a": {"kind": "console"}, "b": {"kind": "console"}},
        "route": {
            "channels": ["a"],
            "group_by": ["model"],
            "remind_every": "never",
            "routes": [{"match": ["x=1"], "channels": ["b"], "routes": [{"match": ["y=1"], "collect_for": "1m"}]}],
        },
    }

    leaf = parse(data, discover()).root.children[0].children[0]

    assert (leaf.channels, leaf.group_by, leaf.remind_every) == (("b",), ("model",), None)
    assert leaf.collect_for.total_seconds() == 60
    assert leaf.key == "root/x=1/y=1"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"route": {}}, "route.channels: the first route takes what no other takes; give it at least one channel"),
        ({"route": {"channels": ["slak"]}}, "route.channels.0: there is no channel 'slak'; did you mean 'slack'?"),
        ({"route": {"channels": ["slack"], "colect_for": "1s"}}, "route.colect_for: there is no key 'colect_for'; did you mean 'collect_for'?"),
        ({"route": {"channels": ["slack"], "pause": "1m"}}, "route.pause: there is no key 'pause' here"),
        ({"route": {"channels": ["slack"], "collect_for": "10"}}, "route.collect_for: '10' is not a duration; write a number with d, h, m or s, like 10s, 5m, 1h30m"),
        ({"route": {"channels": ["slack"], "update_every": "0s"}}, "route.update_every: 0s is too short; the least is 1s"),
        ({"route": {"channels": ["slack"], "remind_every": "nie"}}, "route.remind_every: 'nie' is not a duration; write a number with d, h, m or s, like 10s, 5m, 1h30m"),
        ({"route": {"channels": ["slack"], "match": ["a=b"]}}, "route.match: the first route takes everything; put matchers on the routes below it"),
        ({"route": {"channels": ["slack"], "routes": [{}, {"match": ["a=b"]}]}}, "route.routes.0: this route takes everything, so those after it are never reached"),
        ({"route": {"channels": ["slack"], "routes": [{"match": ["ab"]}]}}, "route.routes.0.match.0: 'ab' is not a matcher; write it like severity=\"critical\" or model=~\"churn-.*\""),
        ({"channels": {"slack": {"kind": "slak"}}}, "channels.slack: give it a kind, one of alertmanager, apprise, console, email, mailbox, pagerduty, slack, teams, webhook"),
        ({"channels": {"slack": {"kind": "slack", "token": "xoxb-1", "channel": "#c"}}}, "channels.slack.token: a secret may not stand in the configuration; write {env: NAME} or {file: PATH}"),
        ({"channels": {"slack": {"kind": "slack"}}}, "channels.slack: give either token and channel (a bot, which can edit its message) or webhook_url alone"),
        ({"channels": {"slack": {"kind": "webhook", "url": "https://x"}}}, "channels.slack.secret: the key 'secret' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_routes_file_says_where_it_is_and_how_to_mend_it(
    change: dict[str, object], expected: str
) -> None:
    good = {"channels": {"slack": {"kind": "console"}}, "route": {"channels": ["slack"]}}

    with pytest.raises(ConfigProblems) as caught:
        parse({**good, **change}, discover())

    assert expected in map(str, caught.value.problems)
    assert "xoxb-1" not in str(caught.value)
