"""With keys configured, nothing judges that none of them has signed as it is."""

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fixtures_verbs import ran

from engines.bundle import open_bundle
from engines.errors import BundleDamagedError, CodedError
from monitor.bundles.keys import key_id, make_keys, public_path, public_text
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.bundles.signature import Of, sign_file
from monitor.bundles.trust import trust_of
from monitor.config import BundlesConfig, Config, parse_config
from monitor.errors import ConfigError, ExtraMissingError, SigningKeyError, UntrustedError
from monitor.listening import DEMO_BUNDLE
from monitor.machine import open_machines
from monitor.worded import wording_of

NOW = 1.8e9


class Signer:
    """A key pair, and whom it stands for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.private = name, folder / name
        self.public = make_keys(self.private)
        self.id = key_id(self.public)

    def sign(self, path: Path, of: Of = "manifest", source_id: str | None = None) -> None:
        sign_file(path, of, key=self.private, source_id=source_id, now_utc_s=NOW)

    def trusted(self, signs: str = "everything") -> dict[str, str]:
        return {"name": self.name, "public_key": public_text(self.public), "signs": signs}


@pytest.fixture
def plant(tmp_path: Path) -> Signer:
    return Signer(tmp_path, "plant")


@pytest.fixture
def stranger(tmp_path: Path) -> Signer:
    return Signer(tmp_path, "stranger")


@pytest.fixture
def bundle(tmp_path: Path, plant: Signer) -> Path:
    """A bundle signed by the plant, whose calibration is one of its sealed files."""
    folder = tmp_path / "bundle"
    shutil.copytree(DEMO_BUNDLE, folder)
    plant.sign(folder / "manifest.json")
    return folder


def config(tmp_path: Path, bundle: Path, *keys: dict[str, str], source_id: str = "pump-1") -> Config:
    tree = {
        "state_dir": str(tmp_path / "state"),
        "engine": {"backend": "onnxruntime"},
        "bundles": {"trusted_keys": list(keys)},
        "sources": [{"id": source_id, "kind": "simulated", "bundle": str(bundle)}],
    }
    return parse_config(json.dumps(tree), name="test")


def test_a_bundle_that_a_trusted_key_signed_judges(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    (machine,) = open_machines(config(tmp_path, bundle, plant.trusted()), {})
    assert bundle == machine.ear.bundle.folder


def test_why_an_arriving_bundle_is_refused_is_told_by_its_code_and_of_the_folder_that_was_given(
    tmp_path: Path, bundle: Path, plant: Signer
) -> None:
    trust = trust_of(config(tmp_path, bundle, plant.trusted()).bundles)
    (bundle / "manifest.sig").unlink()
    for check in (trust.check_arrival, lambda copy, _given, **of: trust.check_version(copy, **of)):
        with pytest.raises(UntrustedError) as refused:
            Library(tmp_path / "state", "pump-1").install(
                bundle, By("anna", "page", NOW, "c1"), check=partial(check, source_id="pump-1")
            )
        said = wording_of(refused.value)
        assert ("no-signature", str(bundle / "manifest.json")) == (said.code, said.facts["path"])


@pytest.mark.parametrize("odd", ["nested", "key", "source", "sha256"])
def test_a_signature_that_was_made_to_confuse_is_refused_in_words(
    tmp_path: Path, bundle: Path, plant: Signer, odd: str
) -> None:
    path = bundle / "manifest.sig"
    tree = {**json.loads(path.read_text()), odd: "\ud800"}
    path.write_text("[" * 9000 if odd == "nested" else json.dumps(tree))
    with pytest.raises(UntrustedError, match="is no signature") as refused:
        open_machines(config(tmp_path, bundle, plant.trusted()), {})
    assert str(refused.value).encode()


def test_nothing_is_asked_for_without_keys(tmp_path: Path, bundle: Path) -> None:
    (bundle / "manifest.sig").write_text("no signature")
    assert 1 == len(open_machines(config(tmp_path, bundle), {}))


def test_every_file_of_a_signed_bundle_counts(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    wanted = config(tmp_path, bundle, plant.trusted())
    names = sorted(path.name for path in bundle.iterdir())
    assert {"manifest.json", "manifest.sig", "model.onnx"} <= set(names)
    for name in names:
        path = bundle / name
        content = path.read_bytes()
        for changed in (bytes([content[0] ^ 1]) + content[1:], content[: len(content) // 2], b""):
            path.write_bytes(changed)
            with pytest.raises(CodedError):
                open_machines(wanted, {})
        path.unlink()
        with pytest.raises(CodedError):
            open_machines(wanted, {})
        path.write_bytes(content)
    open_machines(wanted, {})


def test_a_changed_model_with_its_digest_put_right_is_refused(
    tmp_path: Path, bundle: Path, plant: Signer
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["tolerance"] = {"fp32": 1e9}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    open_bundle(bundle)  # whole, as far as the bundle itself can say

    with pytest.raises(UntrustedError, match="was changed since plant"):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


def test_each_field_of_a_signature_is_signed(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    wanted, place = config(tmp_path, bundle, plant.trusted()), bundle / "manifest.sig"
    signed = json.loads(place.read_text())
    for key in signed:
        value = signed[key] or "pump-1"
        forged = value[:-1] + ("A" if value[-1] != "A" else "B")
        if key == "signature":  # the last letters of base64 may stand for nothing
            forged = ("A" if value[0] != "A" else "B") + value[1:]
        place.write_text(json.dumps({**signed, key: forged}))
        with pytest.raises(UntrustedError):
            open_machines(wanted, {})


def test_an_unsigned_bundle_is_refused_with_the_way_out(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    (bundle / "manifest.sig").unlink()
    with pytest.raises(UntrustedError, match="bundles") as refused:
        open_machines(config(tmp_path, bundle, plant.trusted()), {})
    assert f"wheeltapper bundle sign {bundle} --key FILE" in str(refused.value)
    assert plant.id in str(refused.value)


def test_the_embedded_demo_is_signed_by_nobody(tmp_path: Path, plant: Signer) -> None:
    with pytest.raises(UntrustedError, match="has no signature"):
        open_machines(config(tmp_path, DEMO_BUNDLE, plant.trusted()), {})


def test_a_strangers_bundle_is_refused(tmp_path: Path, bundle: Path, plant: Signer, stranger: Signer) -> None:
    stranger.sign(bundle / "manifest.json")
    with pytest.raises(UntrustedError, match=f"was signed by key {stranger.id}"):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


def test_a_stranger_who_says_to_be_trusted_is_not(
    tmp_path: Path, bundle: Path, plant: Signer, stranger: Signer
) -> None:
    stranger.sign(bundle / "manifest.json")
    place = bundle / "manifest.sig"
    place.write_text(json.dumps({**json.loads(place.read_text()), "key": plant.id}))
    with pytest.raises(UntrustedError, match="forged"):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


def test_a_file_that_nobody_vouches_for_is_refused(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    (bundle / "model.onnx.data").write_bytes(b"weights from elsewhere")
    with pytest.raises(UntrustedError, match="does not name"):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


def test_what_is_signed_for_one_machine_serves_no_other(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    plant.sign(bundle / "manifest.json", source_id="pump-1")
    open_machines(config(tmp_path, bundle, plant.trusted()), {})
    with pytest.raises(UntrustedError, match="for source pump-1, not for pump-2"):
        open_machines(config(tmp_path, bundle, plant.trusted(), source_id="pump-2"), {})


def own_calibration(tmp_path: Path, bundle: Path) -> Path:
    path = tmp_path / "state" / "calibration" / "pump-1.json"
    path.parent.mkdir(parents=True)
    shutil.copy(bundle / "calibration.json", path)
    return path


def test_a_limit_that_nobody_signed_cannot_silence_a_machine(
    tmp_path: Path, bundle: Path, plant: Signer, stranger: Signer
) -> None:
    path, wanted = own_calibration(tmp_path, bundle), config(tmp_path, bundle, plant.trusted())
    with pytest.raises(UntrustedError, match=r"pump-1\.json: has no signature"):
        open_machines(wanted, {})
    stranger.sign(path, "calibration")
    with pytest.raises(UntrustedError, match="was signed by key"):
        open_machines(wanted, {})
    plant.sign(path, "calibration")
    open_machines(wanted, {})
    path.write_text(path.read_text().replace('"hop_s"', ' "hop_s"'))
    with pytest.raises(UntrustedError, match="was changed"):
        open_machines(wanted, {})


def test_a_manifests_signature_is_none_for_a_calibration(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    path = own_calibration(tmp_path, bundle)
    plant.sign(path, "manifest")
    with pytest.raises(UntrustedError, match="signed a manifest, this is a calibration"):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


def test_the_boxs_own_key_sets_limits_and_brings_no_models(
    tmp_path: Path, bundle: Path, plant: Signer, stranger: Signer
) -> None:
    box = stranger
    keys = (plant.trusted(), box.trusted(signs="calibrations"))
    box.sign(own_calibration(tmp_path, bundle), "calibration")
    open_machines(config(tmp_path, bundle, *keys), {})
    box.sign(bundle / "manifest.json")
    with pytest.raises(UntrustedError, match="trusted for calibrations alone"):
        open_machines(config(tmp_path, bundle, *keys), {})


def test_damage_is_found_behind_a_good_signature(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    with (bundle / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleDamagedError):
        open_machines(config(tmp_path, bundle, plant.trusted()), {})


# keys ---------------------------------------------------------------------------------------------


def test_a_private_key_is_its_owners_alone(plant: Signer) -> None:
    assert 0o600 == stat.S_IMODE(plant.private.stat().st_mode)
    with pytest.raises(SigningKeyError, match="never written over"):
        make_keys(plant.private)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_private_key_that_others_can_read_is_not_used(bundle: Path, plant: Signer, mode: int) -> None:
    plant.private.chmod(mode)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        plant.sign(bundle / "manifest.json")


def test_the_public_half_given_to_sign_with_is_called_by_its_name(bundle: Path, plant: Signer) -> None:
    with pytest.raises(SigningKeyError) as refusal:
        sign_file(
            bundle / "manifest.json",
            "manifest",
            key=public_path(plant.private),
            source_id=None,
            now_utc_s=NOW,
        )
    assert f"is the public key, which signs nothing; name the private one, {plant.private}" in str(
        refusal.value
    )


def test_a_bundle_is_signed_for_no_source_that_there_cannot_be(bundle: Path, plant: Signer) -> None:
    refused = ran("bundle", "sign", bundle, "--key", plant.private, "--source", "pump 1/../x")
    assert (2, True) == (refused.code, "--source 'pump 1/../x' must have 1 to 64 letters" in refused.err)


def test_a_public_key_may_be_a_file(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    trusted = {"name": "plant", "file": str(public_path(plant.private))}
    open_machines(config(tmp_path, bundle, trusted), {})


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 50], ids=["empty", "cut", "binary"]
)
def test_a_key_file_that_is_none_is_named(tmp_path: Path, bundle: Path, content: bytes) -> None:
    (tmp_path / "odd.pub").write_bytes(content)
    trusted = {"name": "plant", "file": str(tmp_path / "odd.pub")}
    with pytest.raises(ConfigError, match=r"bundles\.trusted_keys plant: .*odd\.pub"):
        open_machines(config(tmp_path, bundle, trusted), {})


@pytest.mark.parametrize(
    "key",
    [
        {"name": "a"},
        {"name": "a", "public_key": "x"},
        {"name": "a", "public_key": base64.b64encode(bytes(31)).decode()},
        {"name": "a", "public_key": base64.b64encode(bytes(32)).decode(), "file": "b"},
    ],
)
def test_a_key_that_is_none_is_refused_with_the_configuration(tmp_path: Path, key: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="trusted_keys"):
        config(tmp_path, DEMO_BUNDLE, key)


def test_without_the_package_keys_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, plant: Signer
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "monitor.bundles.ed25519")
    for name in [name for name in sys.modules if name.startswith("cryptography.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExtraMissingError, match=r"pip install 'wheeltapper\[signing\]'"):
        trust_of(BundlesConfig.model_validate({"trusted_keys": [plant.trusted()]}))
    assert not trust_of(BundlesConfig()).asks


def test_openssl_verifies_what_we_sign(tmp_path: Path, bundle: Path, plant: Signer) -> None:
    openssl: Callable[..., object] | str | None = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    signed = json.loads((bundle / "manifest.sig").read_text())
    said = {key: signed[key] for key in ("of", "sha256", "source", "key", "time")}
    message, proof = tmp_path / "message", tmp_path / "proof"
    message.write_bytes(
        b"wheeltapper-signature/1\n" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    )
    proof.write_bytes(base64.b64decode(signed["signature"]))
    done = subprocess.run(
        f"openssl pkeyutl -verify -rawin -in {message} -sigfile {proof} -pubin".split()
        + f"-inkey {public_path(plant.private)}".split(),
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert (0, "Signature Verified Successfully\n") == (done.returncode, done.stdout)
