"""A YAML file read safely, with the line of every key and item remembered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from monitor.domain.errors import ConfigError

Loc = tuple[str | int, ...]
"""A path of keys and indices from the root of a file to one value."""

_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file says, and on which line (from 1) it says it."""

    path: Path
    data: object
    lines: Mapping[Loc, int]

    def line_of(self, loc: Loc) -> int:
        """The line of the deepest value on this path that the file has; parts that it lacks are passed over.

        Validators add parts of their own to a path (the kind that chose a variant, the name of a missing key).
        """
        here: Loc = ()
        node = self.data
        for part in loc:
            in_list = isinstance(node, list) and isinstance(part, int) and part < len(node)
            if in_list or (isinstance(node, Mapping) and part in node):
                node, here = node[part], (*here, part)  # type: ignore[index] # one of the two, as just seen
        return self.lines.get(here, 1)

    def below(self, loc: Loc) -> "YamlFile":
        """A part of the file as a file of its own, with the lines of the whole."""
        node = self.data
        for part in loc:
            node = node[part]  # type: ignore[index] # the caller has read this part
        lines = {place[len(loc) :]: line for place, line in self.lines.items() if place[: len(loc)] == loc}
        return YamlFile(self.path, node, lines)


def read_yaml(path: Path) -> YamlFile:
    """Read one file; ConfigError with the line when it is not valid YAML or names a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8 text", path, hint="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", path) from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """The same for text that is said to come from `path`."""
    loader = yaml.SafeLoader(text) if text.isprintable() or _is_readable(text, path) else yaml.SafeLoader("")
    try:
        node = loader.get_single_node()
        if node is None:
            return YamlFile(path, {}, {(): 1})
        lines = dict(_lines(node, (), path))
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, path, text) from error
    finally:
        loader.dispose()
    return YamlFile(path, data, lines)


def _is_readable(text: str, path: Path) -> bool:
    """Refuse control characters here, for the parser reports them without a line."""
    for number, line in enumerate(text.split("\n"), 1):
        if yaml.SafeLoader.NON_PRINTABLE.search(line):
            raise ConfigError("a character that YAML does not allow", path, number, "remove the control character")
    return True


def _lines(node: yaml.Node, loc: Loc, path: Path) -> Iterator[tuple[Loc, int]]:
    """(path of keys, line) of the node and everything in it; the line of an entry is its key's."""
    line = node.start_mark.line + 1
    if len(loc) > _MAX_DEPTH:
        raise ConfigError("the file is nested too deeply", path, line, "does an alias (*) stand inside its own anchor?")
    yield loc, line
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*loc, index), path)
    elif isinstance(node, yaml.MappingNode):
        yield from _entry_lines(node, loc, path)


def _entry_lines(node: yaml.MappingNode, loc: Loc, path: Path) -> Iterator[tuple[Loc, int]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen:
            raise ConfigError(
                f"`{name}` stands here twice (first on line {seen[name]})", path, line, "remove one of the two"
            )
        seen[name] = line
        yield from _lines(value, (*loc, name), path)
        yield (*loc, name), line


def _syntax_error(error: yaml.MarkedYAMLError, path: Path, text: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    shown = text.split("\n")[line - 1] if 0 < line <= text.count("\n") + 1 else ""
    problem = error.problem or "not valid YAML"
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return ConfigError("a tab is used to indent", path, line, "YAML indents with spaces only: use two spaces")
    if "mapping values are not allowed" in problem:
        hint = "quote a text that has a colon in it, and put a space after the colon of a key"
        return ConfigError("not valid YAML: a colon where none is expected", path, line, hint)
    if "expected a single document" in problem or "single document" in (error.context or ""):
        return ConfigError("more than one document in the file", path, line, "remove the line `---` or split the file")
    return ConfigError(f"not valid YAML: {problem}", path, line, "check quotes, brackets and indentation")
