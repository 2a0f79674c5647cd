"""The folder that a demo run lives in: its configuration, its logs, its database, its mailbox."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from monitor.domain.errors import MonitorError

_MONITOR = """# Written by `driftline demo`: the example configuration with this run's paths, ports and pipeline.
database:
  url: sqlite:///{folder}/driftline.db
source:
  kind: files
  folders:
    inference: [{folder}/log/inference]
    ground_truth: [{folder}/log/ground_truth]
stream:
  flush_every: 500ms
  archive:
    directory: {folder}/archive
schedule:
  evaluate_every: 500ms
  relay_every: 500ms
  dispatch_every: 500ms
  retrain_every: 500ms
http:
  port: {port}
  callback_secret: {{env: DRIFTLINE_DEMO_CALLBACK_SECRET}}
retraining:
  triggers:
    pipeline:
      kind: webhook
      url: {pipeline_url}
      secret: {{env: DRIFTLINE_DEMO_TRIGGER_SECRET}}
      allow: [127.0.0.1]
  policies:
    careful:
      trigger: pipeline
      mode: auto
      cooldown: 1d
      deadline: 1h
      auto_promote: true
retention:                      # the log is of 1997: nothing of it may count as old
  records: 30000d
  findings: 30000d
logging:
  format: json
  file: {folder}/driftline.log
"""

_ROUTES = """# Written by `driftline demo`: the example's channels, with the waiting times shortened to the demo's pace.
channels:
  console:
    kind: console
  mailbox:
    kind: mailbox
    folder: {folder}/mailbox
route:
  channels: [console, mailbox]
  group_by: [model]
  collect_for: 1s
  update_every: 2s
  remind_every: 4h
"""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Paths of one run."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration's folder."""
        return self.root / "config"

    @property
    def inference(self) -> Path:
        """The growing inference log."""
        return self.root / "log" / "inference" / "elec2.jsonl"

    @property
    def ground_truth(self) -> Path:
        """The growing log of ground truth."""
        return self.root / "log" / "ground_truth" / "elec2.jsonl"

    @property
    def models(self) -> Path:
        """Training sets."""
        return self.root / "models"

    @property
    def log(self) -> Path:
        """What the program logs."""
        return self.root / "driftline.log"

    @property
    def printed(self) -> Path:
        """What the program prints: the messages of its console channel."""
        return self.root / "driftline.out"

    @property
    def database(self) -> Path:
        """Everything that the program knows."""
        return self.root / "driftline.db"

    @property
    def estimates(self) -> Path:
        """Performance as it was estimated, and as the truth told, as a picture."""
        return self.root / "estimates.svg"

    @property
    def mailbox(self) -> Path:
        """Messages as .eml, .html and Slack blocks."""
        return self.root / "mailbox"

    def prepare(self, example: Path, port: int, pipeline_url: str) -> None:
        """Empty the folder of an earlier run and write the configuration; MonitorError when it is not one."""
        if self.root.exists() and any(self.root.iterdir()) and not self.config.is_dir():
            raise MonitorError(f"{self.root} is not empty and no demo made it: choose another folder by --output")
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.inference.parent, self.ground_truth.parent, self.models, self.config):
            folder.mkdir(parents=True)
        for path in (self.inference, self.ground_truth):
            path.touch()
        for kind in ("models", "rules"):
            (self.config / kind).mkdir()
            shutil.copy(example / kind / "elec2-price.yaml", self.config / kind)
        folder_text = self.root.resolve().as_posix()
        monitor = _MONITOR.format(folder=folder_text, port=port, pipeline_url=pipeline_url)
        (self.config / "monitor.yaml").write_text(monitor)
        (self.config / "routes.yaml").write_text(_ROUTES.format(folder=folder_text))


def example_folder(package: Path, prefix: Path) -> Path:
    """Where the example configuration is: beside the package in a checkout, under share/ when installed."""
    for place in (package.parent / "configs", prefix / "share" / "driftline" / "configs"):
        if (place / "models" / "elec2-price.yaml").is_file():
            return place
    raise MonitorError("the example configuration is missing: run the demo from a checkout, or reinstall driftline")
