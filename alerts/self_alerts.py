"""The routes of our own alerts: a channel that fails is told of elsewhere. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from alerts.pacing import CHANNEL_FAILING, SELF_ALERT
from alerts.routing import Matcher, Operator, Route

_OURS = Matcher(SELF_ALERT, Operator.EQUAL, CHANNEL_FAILING)


def with_self_alerts(root: Route, fallback: tuple[str, ...]) -> Route:
    """The tree with routes for our own alerts before all others; as it is, where there is no fallback.

    A channel of the fallback is never told that it fails itself: the others are.
    """
    if not fallback:
        return root
    about_itself = [
        _route(root, f"{SELF_ALERT}/{name}", tuple(other for other in fallback if other != name), name)
        for name in fallback
    ]
    return replace(root, children=(*about_itself, _route(root, SELF_ALERT, fallback), *root.children))


def _route(root: Route, key: str, channels: tuple[str, ...], about: str | None = None) -> Route:
    of_channel = (Matcher("channel", Operator.EQUAL, about),) if about else ()
    return Route(
        key=f"{root.key}/{key}",
        matchers=(_OURS, *of_channel),
        channels=channels,
        group_by=("channel",),
        collect_for=timedelta(0),
        update_every=root.update_every,
        remind_every=root.remind_every,
    )
