"""The Workbench engine, which is split by tiles or not at all."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file

options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
scene.frame_end = 4
common.still_life(scene)
scene.render.engine = "BLENDER_WORKBENCH"
common.save(options)
