"""Turns on the add-ons that travel with a scene."""

import os
import signal
import sys
from contextlib import contextmanager

import addon_utils

from common import bad_settings

FOLDER = os.path.join(".blendnet", "add-ons")  # as in the protocol crate


def turn_on(root, names, limit_secs):
    """Before the scene is opened, as in a Blender that has them on."""
    folder = os.path.join(root, FOLDER)
    if names and folder not in sys.path:
        sys.path.insert(0, folder)
    for name in names:
        # What hangs in native code is ended from outside: then this line says where.
        print(f"blendnet: turning on the add-on {name}", file=sys.stderr, flush=True)
        troubles = []
        try:
            with _limit(limit_secs):
                module = addon_utils.enable(name, default_set=True, handle_error=troubles.append)
        except (Exception, TooLong) as error:  # noqa: BLE001: whatever an add-on raises
            module = troubles.append(error)
        if module is None:
            raise bad_settings(f"the add-on `{name}` can't be turned on: {_reason(troubles)}")


def _reason(troubles):
    if not troubles:
        return "this Blender does not find it"
    last = troubles[-1]
    return str(last) if isinstance(last, TooLong) else f"{type(last).__name__}: {last}"


class TooLong(BaseException):
    """Not an Exception: an add-on that catches those would catch this, too."""


@contextmanager
def _limit(secs):
    def over(_signal, _frame):
        raise TooLong(f"it is not done after {secs:.0f} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, secs)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
