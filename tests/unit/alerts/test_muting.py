"""Inhibition and silences: what they keep quiet about, what they may not, and who is told the end all the same."""

from datetime import timedelta

import pytest

from alerts.errors import SilenceRefused
from alerts.inhibition import Inhibitor, InhibitRule
from alerts.model import Alert, Labels, NotifyReason, SkipReason
from alerts.routing import Matcher
from alerts.silences import LONGEST, Silence, SilenceRequest, SilenceState, make, with_end
from alerts.testing.messages import START, alert
from alerts.testing.scripts import World, instant

MINUTE = timedelta(minutes=1)
ROUTE = {"channels": ["box"], "collect_for": "1s", "update_every": "2s", "remind_every": "1h"}


def labelled(**labels: str) -> Alert:
    return alert(labels=Labels.of(labels))


def matchers(*texts: str) -> tuple[Matcher, ...]:
    return tuple(map(Matcher.parse, texts))


@pytest.mark.parametrize(
    ("target", "is_muted"),
    [
        ({"t": "1", "e": "1"}, True),
        ({"t": "1", "e": "1", "more": "x"}, True),
        ({"t": "1", "s": "1", "e": "1"}, False),  # matches both sides, and so does the source
        ({"t": "1", "e": "2"}, False),
        ({"t": "1"}, False),
        ({"t": "2", "e": "1"}, False),
        ({"s": "1", "e": "1"}, False),
    ],
)
def test_an_alert_is_muted_while_one_that_explains_it_fires_with_equal_labels(
    target: dict[str, str], is_muted: bool
) -> None:
    rule = InhibitRule(matchers("s=1"), matchers("t=1"), ("e",))
    inhibitor = Inhibitor.of([rule], [labelled(s="1", t="1", e="1")])

    muted = inhibitor.muted(labelled(**target))

    assert (muted is not None) is is_muted


def test_an_alert_on_both_sides_is_muted_by_one_that_is_only_a_cause() -> None:
    inhibitor = Inhibitor.of([InhibitRule(matchers("s=1"), matchers("t=1"))], [labelled(s="1", name="cause")])

    muted = inhibitor.muted(labelled(s="1", t="1"))

    assert muted is not None
    assert muted.by == "alert name=cause, s=1 fires"


def test_a_label_that_both_lack_is_equal() -> None:
    inhibitor = Inhibitor.of([InhibitRule(matchers("s=1"), matchers("t=1"), ("e",))], [labelled(s="1")])

    assert inhibitor.muted(labelled(t="1")) is not None


def silence(**changed: object) -> Silence:
    asked = {
        "matchers": matchers("model=churn"),
        "author": "ann",
        "reason": "deploying",
        "starts_at": START,
        "ends_at": START + MINUTE,
    }
    return make(SilenceRequest(**{**asked, **changed}), START)  # type: ignore[arg-type]


def test_a_silence_is_pending_then_active_then_expired_its_end_excluded() -> None:
    one = silence(starts_at=START + MINUTE, ends_at=START + 2 * MINUTE)

    states = [one.state(START + part * MINUTE) for part in (0, 0.99, 1, 1.99, 2)]

    pending, active, expired = SilenceState.PENDING, SilenceState.ACTIVE, SilenceState.EXPIRED
    assert states == [pending, pending, active, active, expired]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"matchers": ()}, "would silence everything"),
        ({"matchers": matchers("model=~.*")}, "would silence everything"),
        ({"matchers": matchers("model!=churn")}, "would silence everything"),
        ({"author": " "}, "needs an author"),
        ({"reason": ""}, "needs a reason"),
        ({"ends_at": START}, "is not after its start"),
        ({"ends_at": START + LONGEST + MINUTE}, "at most 90 days; .* use mute_times"),
    ],
)
def test_a_silence_that_nobody_should_make_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(SilenceRefused, match=says):
        silence(**changed)


def test_only_the_end_of_an_active_silence_can_change_and_nothing_of_one_that_is_over() -> None:
    one = silence()

    later = with_end(one, START + 5 * MINUTE, START + 0.5 * MINUTE)
    ended = with_end(one, START, START + 0.5 * MINUTE)

    assert (later.ends_at, later.starts_at) == (START + 5 * MINUTE, START)
    assert ended.state(START + 0.5 * MINUTE) is SilenceState.EXPIRED
    with pytest.raises(SilenceRefused, match="it stays as it was: add a new one"):
        with_end(ended, START + 5 * MINUTE, START + MINUTE)


def test_a_pending_silence_that_is_ended_never_was() -> None:
    one = with_end(silence(starts_at=START + MINUTE, ends_at=START + 2 * MINUTE), START, START)

    assert one.state(START) is SilenceState.EXPIRED
    assert one.starts_at == one.ends_at == START


def test_who_was_told_the_start_of_an_alert_that_another_explains_is_told_its_end() -> None:
    world = World(ROUTE, inhibit=[{"when": ["name=c"], "mute": ["name=w"]}])

    told = world.run({0.2: ["+w"], 4: ["+c"], 6.5: ["-w"], 10: ["-c"]}, 14)

    assert told == ["F{w}@1.2", "F{c,1 muted}@5.2", "F{c,r:w}@6.5~", "R{r:c}@11.2"]


def test_the_end_of_a_muted_alert_does_not_take_along_what_is_new_and_must_be_heard() -> None:
    world = World(ROUTE)

    told = world.run({0.2: ["+a", "+b"], 2: ["silence a 60"], 3.5: ["+c", "-a"]}, 9)

    assert told == ["F{a,b}@1.2", "F{b,c,r:a}@5.2"]


def test_a_silence_that_is_replaced_before_it_ends_reminds_of_nothing() -> None:
    world = World(ROUTE)

    told = world.run({0.2: ["+a"], 2: ["silence a 6"], 5: ["silence a 9"]}, 8.9)

    assert told == ["F{a}@1.2"]


def test_an_alert_that_got_worse_under_a_silence_is_told_so_when_it_ends_and_not_before() -> None:
    world = World(ROUTE)

    told = world.run({0.2: ["+a"], 2: ["silence a 6"], 3: ["+a!critical"]}, 9)

    assert told == ["F{a}@1.2", "F{a}@6"]
    assert world.box.messages[-1].lead == "No longer muted: 1 alert firing."


def test_no_reminder_is_sent_of_what_is_muted() -> None:
    world = World({**ROUTE, "remind_every": "2s"})

    told = world.run({0.2: ["+a"], 2: ["silence a 9"]}, 12)

    assert told == ["F{a}@1.2", "F{a}@9", "F{a}@11"]


def test_flaps_are_counted_also_when_nobody_hears_them() -> None:
    world = World(ROUTE | {"update_every": "1h"})
    flapping = {at: ["-a" if at % 2 else "+a"] for at in range(2, 9)}

    world.run({0.2: ["+a"], **{float(at): steps for at, steps in flapping.items() if at > 2}}, 9)

    assert [one.flaps for one in world.service.history() if one.is_firing(instant(9))] == [3]


def test_every_kind_of_muting_leaves_its_reason_in_the_record_and_a_reason_that_lasts_is_written_once() -> None:
    noon = {"noon": [{"times": ["12:00 to 12:01"]}]}
    world = World(
        {**ROUTE, "group_by": ["name"], "routes": [{"match": ["name=d"], "mute": ["noon"]}]},
        inhibit=[{"when": ["name=c"], "mute": ["name=w"]}],
        mute_times=noon,
    )

    world.run({0.2: ["silence a 50", "+a", "+c", "+w", "+d"]}, 30)

    refused = [one.last for one in world.service.why_not()]
    muted = [one for one in refused if one.muted and one.reason is not SkipReason.COLLECTING]
    said = {one.muted[0].labels["name"]: (one.reason, one.muted[0].muted.by) for one in muted}
    assert len(muted) == 3
    assert said["w"] == (SkipReason.INHIBITED, "alert model=m, name=c fires")
    assert said["d"] == (SkipReason.MUTE_TIME, "mute time noon")
    assert said["a"][0] is SkipReason.SILENCED
    assert said["a"][1].endswith("by ann until 2026-03-01 12:00:50 UTC: deploying")


def test_the_record_of_a_message_names_what_it_left_out_and_is_found_by_labels_that_are_no_group_labels() -> None:
    world = World(ROUTE)
    world.run({0.2: ["silence a 50", "+a", "+b(n)"]}, 3)

    of_a = [one.last for one in world.service.why_not(matchers("name=a"))]
    of_nobody = world.service.why_not(matchers("name=z"))

    (sent,) = [one for one in of_a if one.reason is NotifyReason.FIRST]
    assert [str(one.labels) for one in sent.muted] == ["model=m, name=a"]
    assert of_nobody == []
