"""What Blender's undo history holds, as Blender itself prints it."""

import ctypes
import os
import tempfile

import bpy


def undo_steps():
    """A line for each step; the active one is marked. Blender prints to the stdout of C, which is caught here."""
    libc = ctypes.CDLL(None)
    with tempfile.TemporaryFile() as caught:
        libc.fflush(None)
        stdout = os.dup(1)
        os.dup2(caught.fileno(), 1)
        try:
            bpy.context.window_manager.print_undo_steps()
            libc.fflush(None)
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
        caught.seek(0)
        return caught.read().decode("utf-8", "replace").splitlines()
