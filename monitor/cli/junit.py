"""Results of rule tests as a JUnit report, which every CI can show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from monitor.bootstrap.rule_testing import RuleTestResult


def junit_xml(results: Sequence["RuleTestResult"]) -> str:
    """One suite with a case for each test."""
    failed = sum(1 for result in results if result.failures)
    suite = ET.Element("testsuite", name="driftline rules test", tests=str(len(results)), failures=str(failed))
    for result in results:
        case = ET.SubElement(suite, "testcase", classname=str(result.path), name=result.name)
        if result.failures:
            failure = ET.SubElement(case, "failure", message=result.failures[0])
            failure.text = "\n".join(result.failures)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
