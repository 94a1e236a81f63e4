"""Errors a user may meet on the box, one for each stage, each with a stable code."""

from __future__ import annotations

from engines.errors import CodedError


class ConfigError(CodedError):
    """The configuration is not usable; the text names key, value and remedy."""

    code = "config"


class ExtraMissingError(CodedError):
    """A verb needs packages that the box has no use for and that were not installed."""

    code = "extra-missing"


class SourceError(CodedError):
    """A source cannot be opened, and trying again will not help."""

    code = "source"


class DeviceMissingError(SourceError):
    """The named audio device is not there; the text lists those that are."""

    code = "source-device-missing"


class AudioFileError(SourceError):
    """A sound file is missing, empty or not decodable."""

    code = "source-file"


class FrontendError(CodedError):
    """Sound or parameters that the front end cannot turn into log-mel."""

    code = "frontend"


class CalibrationError(CodedError):
    """No honest alarm limit can be fitted to these scores."""

    code = "calibration"


class TooFewScoresError(CalibrationError):
    """There are too few normal windows to fit a tail."""

    code = "calibration-too-few"


class DegenerateScoresError(CalibrationError):
    """The scores do not vary, so that they say nothing about the machine."""

    code = "calibration-degenerate"


class ContaminatedScoresError(CalibrationError):
    """The sound that should be normal holds stretches that are not."""

    code = "calibration-contaminated"


class CalibrationMismatchError(CalibrationError):
    """The calibration was made with another bundle than the one in use."""

    code = "calibration-mismatch"


class LibraryError(CodedError):
    """The versions of a machine's bundles cannot be read or changed as asked; the text says why."""

    code = "bundle-library"


class UntrustedError(CodedError):
    """A bundle or a calibration has no signature by a key that the configuration trusts."""

    code = "bundle-untrusted"


class SigningKeyError(CodedError):
    """A key cannot be read, written or used as asked."""

    code = "signing-key"


class ComparisonError(CodedError):
    """A candidate could not be compared with its live bundle; the text says why."""

    code = "comparison"


class CommandError(CodedError):
    """An operator's command is refused; the text says why."""

    code = "command"


class SpeechCheckError(CodedError):
    """Nobody can say whether a sound holds speech: the check for it is missing or failed."""

    code = "speech-check"


class StoreError(CodedError):
    """The store cannot be opened or written."""

    code = "store"


class StoreRefusedError(StoreError):
    """What was to be stored can never be: trying again will not help."""

    code = "store-refused"


class StoreFullError(StoreError):
    """There is no space left for the store."""

    code = "store-full"


class PublishError(CodedError):
    """MQTT settings that can never work: a bad certificate, an unreadable password file."""

    code = "publish"


class SparkplugError(PublishError):
    """The Sparkplug edge node was asked for what it cannot do: a name, a tag or a step out of order."""

    code = "sparkplug"


class PayloadError(SparkplugError):
    """Bytes that are no Sparkplug payload, or a value that does not fit into its type."""

    code = "sparkplug-payload"


class ControlError(CodedError):
    """The daemon cannot be asked through its control socket, or does not answer there."""

    code = "control"


class StillWaitingError(ControlError):
    """The daemon has taken a command and has not answered it yet: the same id asks again."""

    code = "still-waiting"


class ReplayError(CodedError):
    """The technicians' page cannot be served as configured; the text says what to do."""

    code = "replay"


class LoginRefusedError(ReplayError):
    """Somebody is not let in; the text says why, as far as they may know."""

    code = "replay-login"

    def __init__(self, message: str, *, wait_s: int = 0) -> None:
        """`message` may hold {wait_s}: after so long it may be tried again; 0: at once."""
        super().__init__(message)
        self.wait_s = wait_s


class UnknownIdError(CodedError):
    """The store has no event, clip or window of this id."""

    code = "unknown-id"


class FileGoneError(CodedError):
    """The sound or the maps of this id were there once; the text says why they are no longer."""

    code = "file-gone"


class QueryError(CodedError):
    """What was asked of the technicians' page makes no sense; the text says what would."""

    code = "query"


class SupportError(CodedError):
    """The support bundle cannot be written."""

    code = "support"


class RecordError(CodedError):
    """Sound cannot be recorded as asked; the text says why."""

    code = "record"


class RecordFullError(RecordError):
    """There is no space left for a recording; what was written before is kept."""

    code = "record-full"


class CatalogueError(CodedError):
    """There is no catalogue of sentences in this language, or it is not a .po file."""

    code = "catalogue"


class OffSignalError(CodedError):
    """What came as the plant's signal says neither that a machine runs nor that it is off."""

    code = "off-signal"
