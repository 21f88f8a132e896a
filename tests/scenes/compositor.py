"""A compositor with something to get wrong: a renamed view layer, its alpha and another pass, a file output.

Blurred objects stand over a colour, the depth tints them, and a File Output node writes the plain picture
to `//composed/`.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file


def mix(tree, passes):
    """Alpha-over of the blurred picture on a background: the sockets are found by what all versions call them."""
    blur = tree.nodes.new("CompositorNodeBlur")
    if "Size" in blur.inputs and blur.inputs["Size"].type == "VECTOR":
        blur.inputs["Size"].default_value[:2] = (3, 3)
    else:
        blur.size_x = blur.size_y = 3
    over = tree.nodes.new("CompositorNodeAlphaOver")
    pictures = [socket for socket in over.inputs if socket.type == "RGBA"]
    pictures[0].default_value = (0.05, 0.2, 0.3, 1)
    tree.links.new(passes.outputs["Image"], blur.inputs["Image"])
    tree.links.new(blur.outputs["Image"], pictures[1])

    shade = tree.nodes.new("CompositorNodeSetAlpha")
    tree.links.new(passes.outputs["Mist"], shade.inputs["Image"])
    tree.links.new(passes.outputs["Alpha"], shade.inputs["Alpha"])
    top = tree.nodes.new("CompositorNodeAlphaOver")
    fade = next(socket for socket in top.inputs if socket.type == "VALUE" and socket.name in ("Fac", "Factor"))
    fade.default_value = 0.25
    pictures = [socket for socket in top.inputs if socket.type == "RGBA"]
    tree.links.new(over.outputs["Image"], pictures[0])
    tree.links.new(shade.outputs["Image"], pictures[1])
    return top.outputs["Image"]


def write_file(tree, picture):
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "file_output_items"):
        node.directory, node.file_name = "//composed/", "plain"
        node.format.media_type = "IMAGE"
        node.file_output_items.new("RGBA", "Image")
    else:
        node.base_path = "//composed/"
        node.file_slots[0].path = "plain"
    node.format.file_format = "PNG"
    tree.links.new(picture, node.inputs[0])


options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
_, _, ground, _ = common.still_life(scene)
ground.scale = (0.3, 0.3, 1)
scene.render.film_transparent = True
scene.world.mist_settings.start, scene.world.mist_settings.depth = 3, 6
layer = scene.view_layers[0]
layer.name = "Beauty"
layer.use_pass_mist = True
tree, finished = common.compositor(scene)
passes = tree.nodes.new("CompositorNodeRLayers")
passes.layer = "Beauty"
tree.links.new(mix(tree, passes), finished)
write_file(tree, passes.outputs["Image"])
common.save(options)
