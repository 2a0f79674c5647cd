"""The jars of Apache Kafka, resolved by Maven into a cache folder (44 MB, once)."""

import os
import shutil
import subprocess
from pathlib import Path

from monitor.testing.servers.cache import cache_folder, locked
from monitor.testing.servers.unavailable import ServerUnavailable

KAFKA_VERSION = "4.3.1"
SERVER = "real Kafka"

_RESOLVE_DEADLINE_S = 240
_COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

# kafka_2.13 brings the whole broker with it, but no logging backend that writes to the console.
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>driftline.testing</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId><version>2.0.17</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.17</version>
    </dependency>
  </dependencies>
</project>
"""


def find_java() -> Path:
    """The java command; raises ServerUnavailable where there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    if found is None:
        raise ServerUnavailable(
            SERVER,
            "there is no java command",
            "Install a Java runtime, 17 or newer (Debian: apt-get install default-jre-headless)",
        )
    return Path(found)


def kafka_jars() -> Path:
    """The folder with all jars of the broker, filled on first use; raises ServerUnavailable.

    The folder appears only when it is complete. Test workers that come at the same time wait for the
    one that downloads.
    """
    home = cache_folder() / f"kafka-{KAFKA_VERSION}"
    jars = home / "lib"
    if jars.is_dir():
        return jars
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "lock"):
        if not jars.is_dir():
            _resolve(home).rename(jars)
    return jars


def _resolve(home: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerUnavailable(
            SERVER,
            "the broker's jars are not in the cache and there is no mvn command to fetch them",
            f"Install Maven (Debian: apt-get install maven), or fill the folder lib in {home} on another machine",
        )
    partial = home / "lib.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (home / "pom.xml").write_text(_POM)
    command = [
        maven,
        "--quiet",
        "--batch-mode",
        _COPY_DEPENDENCIES,
        "-DincludeScope=runtime",
        f"-DoutputDirectory={partial}",
    ]
    try:
        outcome = subprocess.run(  # noqa: S603 - the command is ours
            command, cwd=home, check=False, capture_output=True, text=True, timeout=_RESOLVE_DEADLINE_S
        )
    except subprocess.TimeoutExpired as error:
        raise _unresolved(f"mvn did not finish within {_RESOLVE_DEADLINE_S} s") from error
    if outcome.returncode != 0:
        raise _unresolved(f"mvn could not fetch the broker's jars: {_first_error(outcome.stdout + outcome.stderr)}")
    return partial


def _first_error(maven_output: str) -> str:
    lines = maven_output.strip().splitlines() or ["it said nothing"]
    marked = [line.partition("[ERROR]")[2].strip() for line in lines if "[ERROR]" in line]
    return (marked or lines)[0]


def _unresolved(problem: str) -> ServerUnavailable:
    return ServerUnavailable(
        SERVER, problem, "Maven needs a repository: check the network and the mirrors in ~/.m2/settings.xml"
    )
