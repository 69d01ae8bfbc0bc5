"""What a command was told: by its options, and by the file that --config names."""

from collections.abc import Mapping
from typing import Any

__all__ = ["given_settings"]


def given_settings(path: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the file at a path and the options say; the options go before the file.

    Raises:  UsageError: the file cannot be read, or says what cannot be meant.
    """
    # By identity: 0 is said, and equals False.
    said = {k: v for k, v in options.items() if v is not None and v is not False}
    if path is not None:
        from chainrule.cli.config_file import read_settings

        read = read_settings(path)
        if said.get("data", read.get("data")) != read.get("data"):
            read.pop("folder", None)  # where other data lie
        said = {**read, **said}
    if "data" not in said and "folder" not in said:
        said["data"] = "digits"
    return said
