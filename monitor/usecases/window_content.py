"""What a window holds: its shares merged, on the baseline that it should be compared with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.domain.findings import content_id
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.stream import Share
from monitor.stats.baseline import Baseline
from monitor.stats.profiles.model import ModelProfile
from monitor.stream.timeline import Promotion


@dataclass(frozen=True, slots=True)
class WindowContent:
    """The merged profiles of a window by segment; `n` records came, `n_counted` of them on this baseline's bins."""

    profiles: Mapping[str, ModelProfile]
    n: int
    n_counted: int
    digest: str
    offsets: Mapping[str, tuple[int, int]]

    @property
    def coverage(self) -> float | None:
        """Share of the window's records that the profiles rest on."""
        return self.n_counted / self.n if self.n else None


def compared_with(shares: Iterable[Share], timeline: Sequence[Promotion]) -> str | None:
    """Id of the baseline that the window is compared with: of those that its shares were counted on, the newest one.

    None when no share was counted on a promoted baseline.
    """
    present = {share.key.baseline_id for share in shares if share.payload}
    held = [promotion[2] for promotion in timeline if promotion[2] in present]
    return held[-1] if held else None


def window_content(shares: Mapping[str, Sequence[Share]], baseline_id: str, baseline: Baseline) -> WindowContent:
    """Merge the shares of each segment in the order of pane, partition and epoch, leaving those on other bins out.

    The counts do not depend on the order; it is fixed so that every digit and byte can be reproduced.
    """
    profiles = {segment: merged(of_segment, baseline_id, baseline) for segment, of_segment in shares.items()}
    everything = shares.get(ALL_TRAFFIC, ())
    return WindowContent(
        profiles=profiles,
        n=sum(share.n for share in everything),
        n_counted=profiles[ALL_TRAFFIC].n,
        digest=_digest(profiles),
        offsets=offsets_of(everything),
    )


def offsets_of(shares: Iterable[Share]) -> dict[str, tuple[int, int]]:
    """Per partition, the range [first, next) of offsets that the records of the shares came from."""
    ranges: dict[str, tuple[int, int]] = {}
    for share in shares:
        name = str(share.key.partition)
        first, after = ranges.get(name, (share.first_offset, share.next_offset))
        ranges[name] = (min(first, share.first_offset), max(after, share.next_offset))
    return ranges


def merged(shares: Iterable[Share], baseline_id: str, baseline: Baseline) -> ModelProfile:
    """The shares that were counted on this baseline's bins, as one profile."""
    counted = [share for share in shares if share.key.baseline_id == baseline_id and share.payload]
    counted.sort(key=lambda share: (share.key.pane_start_ms, share.key.partition, share.key.epoch))
    merged: ModelProfile | None = None
    for share in counted:
        profile = ModelProfile.from_bytes(share.payload, baseline.layouts)
        merged = profile if merged is None else merged.merge(profile)
    return ModelProfile.empty(baseline.layouts) if merged is None else merged


def _digest(profiles: Mapping[str, ModelProfile]) -> str:
    if len(profiles) == 1:
        return next(iter(profiles.values())).digest
    return content_id({segment: profile.digest for segment, profile in profiles.items()})
