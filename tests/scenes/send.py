"""Sends the open scene to BlendNet by the add-on's operator, and prints a JSON line of what came of it.

    send.py -- [changed] [animation] [kill] [measure] [large] [undo]
"""

import hashlib
import json
import os
import sys
import tempfile
import time

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from undo_steps import undo_steps  # noqa: E402: found beside this file

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
    steps = undo_steps() if "undo" in options else None
    return {"path": path, "content": content, "images": images, "undo": steps, "dirty": bpy.data.is_dirty}


def objects():
    return sorted(thing.name for thing in bpy.data.objects)


if "changed" in options:
    bpy.context.scene.frame_set(5)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Added after saving", None))
if "large" in options:
    # More than 2 GB, which no number of 31 bits counts.
    for number in range(20):
        mesh = bpy.data.meshes.new(f"Large {number}")
        mesh.vertices.add(2_300_000_000 // 20 // (16 if bpy.app.version < (3, 5) else 12))
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(mesh.name, mesh))
if "undo" in options:
    # A history of two steps, of which one was undone: the artist stands in the middle of it.
    bpy.ops.ed.undo_push(message="Before")
    for name in ("First", "Second"):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, None))
        bpy.ops.ed.undo_push(message=name)
    bpy.ops.ed.undo()
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
said = {"before": before, "after": state(), "error": error, "secs": secs}
if "undo" in options:
    said["history"] = [objects()]
    for step in (bpy.ops.ed.redo, bpy.ops.ed.undo, bpy.ops.ed.undo):
        step()
        said["history"].append(objects())
print(json.dumps(said), flush=True)
# The bpy module does not always come to the end of its own end.
os._exit(0)
