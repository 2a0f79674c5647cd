"""The routes file: which channels there are, who is told what through them, and how fast."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, ValidationError, create_model

from alerts.budget_settings import TeamSettings, TeamsSettings, budgets_of
from alerts.digest_settings import DigestSettings, DigestsSettings, digests_of
from alerts.digests import Digest
from alerts.errors import ConfigProblems, Problem
from alerts.heartbeat import Heartbeat, HeartbeatSettings
from alerts.muting import MutingRules
from alerts.muting_settings import (
    InhibitSettings,
    IntervalSettings,
    MuteTimesSettings,
    inhibit_rule,
    mute_times_of,
)
from alerts.pacing import BreakerPolicy
from alerts.ports import Channel, ChannelKind, Clock
from alerts.retries import BACK_OFF, DeliveryPolicy
from alerts.routing import ALL_LABELS, Matcher, Route
from alerts.self_alerts import with_self_alerts
from alerts.settings import (
    ChannelSettings,
    Duration,
    DurationOrNever,
    PositiveDuration,
    SecretMissing,
    SecretRef,
    Settings,
)

_BREAKER = BreakerPolicy()
_RAW = re.compile(r"^(Input|String|Tuple|List)(?= should )")

COLLECT_FOR = timedelta(seconds=10)
UPDATE_EVERY = timedelta(minutes=5)
REMIND_EVERY = timedelta(hours=4)

ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class RouteSettings(Settings):
    """A route; what it leaves out it takes from the route above."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}$")] | None = None
    """What it is called; its matchers, where it has no name."""
    match: tuple[str, ...] = ()
    """Conditions on labels that all must hold, like `severity="critical"` or `model=~"churn-.*"`."""
    channels: tuple[str, ...] | None = None
    """Who is told."""
    group_by: tuple[str, ...] | None = None
    """Alerts with the same values of these labels are told in one message; `...` keeps all apart."""
    collect_for: Duration | None = None
    """How long a new group waits for alerts that come with the first (10s where no route says it)."""
    update_every: PositiveDuration | None = None
    """How far apart the times are at which changes are told (5m where no route says it)."""
    remind_every: DurationOrNever | None = None
    """How long after the last message people are reminded, or `never` (4h where no route says it)."""
    mute: tuple[str, ...] | None = None
    """Mute times in which it tells nothing."""
    mute_outside: tuple[str, ...] | None = None
    """Mute times outside of which it tells nothing."""
    continues: Annotated[bool, Field(alias="continue")] = False
    """Whether the routes after this one are looked at as well."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes below; the first that matches takes the alert."""


class BreakerSettings(Settings):
    """After so many failures in a row a channel is left alone, then tried with one message."""

    after: Annotated[int, Field(ge=1)] = _BREAKER.after
    """Failures in a row."""
    pause: PositiveDuration = _BREAKER.pause
    """How long it is left alone at first; doubled after every failure that follows."""
    longest_pause: PositiveDuration = _BREAKER.longest_pause
    """How long at most."""


class DeliverySettings(Settings):
    """How messages are sent, how they are tried again, and what happens when they cannot be."""

    deadline: PositiveDuration = timedelta(seconds=20)
    """How long one try may take."""
    give_up_after: PositiveDuration = timedelta(hours=24)
    """After how long a message that no try got through is given up."""
    back_off: Annotated[tuple[PositiveDuration, ...], Field(min_length=1)] = BACK_OFF
    """The waits between tries; the last repeats. A fifth of each is added by chance."""
    breaker: BreakerSettings = BreakerSettings()
    """When a channel that fails is left alone."""
    fallback: tuple[str, ...] = ()
    """Channels that hear when another one fails or loses a message, and when it works again."""
    heartbeat: HeartbeatSettings | None = None
    """An address outside that is called as long as messages are planned and sent."""


class RoutesFile(Settings):
    """The whole file. `channels` is narrowed to the kinds that are installed by `file_model`.

    After a pause longer than `settle_for` in which announced ends of alerts passed, nothing is told for
    as long: every source is heard once before an alert that another explains could slip through.
    """

    channels: Mapping[str, ChannelSettings]
    """The channels by name."""
    route: RouteSettings
    """The first route, which takes what no other takes."""
    inhibit: tuple[InhibitSettings, ...] = ()
    """Which alerts explain others and keep them out of messages."""
    mute_times: Annotated[MuteTimesSettings, Field(default_factory=dict)]
    """Times, by name, in which routes may be mute."""
    teams: Annotated[TeamsSettings, Field(default_factory=dict)]
    """Teams, by name, and how many messages each bears."""
    digests: Annotated[DigestsSettings, Field(default_factory=dict)]
    """Summaries, by name, that are told every day or week."""
    settle_for: PositiveDuration = timedelta(seconds=30)
    """How long nothing is told after a pause in which announced ends of alerts passed."""
    delivery: DeliverySettings = DeliverySettings()
    """How messages are sent."""


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """A routes file that was found good: the tree with everything inherited, channels by name."""

    root: Route
    channels: Mapping[str, ChannelSettings]
    policy: DeliveryPolicy
    muting: MutingRules
    settle_for: timedelta
    heartbeat: HeartbeatSettings | None = None
    digests: tuple[Digest, ...] = ()


def parse(data: Mapping[str, object], kinds: Mapping[str, ChannelKind]) -> AlertsConfig:
    """Check a routes file that was read already; raises ConfigProblems with every mistake and its path."""
    try:
        file = file_model(kinds).model_validate(data)
    except ValidationError as error:
        raise ConfigProblems(tuple(_problems(error, kinds))) from None  # its text would repeat the values
    problems = (*_contradictions(file), *_digest_problems(file, kinds))
    if problems:
        raise ConfigProblems(problems)
    muting = MutingRules(tuple(map(inhibit_rule, file.inhibit)), mute_times_of(file.mute_times), budgets_of(file.teams))
    root = with_self_alerts(_tree(file.route), file.delivery.fallback)
    return AlertsConfig(
        root,
        file.channels,
        _policy(file),
        muting,
        file.settle_for,
        file.delivery.heartbeat,
        digests_of(file.digests),
    )


def _policy(file: RoutesFile) -> DeliveryPolicy:
    delivery = file.delivery
    breaker = delivery.breaker
    return DeliveryPolicy(
        deadline=delivery.deadline,
        give_up_after=delivery.give_up_after,
        back_off=delivery.back_off,
        breaker=BreakerPolicy(breaker.after, breaker.pause, breaker.longest_pause),
        per_minute={name: one.per_minute for name, one in file.channels.items() if one.per_minute is not None},
        fallback=delivery.fallback,
    )


def build_channels(config: AlertsConfig, kinds: Mapping[str, ChannelKind], clock: Clock) -> dict[str, Channel]:
    """Read the secrets and make the channels; raises ConfigProblems that names each channel that cannot be."""
    built, problems = {}, []
    for name, settings in config.channels.items():
        try:
            built[name] = kinds[kind_of(settings)].build(name, settings, clock)
        except SecretMissing as error:
            problems.append(Problem(("channels", name), str(error)))
    if problems:
        raise ConfigProblems(tuple(problems))
    return built


def unreadable_secrets(config: AlertsConfig, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Secrets of channels and of the heartbeat that are not there now, each with its place."""
    settings: dict[tuple[str, ...], BaseModel] = {("channels", name): one for name, one in config.channels.items()}
    if config.heartbeat is not None:
        settings["delivery", "heartbeat"] = config.heartbeat
    for loc, one in settings.items():
        for field, value in one:
            if isinstance(value, SecretRef):
                try:
                    value.read(environ)
                except SecretMissing as error:
                    yield Problem((*loc, field), str(error))


def build_heartbeat(config: AlertsConfig) -> Heartbeat | None:
    """Read the address of the heartbeat, if there is one; raises ConfigProblems."""
    if config.heartbeat is None:
        return None
    try:
        return Heartbeat(config.heartbeat)
    except SecretMissing as error:
        raise ConfigProblems((Problem(("delivery", "heartbeat", "url"), str(error)),)) from None


def routes_schema(kinds: Mapping[str, ChannelKind]) -> dict[str, object]:
    """The JSON schema of the routes file, for editors."""
    return file_model(kinds).model_json_schema(by_alias=True)


def file_model(kinds: Mapping[str, ChannelKind]) -> type[RoutesFile]:
    """The model of the file whose channels are of these kinds."""
    models: list[Any] = [kind.config for kind in kinds.values()]
    union: Any = reduce(or_, models)
    one: Any = Annotated[union, Field(discriminator="kind")] if len(models) > 1 else union
    by_name: Any = dict[ChannelName, one]
    return create_model("RoutesFile", __base__=RoutesFile, channels=(by_name, Field(min_length=1)))


def kind_of(settings: BaseModel) -> str:
    """The kind that a channel's settings name."""
    return str(getattr(settings, "kind", ""))


def _tree(settings: RouteSettings) -> Route:
    root = Route(
        key=settings.name or "root",
        matchers=(),
        channels=settings.channels or (),
        group_by=settings.group_by or (),
        collect_for=COLLECT_FOR if settings.collect_for is None else settings.collect_for,
        update_every=settings.update_every or UPDATE_EVERY,
        remind_every=_remind(settings, REMIND_EVERY),
        mute=settings.mute or (),
        mute_outside=settings.mute_outside or (),
    )
    return _with_children(root, settings)


def _with_children(route: Route, settings: RouteSettings) -> Route:
    keys: dict[str, int] = {}
    children = []
    for child in settings.routes:
        own = child.name or ",".join(child.match) or "all"
        keys[own] = keys.get(own, 0) + 1
        key = f"{route.key}/{own}" if keys[own] == 1 else f"{route.key}/{own}#{keys[own]}"
        inherited = Route(
            key=key,
            matchers=tuple(map(Matcher.parse, child.match)),
            channels=route.channels if child.channels is None else child.channels,
            group_by=route.group_by if child.group_by is None else child.group_by,
            collect_for=route.collect_for if child.collect_for is None else child.collect_for,
            update_every=child.update_every or route.update_every,
            remind_every=_remind(child, route.remind_every),
            continues=child.continues,
            mute=route.mute if child.mute is None else child.mute,
            mute_outside=route.mute_outside if child.mute_outside is None else child.mute_outside,
        )
        children.append(_with_children(inherited, child))
    return replace(route, children=tuple(children))


def _remind(settings: RouteSettings, inherited: timedelta | None) -> timedelta | None:
    if settings.remind_every == timedelta.max:
        return None
    return inherited if settings.remind_every is None else settings.remind_every


def _contradictions(file: RoutesFile) -> Iterator[Problem]:
    """What single values cannot show: names that lead nowhere, routes that are never reached."""
    if not file.route.channels:
        yield Problem(("route", "channels"), "the first route takes what no other takes; give it at least one channel")
    if file.route.match:
        yield Problem(("route", "match"), "the first route takes everything; put matchers on the routes below it")
    for index, name in enumerate(file.delivery.fallback):
        if name not in file.channels:
            yield Problem(("delivery", "fallback", index), f"there is no channel {name!r}{_meant(name, file.channels)}")
    for loc, route in _walk(file.route, ("route",)):
        yield from _route_problems(loc, route, file.channels)
        yield from _unknown_mute_times(loc, route, file.mute_times)


def _route_problems(
    loc: tuple[str | int, ...], route: RouteSettings, channels: Mapping[str, ChannelSettings]
) -> Iterator[Problem]:
    for index, name in enumerate(route.channels or ()):
        if name not in channels:
            yield Problem((*loc, "channels", index), f"there is no channel {name!r}{_meant(name, channels)}")
    yield from _bad_matchers((*loc, "match"), route.match)
    for index, name in enumerate(route.group_by or ()):
        if name != ALL_LABELS and not name.isidentifier():
            yield Problem((*loc, "group_by", index), f"{name!r} is not a label name ({ALL_LABELS!r} means all)")
    for index, child in enumerate(route.routes[:-1]):
        if not child.match and not child.continues:
            yield Problem((*loc, "routes", index), "this route takes everything, so those after it are never reached")


def _bad_matchers(loc: tuple[str | int, ...], texts: Iterable[str]) -> Iterator[Problem]:
    for index, text in enumerate(texts):
        try:
            Matcher.parse(text)
        except ValueError as error:
            yield Problem((*loc, index), str(error))


def _digest_problems(file: RoutesFile, kinds: Mapping[str, ChannelKind]) -> Iterator[Problem]:
    """Of what is no alert: digests, and news of budgets."""
    told: list[tuple[tuple[str, str], DigestSettings | TeamSettings]] = []
    told += [(("digests", name), digest) for name, digest in file.digests.items()]
    told += [(("teams", name), team) for name, team in file.teams.items()]
    for loc, settings in told:
        yield from _bad_matchers((*loc, "match"), settings.match)
        for index, channel in enumerate(settings.channels):
            if channel not in file.channels:
                text = f"there is no channel {channel!r}{_meant(channel, file.channels)}"
                yield Problem((*loc, "channels", index), text)
            elif not kinds[kind_of(file.channels[channel])].tells_digests:
                text = f"channel {channel!r} takes alerts and nothing else; name one that people read"
                yield Problem((*loc, "channels", index), text)


def _unknown_mute_times(
    loc: tuple[str | int, ...], route: RouteSettings, known: MuteTimesSettings
) -> Iterator[Problem]:
    for key, names in (("mute", route.mute), ("mute_outside", route.mute_outside)):
        for index, name in enumerate(names or ()):
            if name not in known:
                yield Problem((*loc, key, index), f"there is no mute time {name!r} in mute_times{_meant(name, known)}")


def _walk(route: RouteSettings, loc: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], RouteSettings]]:
    yield loc, route
    for index, child in enumerate(route.routes):
        yield from _walk(child, (*loc, "routes", index))


def _problems(error: ValidationError, kinds: Mapping[str, ChannelKind]) -> Iterator[Problem]:
    faults = error.errors(include_url=False, include_context=True)
    known = _known_keys(kinds)
    misspelt = {
        (*fault["loc"][:-1], _closest(str(fault["loc"][-1]), known))
        for fault in faults
        if fault["type"] == "extra_forbidden"
    }
    for fault in faults:
        if fault["type"] == "missing" and fault["loc"] in misspelt:
            continue  # one mistake, not two
        loc = fault["loc"]
        if len(loc) > 2 and loc[0] == "channels" and loc[2] in kinds:
            loc = (*loc[:2], *loc[3:])  # the kind is pydantic's tag, not a key of the file
        wrong_kind = _misspelt_kind(fault["input"]) if fault["type"] == "union_tag_not_found" else None
        if wrong_kind is not None:
            yield Problem((*loc, wrong_kind), f"there is no key {wrong_kind!r}; did you mean 'kind'?")
        else:
            loc = _without_types(loc)
            yield Problem(loc, _message(fault["type"], fault["msg"], loc, kinds))


def _misspelt_kind(channel: object) -> str | None:
    return _closest("kind", list(map(str, channel))) if isinstance(channel, Mapping) else None


def _without_types(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop what pydantic adds for the branches of a union, which are no keys of the file."""
    return tuple(part for part in loc if isinstance(part, int) or not any(char in part for char in "[("))


def _message(kind: str, text: str, loc: tuple[str | int, ...], kinds: Mapping[str, ChannelKind]) -> str:
    match kind:
        case "extra_forbidden":
            return _no_such_key(str(loc[-1]), _known_keys(kinds))
        case "missing":
            return f"the key {str(loc[-1])!r} is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"give it a kind, one of {', '.join(kinds)}"
        case "too_short" | "string_too_short":
            return f"{_last_key(loc)!r} must not be empty"
        case _:
            return _RAW.sub(repr(_last_key(loc)), text).removeprefix("Value error, ")


def _last_key(loc: tuple[str | int, ...]) -> str:
    return next((part for part in reversed(loc) if isinstance(part, str)), "the file")


def _no_such_key(name: str, known: set[str]) -> str:
    """A key that is known elsewhere is misplaced, not misspelt."""
    return f"there is no key {name!r} here" if name in known else f"there is no key {name!r}{_meant(name, known)}"


def _known_keys(kinds: Mapping[str, ChannelKind]) -> set[str]:
    models: list[type[BaseModel]] = [
        RouteSettings,
        DeliverySettings,
        BreakerSettings,
        HeartbeatSettings,
        RoutesFile,
        InhibitSettings,
        IntervalSettings,
        DigestSettings,
        TeamSettings,
        SecretRef,
    ]
    models += [kind.config for kind in kinds.values()]
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _meant(name: str, known: Iterable[str]) -> str:
    close = _closest(name, known)
    return f"; did you mean {close!r}?" if close else ""


def _closest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
