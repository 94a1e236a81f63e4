"""The configuration: read at the start and at a reload, checked whole, then frozen.

Every key has a default, a unit in its name and a description; docs/config.md and config.yaml are made
from them. Unknown keys are errors, and every message names the key, the value and the remedy.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from monitor.config.bundles import BundlesConfig, TrustedKeyConfig
from monitor.config.drift import DriftConfig
from monitor.config.engine import EngineConfig
from monitor.config.explanation import ExplanationConfig
from monitor.config.learn import LearnConfig
from monitor.config.metrics import MetricsConfig
from monitor.config.mqtt import MqttConfig
from monitor.config.off import OffConfig, check_off
from monitor.config.problems import problems_of
from monitor.config.replay import ReplayConfig
from monitor.config.section import NAME, Section
from monitor.config.sections import (
    AlarmConfig,
    InputQualityConfig,
    LogConfig,
    StoreConfig,
    WindowConfig,
)
from monitor.config.shadow import ShadowConfig
from monitor.config.sources import (
    FaultConfig,
    FileSource,
    MicrophoneSource,
    SimulatedSource,
    SourceBase,
    SourceConfig,
    StreamSource,
)
from monitor.config.sparkplug import SparkplugConfig
from monitor.errors import ConfigError

__all__ = [
    "AlarmConfig",
    "BundlesConfig",
    "Config",
    "DriftConfig",
    "EngineConfig",
    "ExplanationConfig",
    "FaultConfig",
    "FileSource",
    "InputQualityConfig",
    "LearnConfig",
    "LogConfig",
    "MetricsConfig",
    "MicrophoneSource",
    "MqttConfig",
    "OffConfig",
    "ReplayConfig",
    "ShadowConfig",
    "SimulatedSource",
    "SourceBase",
    "SourceConfig",
    "SparkplugConfig",
    "StoreConfig",
    "StreamSource",
    "TrustedKeyConfig",
    "WindowConfig",
    "load_config",
    "parse_config",
]


SPEECHLESS_MAP = (32, 16)
"""Rows and columns: of a window of 2 s a column is 128 ms, in which a syllable is over."""


def default_state_dir() -> Path:
    """Return systemd's state directory when there is one, else ./state."""
    return Path(os.environ.get("STATE_DIRECTORY", "state").split(":")[0])


class Config(Section):
    """The whole of config.yaml."""

    site: str = Field(default="plant", pattern=NAME, description="Name of the plant or line, for topics.")
    box: str = Field(default="box1", pattern=NAME, description="Name of this computer, for topics.")
    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Where alarms, clips and on-site calibrations are kept; default: systemd's state "
        "directory, else ./state.",
    )
    clock: Literal["auto", "trusted"] = Field(
        default="auto",
        description="When the box's clock is taken as set. auto: once the kernel, systemd or the hardware "
        "clock vouch for it. trusted: whenever it says 2020 or later, for a box that never sees a time "
        "server and has no hardware clock.",
    )
    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="What is listened to.")
    window: WindowConfig = Field(default_factory=WindowConfig)
    input_quality: InputQualityConfig = Field(default_factory=InputQualityConfig)
    engine: EngineConfig = Field(default_factory=EngineConfig)
    bundles: BundlesConfig = Field(default_factory=BundlesConfig)
    shadow: ShadowConfig = Field(default_factory=ShadowConfig)
    learn: LearnConfig = Field(default_factory=LearnConfig)
    alarm: AlarmConfig = Field(default_factory=AlarmConfig)
    explanation: ExplanationConfig = Field(default_factory=ExplanationConfig)
    drift: DriftConfig = Field(default_factory=DriftConfig)
    store: StoreConfig = Field(default_factory=StoreConfig)
    mqtt: MqttConfig = Field(default_factory=MqttConfig)
    sparkplug: SparkplugConfig = Field(default_factory=SparkplugConfig)
    metrics: MetricsConfig = Field(default_factory=MetricsConfig)
    replay: ReplayConfig = Field(default_factory=ReplayConfig)
    log: LogConfig = Field(default_factory=LogConfig)

    @model_validator(mode="after")
    def _check_ids(self) -> Config:
        seen: set[str] = set()
        for source in self.sources:
            if source.id.lower() in seen:
                raise ValueError(
                    f"sources: id {source.id!r} stands twice (case does not count); give each its own"
                )
            seen.add(source.id.lower())
        return self

    @model_validator(mode="after")
    def _check_sparkplug(self) -> Config:
        nobody = self.mqtt.host == "embedded" and not self.mqtt.enabled and not self.sparkplug.servers
        if self.sparkplug.enabled and nobody:
            raise ValueError(
                "sparkplug: has no broker: the embedded one runs only with mqtt.enabled; set mqtt.host"
            )
        return self

    @model_validator(mode="after")
    def _check_off(self) -> Config:
        check_off(self)
        return self

    def alarm_for(self, source: SourceBase) -> AlarmConfig:
        """Return the alarm settings of one source."""
        return self.alarm if source.alarm is None else source.alarm

    @model_validator(mode="after")
    def _check_maps_show_no_speech(self) -> Config:
        rows, columns = self.mqtt.map_shape
        published = self.mqtt.enabled or self.sparkplug.enabled
        fine = rows > SPEECHLESS_MAP[0] or columns > SPEECHLESS_MAP[1]
        if self.looks_for_speech and fine and published and self.mqtt.map_windows != "none":
            raise ValueError(
                f"mqtt.map_shape {[rows, columns]}: error maps are published before anybody knows whether "
                "somebody spoke, and so fine a map could show it, against store.speech; set it to "
                f"{list(SPEECHLESS_MAP)} or less, or mqtt.map_windows: none"
            )
        return self

    @property
    def looks_for_speech(self) -> bool:
        """Whether sound of any source is checked for speech before it is stored."""
        return any(self.store.for_source(one.audio, one.speech).speech != "keep" for one in self.sources)

    @property
    def topic_prefix(self) -> str:
        """The start of every topic, filled in."""
        return self.mqtt.prefix.replace("{site}", self.site).replace("{box}", self.box)


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Relative paths in it are taken from the folder that the daemon is started in.

    Raises:
        ConfigError: The file is missing, is not YAML, or does not fit; the text lists every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give another with --config FILE") from error
    return parse_config(text, name=str(path))


def parse_config(text: str, *, name: str) -> Config:
    """Check the text of a configuration; `name` says in errors where it came from.

    Raises:
        ConfigError: The text is not YAML or does not fit; the message lists every problem.
    """
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: is not YAML: {_fault(error)}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{name}: must hold keys and values, as config.yaml does")
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{name}:\n" + "\n".join(problems_of(error, tree, Config))) from error


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML would take the last one, and forget the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag == "tag:yaml.org,2002:bool":
                key.tag = "tag:yaml.org,2002:str"  # a key `off` is a word; YAML 1.1 takes it for false
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice; make one of them", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _fault(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the lines around it: they may hold a password."""
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return str(error)
    remedy = "; indent with spaces, YAML takes no tabs" if "\\t" in str(error.problem) else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{remedy}"
