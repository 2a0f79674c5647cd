import hashlib
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from monitor.shells.demo import dataset
from monitor.shells.demo.dataset import CHANGE_AT, CSV_MEMBER, DatasetUnavailable, fetch_elec2, load_elec2
from monitor.shells.demo.download import DownloadFailed, download_pinned

HEADER = ",".join(dataset.FILE_COLUMNS)
CACHE = Path(os.environ.get("DRIFTLINE_DEMO_CACHE", Path(__file__).parents[4] / ".cache" / "demo"))


def written(path: Path, days: int) -> Path:
    rows = [
        f"{row % 48 / 47:.6f},0.05,0.{row % 48 + 10},0.003467,0.422915,0.414912,{row % 2}" for row in range(days * 48)
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def wheel_with(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CSV_MEMBER, content)
    return path


def test_rows_get_their_time_and_the_derived_features_from_their_place(tmp_path: Path) -> None:
    path = written(tmp_path / "elec.csv", days=8)

    elec2 = load_elec2(path)

    assert len(elec2) == 8 * 48
    assert elec2.event_time[0] == np.datetime64("1996-05-07T00:00:00")
    assert elec2.event_time[-1] == np.datetime64("1996-05-14T23:30:00")
    assert elec2.features["day_of_week"][::48].tolist() == ["tue", "wed", "thu", "fri", "sat", "sun", "mon", "tue"]
    assert elec2.features["day_part"][:48:12].tolist() == ["night", "morning", "afternoon", "evening"]
    assert elec2.features["period"][:3].tolist() == [0, 1, 2]
    assert elec2.went_up[:4].tolist() == [False, True, False, True]


def test_between_takes_the_start_and_leaves_the_end(tmp_path: Path) -> None:
    elec2 = load_elec2(written(tmp_path / "elec.csv", days=3))

    day = elec2.between(datetime(1996, 5, 8, tzinfo=UTC), datetime(1996, 5, 9, tzinfo=UTC))

    assert len(day) == 48
    assert day.event_time[0] == np.datetime64("1996-05-08T00:00:00")
    assert set(day.features) == set(elec2.features)


def test_the_day_that_is_there_twice_is_counted_once_and_its_second_copy_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "elec.csv", days=365)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1 + 17_424] = lines[1 + 17_424].replace("0.003467", "0.003232")
    path.write_text("\n".join(lines), encoding="utf-8")

    elec2 = load_elec2(path)

    assert len(elec2) == 364 * 48
    joined = elec2.between(CHANGE_AT, datetime(1997, 5, 5, tzinfo=UTC))
    assert joined.features["vicprice"][:2].tolist() == [0.003232, 0.003467]


def test_a_long_file_without_the_repeated_day_is_refused_because_its_dates_cannot_be_known(tmp_path: Path) -> None:
    path = written(tmp_path / "elec.csv", days=365)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1 + 17_424] = lines[1 + 17_424].replace("0.10", "0.99")
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(DatasetUnavailable, match="4 May 1997 should be there twice"):
        load_elec2(path)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda lines: ["a,b", *lines[1:]], r"elec.csv:1: expected the columns feat_1"),
        (lambda lines: [], "found none"),
        (lambda lines: [*lines[:3], *lines[4:]], r"elec.csv:4: feat_1 should be half-hour 2 of the day"),
        (lambda lines: [*lines[:2], "0.021277,0.05", *lines[3:]], r"elec.csv:3: 2 values instead of 7"),
        (lambda lines: [*lines[:2], "0.021277,x,0,0,0,0,1", *lines[3:]], "every value must be a number"),
        (lambda lines: [*lines[:2], "nan,0,0,0,0,0,1", *lines[3:]], r"elec.csv:3: feat_1 should be half-hour 1"),
    ],
)
def test_a_file_that_is_not_elec2_is_refused_with_its_line(
    tmp_path: Path, spoil: Callable[[list[str]], list[str]], complaint: str
) -> None:
    path = written(tmp_path / "elec.csv", days=1)
    path.write_text("\n".join(spoil(path.read_text(encoding="utf-8").splitlines())), encoding="utf-8")

    with pytest.raises(DatasetUnavailable, match=complaint):
        load_elec2(path)


def test_a_path_that_does_not_exist_says_what_to_give_instead(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable, match=r"give the scikit-multiflow 0\.4\.1 wheel or its elec\.csv"):
        load_elec2(tmp_path / "nowhere.csv")


def test_the_wheel_itself_can_be_given_instead_of_the_file_in_it(tmp_path: Path) -> None:
    plain = written(tmp_path / "elec.csv", days=2)
    wheel = wheel_with(tmp_path / "some.whl", plain.read_bytes())

    assert len(load_elec2(wheel)) == 2 * 48


def test_a_cached_wheel_is_unpacked_without_a_download_and_the_second_call_reads_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = written(tmp_path / "source.csv", days=1).read_bytes()
    wheel = wheel_with(tmp_path / "scikit_multiflow-0.4.1-any.whl", content)
    monkeypatch.setattr(dataset, "CSV_SHA256", hashlib.sha256(content).hexdigest())
    told: list[str] = []

    first = fetch_elec2(tmp_path, told.append)
    wheel.unlink()
    second = fetch_elec2(tmp_path, told.append)

    assert first == second == tmp_path / "elec.csv"
    assert first.read_bytes() == content
    assert len(told) == 1


def test_a_wheel_with_other_content_is_refused_and_leaves_no_file_behind(tmp_path: Path) -> None:
    wheel_with(tmp_path / "scikit_multiflow-0.4.1-any.whl", b"something else")

    with pytest.raises(DatasetUnavailable, match="is not the pinned file; delete the wheel"):
        fetch_elec2(tmp_path, print)

    assert not (tmp_path / "elec.csv").exists()


def test_without_a_network_the_error_says_what_was_tried_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_OFFLINE", "1")

    with pytest.raises(DatasetUnavailable, match=r"(?s)No matching distribution found.*--data PATH"):
        fetch_elec2(tmp_path, print)


def test_without_any_installer_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.shells.demo.download.installers", list)

    with pytest.raises(DownloadFailed, match="neither pip nor uv was found"):
        download_pinned("anything", "1", "00", tmp_path)


def test_the_real_file_has_the_documented_last_day_weekends_in_place_and_one_change() -> None:
    elec2 = load_elec2(fetch_elec2(CACHE, print))

    before, after = (
        elec2.between(datetime(1996, 5, 7, tzinfo=UTC), CHANGE_AT),
        elec2.between(CHANGE_AT, datetime(1999, 1, 1, tzinfo=UTC)),
    )
    assert len(elec2) == 45_264
    assert elec2.event_time[-1] == np.datetime64("1998-12-05T23:30:00")
    for name in ("vicprice", "vicdemand", "transfer"):
        assert len(np.unique(before.features[name])) == 1
        assert len(np.unique(after.features[name])) > 1000
    for part in (before, after):
        demand = {
            day: part.features["nswdemand"][part.features["day_of_week"] == day].mean() for day in dataset.DAYS_OF_WEEK
        }
        assert sorted(demand, key=demand.__getitem__)[:2] == ["sun", "sat"]
