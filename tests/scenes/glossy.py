"""Cycles without adaptive sampling, with every pass: what a split by samples must merge exactly."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

PASSES = [
    "use_pass_combined", "use_pass_z", "use_pass_mist", "use_pass_position", "use_pass_normal",
    "use_pass_vector", "use_pass_uv", "use_pass_object_index", "use_pass_material_index",
    "use_pass_diffuse_direct", "use_pass_diffuse_indirect", "use_pass_diffuse_color",
    "use_pass_glossy_direct", "use_pass_glossy_indirect", "use_pass_glossy_color",
    "use_pass_transmission_direct", "use_pass_transmission_indirect", "use_pass_transmission_color",
    "use_pass_emit", "use_pass_environment", "use_pass_shadow", "use_pass_ambient_occlusion",
    "use_pass_cryptomatte_object", "use_pass_cryptomatte_material", "use_pass_cryptomatte_asset",
]
CYCLES_PASSES = [
    "use_pass_volume_direct", "use_pass_volume_indirect", "pass_debug_sample_count",
]


def add_aovs(layer, surface):
    """A colour AOV and a value AOV, both written by one material."""
    nodes, links = common.shader_tree(surface)
    noise = nodes.new("ShaderNodeTexNoise")
    for name, kind, socket in (("Tint", "COLOR", "Color"), ("Level", "VALUE", "Value")):
        aov = layer.aovs.add()
        aov.name, aov.type = name, kind
        output = nodes.new("ShaderNodeOutputAOV")
        # Blender 4.2 renamed the node's own label for the AOV.
        setattr(output, "aov_name" if hasattr(output, "aov_name") else "name", name)
        links.new(noise.outputs["Color" if kind == "COLOR" else 0], output.inputs[socket])


def add_light_group(layer, light):
    layer.lightgroups.add(name="key")
    light.lightgroup = "key"


def main():
    options = common.parser(__doc__)
    options.add_argument("--layers", type=int, choices=(1, 2), default=1)
    options.add_argument("--denoising-data", action="store_true", help="store what a denoiser needs")
    options.add_argument("--even", action="store_true", help="colours that 32 bits sum without an error")
    options.add_argument("--motion-blur", action="store_true")
    options = common.parse(options)
    scene = common.new_scene(options)
    head, ball, ground, light = common.still_life(scene, options.even)
    for index, thing in enumerate((head, ball, ground), 1):
        thing.pass_index = index
        thing.material_slots[0].material.pass_index = 10 * index
    scene.world.mist_settings.start, scene.world.mist_settings.depth = 3, 10

    layer = scene.view_layers[0]
    common.switch_on(layer, *PASSES)
    common.switch_on(layer.cycles, *CYCLES_PASSES)
    layer.cycles.denoising_store_passes = options.denoising_data
    add_aovs(layer, head.material_slots[0].material)
    add_light_group(layer, light)
    scene.render.use_motion_blur = options.motion_blur
    if options.layers == 2:
        add_second_layer(scene, ball)
    common.save(options)


def add_second_layer(scene, ball):
    """Without the ball, and with other passes than the first layer."""
    apart = bpy.data.collections.new("Apart")
    scene.collection.children.link(apart)
    scene.collection.objects.unlink(ball)
    apart.objects.link(ball)
    second = scene.view_layers.new("No ball")
    second.layer_collection.children["Apart"].exclude = True
    common.switch_on(
        second, "use_pass_z", "use_pass_glossy_direct", "use_pass_glossy_color", "use_pass_cryptomatte_object"
    )


main()
