"""Saves the scene that is open as OUT, with SAMPLES samples. A scene that is made twice is not the same one.

    blender -b FILE.blend --python resampled.py -- OUT.blend SAMPLES
"""

import os
import sys

import bpy

out, samples = sys.argv[sys.argv.index("--") + 1:]
bpy.context.scene.cycles.samples = int(samples)
bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath(out), copy=True)
