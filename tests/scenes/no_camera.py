"""A scene that can't be rendered, since it has no camera."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
common.still_life(scene)
bpy.data.objects.remove(scene.camera)
common.save(options)
