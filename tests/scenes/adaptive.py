"""Cycles as Blender sets it up by default: adaptive sampling on."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file

options = common.parser(__doc__)
options.set_defaults(samples=128)
options.add_argument("--threshold", type=float, default=0.01)
options = common.parse(options)
scene = common.new_scene(options)
common.still_life(scene)
scene.cycles.use_adaptive_sampling = True
scene.cycles.adaptive_threshold = options.threshold
scene.view_layers[0].use_pass_z = True
common.save(options)
