"""A plant's machines come from an index or from folders; one machine's bad index is that machine's fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.fleet.errors import FleetError
from training.fleet.machines import MISSING, SoundFile, machines_of_data, place_of_name


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv").replace("_wav", ".wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_an_index_says_which_file_is_whose_and_what_it_is(tmp_path: Path) -> None:
    rows = ("b,x/1.wav,train,normal,", "a,x/2.wav,test,anomaly,leak", "b,gone.wav,train,,")
    write(
        tmp_path, index_csv="\n".join(("machine,file,role,label,kind", *rows)), x__1_wav="123", x__2_wav="12"
    )
    a, b = machines_of_data(str(tmp_path))
    assert ("a", (SoundFile("x/2.wav", 2, "test", "anomaly", "leak"),)) == (a.name, a.files)
    assert ["x/1.wav", "gone.wav"] == [file.name for file in b.files]
    assert [3, MISSING] == [file.size_bytes for file in b.files]


def test_folders_are_machines_with_an_index_or_with_normal_sound(tmp_path: Path) -> None:
    write(tmp_path, fan__deep__1_wav="1", pump__index_csv="file,role\nx.wav,train\n", pump__x_wav="12")
    write(tmp_path, notes__readme="nothing to hear")
    fan, pump = machines_of_data(str(tmp_path))
    assert ("fan", [("fan/deep/1.wav", "train")]) == (fan.name, [(f.name, f.role) for f in fan.files])
    assert ("pump", [("pump/x.wav", 2)]) == (pump.name, [(f.name, f.size_bytes) for f in pump.files])
    assert ["pump"] == [machine.name for machine in machines_of_data(str(tmp_path), ["pump"])]


def test_a_bad_index_in_one_folder_is_a_fault_of_that_machine(tmp_path: Path) -> None:
    write(tmp_path, fan__1_wav="1", pump__index_csv="name\nx.wav\n", pump__x_wav="12")
    (tmp_path / "mill").mkdir()
    (tmp_path / "mill" / "index.csv").write_bytes(b"file,role\n\xff\xfe,train\n")
    assert {
        "fan": "",
        "mill": "mill/index.csv: cannot be read",
        "pump": "pump/index.csv: lacks the columns",
    } == {
        machine.name: machine.fault[: len(said)]
        for machine, said in zip(
            machines_of_data(str(tmp_path)),
            ["", "mill/index.csv: cannot be read", "pump/index.csv: lacks the columns"],
            strict=True,
        )
    }


@pytest.mark.parametrize(
    ("texts", "only", "complaint"),
    [
        ({"x": ""}, [], "holds no machine"),
        ({"index_csv": "file,role\n1.wav,train\n"}, [], "has no rows with a column machine"),
        ({"index_csv": "machine,file,role\n,1.wav,train\n"}, [], "1 rows name no machine"),
        ({"fan__1_wav": ""}, ["pump"], "--machine pump: is not in"),
    ],
)
def test_a_plant_that_cannot_be_understood_is_refused(
    tmp_path: Path, texts: dict[str, str], only: list[str], complaint: str
) -> None:
    write(tmp_path, **texts)
    with pytest.raises(FleetError) as refused:
        machines_of_data(str(tmp_path), only)
    assert complaint in str(refused.value)


def test_a_change_of_a_file_or_its_row_changes_the_digest(tmp_path: Path) -> None:
    write(tmp_path, fan__1_wav="1")
    (before,) = machines_of_data(str(tmp_path))
    write(tmp_path, fan__1_wav="12")
    (after,) = machines_of_data(str(tmp_path))
    assert before.digest != after.digest
    assert before.digest == type(before)(before.name, before.files).digest


@pytest.mark.parametrize(
    ("name", "place"),
    [("pump-1", "pump-1"), ("hall 2/pump", "hall 2%2Fpump"), ("..", "%2E."), ("ü", "%C3%BC")],
)
def test_any_name_of_a_machine_is_one_folder(name: str, place: str) -> None:
    assert place == place_of_name(name)
