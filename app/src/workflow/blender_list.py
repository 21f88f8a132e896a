"""Prints, after a mark, what Blender itself lists for a .blend: as `blender ... --python` and with the `bpy` module."""

import json
import os
import sys

import bpy

MARK = "blendnet-files:"

if not bpy.app.binary_path:
    bpy.ops.wm.open_mainfile(filepath=sys.argv[-1], load_ui=False, use_scripts=False)
paths = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
# Brushes of 4.3 and later come from libraries that belong to Blender.
own = os.path.normpath(bpy.utils.resource_path("LOCAL")) + os.sep
paths = sorted({os.path.normpath(path) for path in paths if path})
paths = [path for path in paths if not path.startswith(own)]
version = ".".join(map(str, bpy.app.version))
print(MARK + json.dumps({"version": version, "paths": [os.fsencode(p).decode("utf-8", "replace") for p in paths]}))
sys.stdout.flush()
os._exit(0)
