"""Sends the open scene to BlendNet by the add-on's operator, and prints a JSON line of what came of it.

    send.py -- [changed] [animation] [kill] [measure]
"""

import hashlib
import json
import os
import sys
import tempfile
import time

import bpy

options = sys.argv[sys.argv.index("--") + 1:]
scene = os.environ.get("BLENDNET_TEST_SCENE")
if scene:
    bpy.ops.wm.open_mainfile(filepath=scene)
MODULE = os.environ.get("BLENDNET_TEST_ADD_ON", "blendnet_bridge")
bpy.ops.preferences.addon_enable(module=MODULE)


def state():
    path = bpy.data.filepath
    content = hashlib.sha256(open(path, "rb").read()).hexdigest() if path else None
    images = sorted(image.filepath for image in bpy.data.images)
    return {"path": path, "content": content, "images": images}


if "changed" in options:
    bpy.context.scene.frame_set(5)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Added after saving", None))
if "kill" in options:
    # Blender goes away in the middle of saving.
    bpy.app.handlers.save_post.append(lambda *_: os._exit(3))
secs = {}
if "measure" in options:
    # The first save also reads what is not yet in the memory.
    for _ in range(2):
        with tempfile.TemporaryDirectory(dir=os.environ["BLENDNET_DIR"]) as folder:
            began = time.perf_counter()
            bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "copy.blend"), copy=True)
            secs["save"] = time.perf_counter() - began
before, error = state(), None
began = time.perf_counter()
try:
    bpy.ops.blendnet.send(animation="animation" in options)
except RuntimeError as raised:
    error = str(raised)
secs["send"] = time.perf_counter() - began
print(json.dumps({"before": before, "after": state(), "error": error, "secs": secs}), flush=True)
# The bpy module does not always come to the end of its own end.
os._exit(0)
