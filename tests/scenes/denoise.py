"""Denoising on, as the default denoiser of this build does it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bpy  # noqa: E402, F401: brings _cycles along
import _cycles  # noqa: E402
import common  # noqa: E402: found beside this file

options = common.parser(__doc__)
options.set_defaults(samples=32)
options = common.parse(options)
scene = common.new_scene(options)
common.still_life(scene)
if not _cycles.with_openimagedenoise:
    sys.exit("this Blender was built without a denoiser")
scene.cycles.denoiser = "OPENIMAGEDENOISE"
scene.cycles.use_denoising = True
scene.view_layers[0].cycles.use_denoising = True
common.save(options)
