"""`wheeltapper bundle`: keys that stay secret, signatures made and checked, versions listed and installed."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
from fixtures_verbs import ran

from monitor.__main__ import main
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.commands import promote
from monitor.listening import DEMO_BUNDLE


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "plant.key"
    assert 0 == ran("bundle", "keygen", path).code
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO_BUNDLE, tmp_path / "bundle"))


def configured(tmp_path: Path, *keys: dict[str, str]) -> Path:
    path = tmp_path / "config.yaml"
    tree = {
        "state_dir": str(tmp_path / "state"),
        "bundles": {"trusted_keys": list(keys)},
        "sources": [{"id": "pump-1", "kind": "simulated", "bundle": "managed"}],
    }
    path.write_text(json.dumps(tree))
    return path


def test_keygen_shows_the_public_key_and_never_the_private_one(tmp_path: Path) -> None:
    made = ran("bundle", "keygen", tmp_path / "plant.key")
    private = (tmp_path / "plant.key").read_text()
    secret = "".join(line for line in private.splitlines() if "-" not in line)
    assert 0o600 == stat.S_IMODE((tmp_path / "plant.key").stat().st_mode)
    assert "PRIVATE" in private
    assert secret not in made.out + made.err
    assert "{name: plant, public_key: " in made.out

    again = ran("bundle", "keygen", tmp_path / "plant.key")
    assert (2, True) == (again.code, "never written over" in again.err)
    assert private == (tmp_path / "plant.key").read_text()


def test_what_keygen_prints_is_what_the_configuration_takes(tmp_path: Path, key: Path, bundle: Path) -> None:
    printed = ran("bundle", "keygen", tmp_path / "other.key").out
    text = printed.rpartition("public_key: ")[2].strip().rstrip("}")
    config = configured(tmp_path, {"name": "other", "public_key": text})
    ran("bundle", "sign", bundle, "--key", tmp_path / "other.key")
    assert 0 == ran("bundle", "verify", bundle, "--config", config).code
    ran("bundle", "sign", bundle, "--key", key)
    foreign = ran("bundle", "verify", bundle, "--config", config)
    assert (2, True) == (foreign.code, "none of bundles.trusted_keys" in foreign.err)


def test_a_damaged_bundle_is_not_signed(key: Path, bundle: Path) -> None:
    (bundle / "golden.npz").write_bytes(b"")
    refused = ran("bundle", "sign", bundle, "--key", key)
    assert (2, True) == (refused.code, "bundle-damaged" in refused.err)
    assert not (bundle / "manifest.sig").exists()


def test_promoted_is_what_was_compared_and_not_what_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path)
    assert 0 == ran("bundle", "install", "pump-1", DEMO_BUNDLE, "--config", config, "--actor", "ann").code

    def compared(*_: object, **__: object) -> str:  # the real one takes up to half a minute
        other = DEMO_BUNDLE.parent / "ae"
        assert 0 == ran("bundle", "install", "pump-1", other, "--config", config, "--actor", "bert").code
        return "the candidate is better"

    monkeypatch.setattr(promote, "check_promotion", compared)
    refused = ran("promote", "pump-1", "--config", config, "--actor", "ann")
    assert (2, True) == (refused.code, "by now, not mae-" in refused.err), refused.out + refused.err


def test_a_key_that_others_can_read_signs_nothing(key: Path, bundle: Path) -> None:
    key.chmod(0o644)
    refused = ran("bundle", "sign", bundle, "--key", key)
    assert (2, True) == (refused.code, f"chmod 600 {key}" in refused.err)


def test_verify_without_keys_says_that_it_cannot(tmp_path: Path, bundle: Path) -> None:
    refused = ran("bundle", "verify", bundle, "--config", configured(tmp_path))
    assert (2, True) == (refused.code, "names no key" in refused.err)


def test_show_tells_who_says_to_have_signed_and_that_nobody_checked(key: Path, bundle: Path) -> None:
    assert "not signed" in ran("bundle", "show", bundle).out
    ran("bundle", "sign", bundle, "--key", key, "--source", "pump-1")
    shown = ran("bundle", "show", bundle).out
    assert "for pump-1" in shown
    assert "not checked" in shown


def test_list_shows_roles_and_who_changed_them(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "state").mkdir()
    config = configured(tmp_path)
    assert "no version yet" in ran("bundle", "list", "pump-1", "--config", config).out
    words = ("pump-1", bundle, "--config", config, "--actor", "anna", "--note", "first")
    assert 0 == ran("bundle", "install", *words).code
    assert "candidate  mae-" in ran("bundle", "list", "pump-1", "--config", config).out
    assert 0 == ran("promote", "pump-1", "--config", config, "--actor", "bert").code
    listed = ran("bundle", "list", "pump-1", "--config", config).out
    assert listed.startswith("live       mae-")
    assert "anna by terminal: first" in listed
    assert "promote  nothing -> mae-" in listed
    assert 0 == ran("check", "--config", config, "--no-devices").code
    told = ran("audit", "--config", config).out
    assert ["promote", "install"] == [line.split("  ")[2].split(" ")[0] for line in told.splitlines()]


def test_a_source_that_is_none_is_named(tmp_path: Path, bundle: Path) -> None:
    refused = ran("bundle", "install", "fan", bundle, "--config", configured(tmp_path))
    assert (2, True) == (refused.code, "has no source 'fan', only pump-1" in refused.err)


def test_install_and_verify_judge_by_one_rule(tmp_path: Path, key: Path, bundle: Path) -> None:
    public = ran("bundle", "keygen", tmp_path / "other.key").out
    text = public.rpartition("public_key: ")[2].strip().rstrip("}")
    config = configured(tmp_path, {"name": "other", "public_key": text})
    (tmp_path / "state").mkdir()

    def refused() -> list[str]:
        """What both refuse it for, the one as the other."""
        verify = ran("bundle", "verify", bundle, "--config", config)
        install = ran("bundle", "install", "pump-1", bundle, "--config", config)
        assert (2, 2) == (verify.code, install.code), verify.out + install.out
        assert "no version yet" in ran("bundle", "list", "pump-1", "--config", config).out
        assert "b'" not in verify.err + install.err
        assert verify.err.splitlines() == install.err.splitlines()
        return verify.err.splitlines()

    assert "has no signature" in str(refused())
    ran("bundle", "sign", bundle, "--key", key)
    assert "none of bundles.trusted_keys" in str(refused())
    ran("bundle", "sign", bundle, "--key", tmp_path / "other.key")
    (bundle / "model.onnx.data").write_bytes(b"weights from elsewhere")
    assert "holds model.onnx.data, which its manifest does not name" in str(refused())
    (bundle / "model.onnx.data").unlink()
    sound = (bundle / "manifest.sig").read_bytes()
    (bundle / "manifest.sig").write_bytes(b'{"of": "\xff\xfe"}')
    assert "manifest.sig: is no signature (it is no text); sign manifest.json anew" in str(refused())
    (bundle / "manifest.sig").write_bytes(b"[]")
    assert "is no signature (it holds no object)" in str(refused())
    (bundle / "manifest.sig").write_bytes(b"{}")
    assert "is no signature (schema is missing)" in str(refused())
    (bundle / "manifest.sig").write_bytes(sound)
    assert 0 == ran("bundle", "verify", bundle, "--config", config).code
    assert 0 == ran("bundle", "install", "pump-1", bundle, "--config", config).code


def test_a_limit_that_is_none_or_missing_is_told_by_verify(tmp_path: Path, key: Path, bundle: Path) -> None:
    config = configured(tmp_path, {"name": "plant", "file": str(tmp_path / "plant.key.pub")})
    manifest = json.loads((bundle / "manifest.json").read_text())
    del manifest["files"]["calibration.json"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    ran("bundle", "sign", bundle, "--key", key)
    (bundle / "calibration.json").write_text("{}")
    refused = ran("bundle", "verify", bundle, "--config", config)
    assert (2, True) == (refused.code, "calibration.json" in refused.err), refused.out
    (bundle / "calibration.json").unlink()
    told = ran("bundle", "verify", bundle, "--config", config)
    assert (0, True) == (told.code, "`bundle install` takes it only with one" in told.out)


def test_a_rollback_takes_no_word_that_it_would_not_keep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is compared, so that nothing is passed over: why somebody goes back is its note."""
    with pytest.raises(SystemExit):
        main(["rollback", "pump-1", "--config", str(configured(tmp_path)), "--despite", "it is deaf"])
    assert "unrecognized arguments: --despite" in capsys.readouterr().err


def test_a_note_moves_no_cursor_of_whoever_lists_the_versions(tmp_path: Path, bundle: Path) -> None:
    library = Library(tmp_path / "state", "pump-1")
    library.install(bundle, By("eve", "mqtt", 1.8e9, "c1", "made\n\x1b[2Jup"))
    listed = ran("bundle", "list", "pump-1", "--config", configured(tmp_path)).out
    assert listed.endswith("eve by mqtt: made??[2Jup\n")
