"""Every exception the library raises on purpose.

::

    RapidEmbedError                 base of all below; catch it to catch everything of ours
     ├─ ModelNotFoundError          no curated name, folder, package or hub repository of that name (also ValueError)
     ├─ ModelNotCachedError         the model is not on this machine and may not, or cannot, be downloaded
     ├─ DownloadError               the hub was reached and refused, or the transfer failed
     ├─ IntegrityError              a file of the model is damaged or contradicts another
     ├─ UnsupportedModelError       the model is there but says something this version does not know (also ValueError)
     ├─ DeviceError                 the device asked for cannot be used (also ValueError)
     ├─ NonFiniteError              the model produced NaN or infinity
     ├─ NoImprovementError          what was trained is not better than what was there
     ├─ PictureError                a picture cannot be read: damaged, no picture, too large (also ValueError)
     ├─ MissingExtraError           a package is not installed that this needs (also ImportError)
     └─ ClosedError                 the model was used after ``close()``

A wrong *item* (``None`` among the texts) is a ``TypeError`` that names its index; a wrong *value* of an
argument is a ``ValueError``; too little memory is a ``MemoryError``, after which the model can still be used.
What the library changed in an input, it says with an :class:`InputWarning`.
"""


class RapidEmbedError(Exception):
    """Base of every error of this library."""


class ModelNotFoundError(RapidEmbedError, ValueError):
    """No model of that name is known, and nothing of that name was found."""


class ModelNotCachedError(RapidEmbedError):
    """The model is not complete on this machine and could not be, or was not allowed to be, downloaded."""


class DownloadError(RapidEmbedError):
    """The hub refused the request, or the transfer broke off."""


class IntegrityError(RapidEmbedError):
    """A file of the model is damaged, incomplete, or contradicts its configuration."""


class UnsupportedModelError(RapidEmbedError, ValueError):
    """The model declares an architecture, module or value that this version cannot compute."""


class DeviceError(RapidEmbedError, ValueError):
    """The requested device is missing, failed to start, or contradicts another option."""


class NonFiniteError(RapidEmbedError):
    """The model produced NaN or infinity for at least one text."""


class PictureError(RapidEmbedError, ValueError):
    """A picture cannot be read.

    Attributes:
        index: which of the call's pictures; None: it was the only one.
        path: its file; None: it came from memory.
    """

    def __init__(self, message: str, index: int | None = None, path: str | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.path = path

    def __reduce__(self) -> tuple[type["PictureError"], tuple[str, int | None, str | None]]:
        return type(self), (str(self), self.index, self.path)


class MissingExtraError(RapidEmbedError, ImportError):
    """A package that comes with one of the extras is not installed."""


class ClosedError(RapidEmbedError):
    """The model was used after it was closed."""


class NoImprovementError(RapidEmbedError):
    """What was trained was not better, on data that it had not seen, than what was there before."""


class InputWarning(UserWarning):
    """A text was changed before it was embedded. Turn it into an error with :mod:`warnings` to be strict."""


class TruncationWarning(InputWarning):
    """Texts were longer than the model's token limit and were cut.

    Attributes:
        indices: which texts of the call; the first 1,024 of them.
    """

    def __init__(self, message: str, indices: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.indices = indices


class EncodingWarning(InputWarning):
    """Texts held lone surrogates, which are not Unicode text, and were repaired with U+FFFD."""


for _kind in [value for value in vars().values() if isinstance(value, type)]:
    _kind.__module__ = "rapidembed"
del _kind
