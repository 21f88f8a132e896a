"""Compositors that Blender itself stumbles over.

no_output: nothing reaches the output. other_scene: shows another scene, which must be rendered too.
gone_layer: its Render Layers node names a view layer that is gone.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

options = common.parser(__doc__)
options.add_argument("--kind", choices=("no_output", "other_scene", "gone_layer"), default="no_output")
options = common.parse(options)
scene = common.new_scene(options)
common.still_life(scene)
tree, finished = common.compositor(scene)
passes = tree.nodes.new("CompositorNodeRLayers")
if options.kind == "no_output":
    tree.nodes.remove(finished.node)
    blur = tree.nodes.new("CompositorNodeBlur")
    tree.links.new(passes.outputs["Image"], blur.inputs["Image"])
else:
    tree.links.new(passes.outputs["Image"], finished)
if options.kind == "other_scene":
    other = bpy.data.scenes.new("Other")
    other.render.engine = "CYCLES"
    other.world = scene.world
    common.set_cycles(other, options.samples)
    common.camera(other)
    common.area_light(other)
    other.collection.objects.link(bpy.data.objects["Ball"])
    passes.scene = other
elif options.kind == "gone_layer":
    scene.view_layers.new("Gone")
    passes.layer = "Gone"
    scene.view_layers.remove(scene.view_layers["Gone"])
common.save(options)
