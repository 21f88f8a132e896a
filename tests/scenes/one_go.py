"""Renders a frame as Blender itself would: what our images are compared with.

With one thread: with two, in building the scene too, renders of one file differ from each other (docs/MEASURED.md).

    blender -b FILE.blend -t 1 --python one_go.py -- OUT.exr [FRAME]
    python one_go.py -- OUT.exr [FRAME] FILE.blend
"""

import os
import sys

# The module takes as many threads as there are processors, and has no option for it.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import bpy  # noqa: E402: after that

given = sys.argv[sys.argv.index("--") + 1:]
out = os.path.abspath(given[0])
if len(given) > 2:
    bpy.ops.wm.open_mainfile(filepath=os.path.abspath(given[2]), load_ui=False)
scene = bpy.context.scene
if len(given) > 1:
    scene.frame_set(int(given[1]))
bpy.ops.render.render()
result = bpy.data.images["Render Result"]
result.save_render(os.path.splitext(out)[0] + scene.render.file_extension, scene=scene)
settings = scene.render.image_settings
if hasattr(settings, "media_type"):
    settings.media_type = "MULTI_LAYER_IMAGE"
settings.file_format = "OPEN_EXR_MULTILAYER"
settings.color_depth = "32"
settings.exr_codec = "ZIP"
if hasattr(scene.render.image_settings, "use_exr_interleave"):
    settings.use_exr_interleave = True
result.save_render(out, scene=scene)
