"""A floor that is made of the node of the add-on `snow`."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "add_ons")]

import common  # noqa: E402: found beside this file
import snow  # noqa: E402

options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
snow.register()
_, _, ground, _ = common.still_life(scene)
nodes, links = common.shader_tree(ground.material_slots[0].material)
links.new(nodes.new("SnowNode").outputs[0], nodes["Material Output"].inputs[0])
common.save(options)
