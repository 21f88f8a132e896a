"""The only pass is Combined, at which BlendNet 0.3 failed."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file

options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
common.still_life(scene)
layer = scene.view_layers[0]
layer.use_pass_z = False
layer.use_pass_combined = True
common.save(options)
