"""The message and its forms: golden files for an ordinary one, laws for hostile and huge ones."""

import json
import re
import struct
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from alerts.model import Chart, NotifyReason, Severity
from alerts.render.chart_png import MAX_PNG_BYTES, alt_text, chart_png
from alerts.render.document import Message, dump_message, load_message
from alerts.render.html import render_html
from alerts.render.mime import mail_of
from alerts.render.slack import MAX_BLOCKS, MAX_CHARS, fallback_text, render_slack
from alerts.render.text import render_text
from alerts.testing.messages import CHART, alert, digest, hostile, huge, message, resolution, resolved
from alerts.wire import event_schema

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "alert-event.schema.json"
MESSAGES = {
    "first": message(),
    "resolved": resolution(),
    "group": message(
        alert(severity=Severity.CRITICAL), alert("psi-tenure"), resolved("ks-age"), reason=NotifyReason.SOME_RESOLVED
    ),
    "digest": digest(),
}
FORMS: dict[str, Callable[[Message], str]] = {
    "txt": render_text,
    "html": lambda one: render_html(one, [("cid:chart", alt_text(chart)) for chart in one.charts]) + "\n",
    "slack.json": lambda one: json.dumps(render_slack(one), indent=2, ensure_ascii=False) + "\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MESSAGES)
def test_an_ordinary_message_looks_as_it_did_when_somebody_last_looked(name: str, form: str) -> None:
    shown = FORMS[form](MESSAGES[name])

    assert shown.strip() == (GOLDEN / f"{name}.{form}").read_text(encoding="utf-8").strip()


def test_the_title_names_the_worst_alert_and_counts_the_others() -> None:
    broken = alert("broken", annotations={"summary": "broken: churn"}, severity=Severity.CRITICAL)
    minor, over = alert("minor"), resolved("over")

    titles = [message(*alerts).title for alerts in ([minor, broken], [over, minor, broken], [broken], [over])]

    assert titles[:3] == ["broken: churn and 1 more", "broken: churn and 1 more (1 resolved)", "broken: churn"]
    assert titles[3] == "over: PSI 0.34 is above its limit 0.10 (resolved)"


@pytest.mark.parametrize("one", [message(), resolution(), hostile()], ids=["plain", "end", "hostile"])
def test_every_style_is_whole_and_no_tag_has_an_attribute_that_we_did_not_write(one: Message) -> None:
    page = render_html(one, [("cid:chart", alt_text(chart)) for chart in one.charts])

    parsed = Attributes()
    parsed.feed(page)

    assert parsed.names <= KNOWN_ATTRIBUTES
    assert "font-size:19px" in parsed.styles["h1"]
    assert "color:#ffffff" in page


KNOWN_ATTRIBUTES = {
    "alt",
    "align",
    "cellpadding",
    "cellspacing",
    "charset",
    "content",
    "height",
    "href",
    "lang",
    "name",
    "role",
    "src",
    "style",
    "valign",
    "width",
}


class Attributes(HTMLParser):
    """The names of all attributes, and the last style of every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.styles: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {name for name, _ in attrs}
        self.styles[tag] = dict(attrs).get("style") or ""


def test_the_published_schema_of_an_alert_event_is_the_one_that_the_code_has() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == event_schema()


@pytest.mark.parametrize("one", [message(), resolution(), hostile(), huge()], ids=["plain", "end", "hostile", "huge"])
def test_a_message_comes_back_from_the_outbox_as_it_went_in(one: Message) -> None:
    assert load_message(dump_message(one)) == one


@pytest.mark.parametrize("form", FORMS)
def test_people_read_what_else_is_known_of_an_alert_in_words(form: str) -> None:
    one = message(alert(annotations={"summary": "drifted", "carried_by": "amount 80 %"}))

    shown = FORMS[form](one)

    assert "carried by" in shown
    assert "carried_by" not in shown
    assert [field.name for field in one.entries[0].details] == ["carried_by"]


def test_slack_gets_no_more_than_it_takes_and_a_count_of_what_was_left_out() -> None:
    blocks = render_slack(huge())

    shown = json.dumps(blocks, ensure_ascii=False)
    assert len(blocks) <= MAX_BLOCKS
    assert len(shown) <= MAX_CHARS + 1000
    assert re.search(r"and \d+ more alerts", shown)
    assert all(len(text) <= 3000 for text in re.findall(r'"text": "((?:[^"\\]|\\.)*)"', shown))


def test_forty_features_are_one_message_with_their_causes_in_order() -> None:
    features = [
        alert(f"feature_{n}", annotations={"summary": f"feature_{n} moved", "weight": str(n)}) for n in range(40)
    ]

    one = message(*features)

    assert [entry.title for entry in one.entries[:2]] == ["feature_39 moved", "feature_38 moved"]
    assert len(render_slack(one)) <= MAX_BLOCKS
    assert "and 20 more alerts" in render_text(one)


@pytest.mark.parametrize("render", [render_text, render_html, lambda one: json.dumps(render_slack(one))])
def test_the_only_cause_is_said_once(render: Callable[[Message], str]) -> None:
    cause = "age: psi(age) = 0.34"
    words = {"description": f"Window of noon: age drifted. Cause: {cause}.", "top": cause}
    other = {**words, "top": f"{cause}\nfee: psi(fee) = 0.3"}

    once, ranked = (render(message(alert(annotations=said))) for said in (words, other))

    assert (once.count(cause), ranked.count(cause)) == (1, 2)


def test_slack_is_called_by_nobody_who_only_wrote_a_label() -> None:
    shown = json.dumps(render_slack(hostile())) + fallback_text(hostile())

    assert "<!channel>" not in shown
    assert "javascript:" not in shown


def test_html_takes_text_as_text_and_links_only_to_the_web() -> None:
    shown = render_html(hostile(), [("cid:'><script>", "' onerror='x")])

    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "javascript:" not in shown
    assert "' onerror" not in shown


def test_a_terminal_is_moved_by_nothing_in_a_message() -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", render_text(hostile()))


def test_a_title_cannot_smuggle_a_header_into_a_mail() -> None:
    mail = mail_of(hostile(), "a@example.org", ["b@example.org"])

    assert "Bcc" not in mail
    assert "\n" not in str(mail["Subject"])


@pytest.mark.parametrize("kind", ["bars", "line"])
def test_a_chart_is_a_png_of_at_most_100_kb_however_many_points_it_has(kind: str) -> None:
    points = 200
    values = tuple((n * 7919 % 101) / 101 for n in range(points))
    wide = Chart("a wide one", kind, tuple(f"category {n} €" for n in range(points)), values, values[::-1])  # type: ignore[arg-type]

    for chart in (CHART, wide):
        png = chart_png(chart)
        width, height = struct.unpack(">II", png[16:24])
        assert png.startswith(b"\x89PNG")
        assert len(png) <= MAX_PNG_BYTES
        assert (width, height) >= (300, 150)


def test_a_chart_with_one_point_all_zero_or_odd_text_is_drawn() -> None:
    for chart in (Chart("$x$ 漢字", "bars", ("$",), (0.0,), (0.0,)), hostile().charts[0]):
        assert chart_png(chart).startswith(b"\x89PNG")


def test_the_words_for_a_chart_in_which_nothing_moved_say_so() -> None:
    words = alt_text(Chart("plan", "bars", ("a", "missing"), (1.0, 0.0), (1.0, 0.0)))

    assert words == "plan: baseline against current over 2 points; nothing moved"


def test_the_words_for_a_chart_name_what_moved_most() -> None:
    assert alt_text(CHART) == (
        "contract: share of records: baseline against current over 3 points; largest move at month-to-month, "
        "from 0.55 to 0.31 share"
    )


def test_matplotlib_is_loaded_only_when_something_is_drawn() -> None:
    import subprocess
    import sys

    code = "import sys, alerts.service, alerts.plugins; alerts.plugins.discover(); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
