"""Random messages around the border between what is as agreed and what is not: right ones, odd ones, damaged ones."""

from random import Random

from monitor.domain.derived import TextColumn, VectorColumn
from monitor.domain.models import ColumnKind, ColumnSpec
from monitor.stream.schema import RecordSchema

NUMERIC, CATEGORICAL = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL

_FEATURES = (
    ColumnSpec("a", NUMERIC),
    ColumnSpec("b_long_name", NUMERIC),
    ColumnSpec("c", CATEGORICAL),
    ColumnSpec("ü", CATEGORICAL),
)
_NOTE, _VECTOR = TextColumn("note"), VectorColumn("v", 3, 2)
_OUTPUTS = (ColumnSpec("score", NUMERIC), ColumnSpec("latency_ms", NUMERIC))
SCHEMAS = {
    "m1": RecordSchema((*_FEATURES, *_OUTPUTS, ColumnSpec("prediction", CATEGORICAL)), positive_label="yes"),
    "m2": RecordSchema((*_FEATURES, *_OUTPUTS, ColumnSpec("prediction", NUMERIC))),
    "m3": RecordSchema((*_FEATURES[:1], *_FEATURES[2:3])),
    "m4": RecordSchema(
        (*_FEATURES[:1], *_NOTE.specs, *_VECTOR.specs, *_OUTPUTS), derived=(_NOTE, _VECTOR), originals=("note", "v")
    ),
}

TEXTS = (
    "x", "value_1", "value_2", "yes", "no", "true", "7", "", "München", "日本", "a b", "null", "😀", "x" * 40, "tab\\t",
    "\\u0041", "\\ud800", 'quote\\"', "back\\\\slash", "\\u00fc", "slash\\/", "bad\\q", "raw\ttab", "line\nbreak",
    "\x7f", "\x01",
)  # fmt: skip
PLAIN_TEXTS = TEXTS[:14]
NUMBERS = (
    "0", "1", "-1", "7", "-0", "-0.0", "0.0", "1.0", "7.0", "1e5", "1E5", "1e+05", "1e-5", "1.5e3", "123456789",
    "1e22", "1e23", "9007199254740992", "9007199254740993", "9007199254740993.0", "123456789012345678",
    "1234567890123456789", "18446744073709551615", "18446744073709551616", "1" * 25, "1" * 400, "0.1",
    "0.30000000000000004", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "1e999", "1e-999",
    "5e-324", "2.2250738585072014e-308", "2.2250738585072011e-308", "1e-400", "0e999",
    "0.000000000000000000000000000001", "01", "-01", ".5", "1.", "+1", "1e", "1e+", "1.e5", "--1", "NaN", "Infinity",
    "-Infinity", "nan", "0x10", "1_000", "\u0661", "1700000000", "1700000000.123", "1700000000123", "99999999999",
    "100000000001", "1e11", "253402300800",
)  # fmt: skip
ODD = ("true", "false", "null", "[]", "{}", "[1, 2]", '{"a": 1}', "tru", "nul", "", '"', "'x'",
       "[[[[1]]]]", "[" * 20 + "]" * 20)  # fmt: skip
TIMES = (
    '"2026-11-01T10:00:00Z"', '"2026-11-01T10:00:00.5Z"', '"2026-11-01T10:00:00.123456Z"',
    '"2026-11-01T10:00:00.999999+05:30"', '"2026-11-01T10:00:00.1234567Z"', '"2026-11-01T10:00:00"',
    '"2026-11-01T10:00:00.000999"', '"2026-11-01 10:00:00Z"', '"2026-11-01T10:00:00z"', '"2026-11-01T24:00:00Z"',
    '"2026-11-01T23:59:60Z"', '"2026-02-29T00:00:00Z"', '"2024-02-29T23:59:59.999Z"', '"2100-02-29T00:00:00Z"',
    '"2026-11-31T00:00:00Z"', '"1969-12-31T23:59:59.999Z"', '"1971-01-01T00:00:00-23:59"',
    '"2104-12-31T23:59:59.999999Z"', '"2105-01-01T00:00:00Z"', '"0001-01-01T00:00:00+01:00"',
    '"9999-12-31T23:59:59Z"', '"2026-11-01T10:00:00+24:00"', '"2026-11-01T10:00:00+0100"', '"2026-11-01T10:00Z"',
    '"2026-11-01"', '"yesterday"', '""', '"2026-1-01T10:00:00Z"', '"2026-11-01T10:00:00-00:00"',
    '"2026-11-01T10:00:00.Z"', '"2000-02-29T12:00:00.001-11:45"', '"2026-11-01T10:00:00,5Z"',
)  # fmt: skip
SCORES = (
    '{"yes": 0.75, "no": 0.25}', '{"no":0.3}', "{}", "null", '{"yes": null}', '{"yes": 0.1, "yes": 0.9}',
    '{"a": 0.9, "a": 0.1, "b": 0.5}', '{"a": "1"}', "[0.5]", '{"a": 0.0, "b": -0.0}', '{"a": true}', '{"a": NaN}',
    '{"a":1, "b":2, "c":1.5}',
)  # fmt: skip
_BYTES = b'{}[]",:\\ 0123456789.-+eEtfn\x00\x09\x0a\x1f\x7f\x80\xc3\xff'


class Messages:
    """An endless supply from one seed; the same seed gives the same messages."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._last = b"{}"

    def next(self) -> bytes:
        """A message: two of three are as agreed or close to it, the others damaged."""
        chance = self._random.random()
        strangeness = 0.0 if chance < 0.5 else 0.02 if chance < 0.8 else 0.15
        message = self._record(strangeness).encode("utf-8", "surrogatepass")
        if self._random.random() < 0.25:
            message = self._damaged(message)
        self._last = message
        return message

    def _record(self, strangeness: float) -> str:
        pick = self._random.choice
        members = [
            ("event_id", f'"e{self._random.randrange(10**6)}"'),
            ("model", f'"{pick(("m1", "m1", "m2", "m2", "m3", "m4", "m4", "unknown"))}"'),
            ("model_version", pick(('"1"', '"1"', '"2"', "1"))),
            (
                "event_time",
                pick(TIMES[:3])
                if self._random.random() < 0.6
                else str(1_793_527_200 + self._random.randrange(10**4) / 8),
            ),
            ("features", self._features(strangeness)),
            ("prediction", pick(('"yes"', '"no"', "1", "2.5", "null", self._number()))),
            ("score", pick((self._number(), "0.5", "null"))),
            ("latency_ms", self._number()),
            ("request_id", pick(('"r-1"', "7", '{"deep": [1, {"x": null}]}'))),
        ]
        if self._random.random() < 0.1:
            members.append(("scores", pick(SCORES)))
        if self._random.random() < 0.05:
            members.append(("type", pick(('"inference"', "null", '"ground_truth"', '"other"', "1"))))
        if self._random.random() < 0.05:
            members.append(("label", pick(("1", '"yes"', "null", "[]"))))
        return self._object(self._odd(members, strangeness), strangeness)

    def _odd(self, members: list[tuple[str, str]], strangeness: float) -> list[tuple[str, str]]:
        """Values replaced, keys dropped, doubled or misspelt, now and then another order."""
        made = []
        for name, value in members:
            kind = self._random.random() / strangeness if strangeness else 9.0
            if kind > 1:
                made.append((name, value))
            elif kind > 0.4:
                made.append((name, self._anything()))
            elif kind > 0.3:
                made += [(name, value), (name, self._anything())]
            elif kind > 0.2:
                made.append((self._random.choice(("x", "", "Score", "c", "event_time", "a")), value))
        if self._random.random() < 0.1:
            self._random.shuffle(made)
        return made

    def _features(self, strangeness: float) -> str:
        pick = self._random.choice
        members = [
            ("a", self._number()),
            ("b_long_name", pick((self._number(), "null", "3"))),
            (
                "c",
                pick(
                    (
                        f'"{pick(PLAIN_TEXTS)}"',
                        f'"{pick(TEXTS)}"' if strangeness else '"x"',
                        "7",
                        "7.0",
                        "true",
                        "null",
                        self._number(),
                    )
                ),
            ),
            ("ü", f'"v{self._random.randrange(40)}"'),
            ("other", pick(("1", '"x"', "[1,[2]]", "null"))),
        ]
        if self._random.random() < 0.4:
            members += [("note", self._note()), ("v", self._vector(strangeness))]
        if self._random.random() < 0.2:
            del members[self._random.randrange(len(members))]
        return self._object(self._odd(members, strangeness), strangeness)

    def _object(self, members: list[tuple[str, str]], strangeness: float) -> str:
        comma, colon = (",", ":") if self._random.random() < 0.6 else (", ", ": ")
        if self._random.random() < strangeness:
            comma = self._random.choice((" , ", ",\n", ",,", "\t,", ", \r\n", "", ","))
            colon = self._random.choice((" : ", ":", ":\n", "", "::", "  :  "))
        return "{" + comma.join(f'"{name}"{colon}{value}' for name, value in members) + "}"

    def _note(self) -> str:
        """Some texts in one, escapes among them."""
        texts = (self._random.choice(TEXTS) for _ in range(self._random.randrange(5)))
        return self._random.choice((f'"{" ".join(texts)}"', f'"{self._random.choice(PLAIN_TEXTS)}"', "null"))

    def _vector(self, strangeness: float) -> str:
        dimensions = self._random.choice((0, 2, 3, 4)) if self._random.random() < strangeness else 3
        numbers = [self._number() for _ in range(dimensions)]
        if self._random.random() < strangeness and numbers:
            numbers[-1] = self._anything()
        return "null" if self._random.random() < 0.05 else f"[{self._random.choice((',', ', ')).join(numbers)}]"

    def _number(self) -> str:
        chance = self._random.random()
        if chance < 0.25:
            return repr(self._random.lognormvariate(1, 3))
        if chance < 0.5:
            return f"{self._random.gauss(50, 500):.{self._random.randrange(8)}f}"
        if chance < 0.65:
            return str(self._random.randrange(-100, 10 ** self._random.randrange(1, 20)))
        if chance < 0.8:
            return self._halfway()
        if chance < 0.9:
            return f"{self._random.randrange(10**17, 10**18)}e{self._random.randrange(-330, 310)}"
        return self._random.choice(NUMBERS[:30])

    def _halfway(self) -> str:
        """Close to the middle between two floats, where careless rounding shows."""
        mantissa = self._random.randrange(2**52, 2**53) * 2 + 1
        shift = self._random.randrange(0, 40)
        digits = str(mantissa * 5**shift)  # mantissa / 2^shift = mantissa x 5^shift / 10^shift
        text = digits.rjust(shift + 1, "0")
        text = text if not shift else f"{text[:-shift]}.{text[-shift:]}"
        return text[: self._random.randrange(2, len(text) + 1)].rstrip(".") if self._random.random() < 0.5 else text

    def _anything(self) -> str:
        pick = self._random.choice
        texts = f'"{pick(TEXTS)}"'
        return pick((pick(NUMBERS), texts, texts, pick(ODD), pick(TIMES), pick(SCORES), self._number()))

    def _damaged(self, message: bytes) -> bytes:
        """Cut, a byte less, more or other, a piece doubled, or the end of the message before."""
        at, other = sorted(self._random.randrange(len(message)) for _ in range(2))
        byte = bytes([self._random.choice(_BYTES) if self._random.random() < 0.7 else self._random.randrange(256)])
        tails = (
            b"",
            message[at + 1 :],
            byte + message[at:],
            byte + message[at + 1 :],
            message[at:other] + message[at:],
            self._last[at:],
        )
        return message[:at] + self._random.choice(tails)
