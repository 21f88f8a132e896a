"""In Blender's own window: enables the add-on, sends the scene as the menu entry does, waits for the picture
to come back, and writes what it saw to a file.

    send_in_window.py -- SAID.json
"""

import json
import os
import sys

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from undo_steps import undo_steps  # noqa: E402: found beside this file

out = sys.argv[sys.argv.index("--") + 1]
bpy.ops.preferences.addon_enable(module="blendnet_bridge")
bpy.context.preferences.addons["blendnet_bridge"].preferences.follow = True
bpy.context.preferences.view.show_splash = False
beats = []


def send():
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "PROPERTIES")
    area.spaces[0].context = "RENDER"
    with bpy.context.temp_override(window=window, area=area):
        bpy.context.scene.frame_set(1)
        bpy.ops.object.select_all(action="DESELECT")
        bpy.ops.ed.undo_push(message="An edit before sending")
        dirty, steps = bpy.data.is_dirty, undo_steps()
        bpy.ops.blendnet.send("INVOKE_DEFAULT")

    def look():
        beats.append(1)
        image = bpy.data.images.get("BlendNet result")
        if image is None or "preview" in image.filepath:
            return 0.1
        said = {"size": list(image.size), "dirty": [dirty, bpy.data.is_dirty], "beats": len(beats),
                "path": bpy.data.filepath, "undo": [steps, undo_steps()]}
        with open(out, "w", encoding="utf-8") as file:
            json.dump(said, file)
        return None
    bpy.app.timers.register(look, first_interval=0.1)


bpy.app.timers.register(send, first_interval=1.0)
