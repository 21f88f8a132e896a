"""Makes OUT.blend with three scenes whose settings differ in all that is inspected, and OUT.json with what
Blender's own API says of them, under the names that `blendnet inspect --json` has.

    blender -b --factory-startup -P settings.py -- OUT
    python settings.py -- OUT          (where `bpy` is a module)
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bpy  # noqa: E402: beside this file stands the rest
from common import grid, strips_of  # noqa: E402

OUT = sys.argv[-1]
NEW = bpy.app.version >= (5, 0, 0)

# What Blender shows for a pass, by its property.
PASSES = {
    "combined": "Combined",
    "z": "Depth",
    "mist": "Mist",
    "position": "Position",
    "normal": "Normal",
    "vector": "Vector",
    "uv": "UV",
    "object_index": "Object Index",
    "material_index": "Material Index",
    "shadow": "Shadow",
    "ambient_occlusion": "Ambient Occlusion",
    "emit": "Emission",
    "environment": "Environment",
    "cryptomatte_object": "Cryptomatte Object",
    "cryptomatte_material": "Cryptomatte Material",
    "cryptomatte_asset": "Cryptomatte Asset",
    "grease_pencil": "Grease Pencil",
}
for of in ("diffuse", "glossy", "transmission", "subsurface"):
    for part in ("direct", "indirect", "color"):
        PASSES[f"{of}_{part}"] = f"{of} {part}".title()
CYCLES_PASSES = {
    "pass_debug_sample_count": "Sample Count",
    "pass_render_time": "Render Time",
    "use_pass_volume_direct": "Volume Direct",
    "use_pass_volume_indirect": "Volume Indirect",
    "use_pass_volume_scatter": "Volume Scatter",
    "use_pass_volume_transmit": "Volume Transmit",
    "use_pass_volume_majorant": "Volume Majorant",
    "use_pass_shadow_catcher": "Shadow Catcher",
    "denoising_store_passes": "Denoising Data",
}


# Bloom is not among them: 4.2 has only its name.
EEVEE_PASSES = {"use_pass_volume_direct": "Volume Light", "use_pass_transparent": "Transparent"}


def give_camera(scene, name):
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    scene.collection.objects.link(camera)
    scene.camera = scene.camera or camera
    return camera


def write_as(scene, kind, file_format):
    """Sets the format; since 5.0 its kind comes first."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = kind
    settings.file_format = file_format
    return settings


def plain():
    """As Blender makes it, but for the engine."""
    scene = bpy.context.scene
    scene.name = "Plain"
    scene.render.engine = "CYCLES"


def rich():
    scene = bpy.data.scenes.new("Rich Ü")
    scene.frame_start, scene.frame_end, scene.frame_step = 5, 100, 3
    scene.frame_set(42)
    render = scene.render
    render.engine = "CYCLES"
    render.fps, render.fps_base = 30, 1.001
    render.resolution_x, render.resolution_y, render.resolution_percentage = 1001, 333, 50
    render.use_border, render.use_crop_to_border = True, True
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.25, 0.75, 0.125, 0.5
    for switch in ("use_motion_blur", "use_persistent_data", "use_simplify", "film_transparent", "use_freestyle"):
        setattr(render, switch, True)
    render.filepath = "//out/rich_####"
    settings = write_as(scene, "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER")
    settings.color_depth, settings.exr_codec = "32", "PIZ"
    scene.view_settings.view_transform, scene.view_settings.exposure, scene.view_settings.gamma = "Raw", 0.5, 2.0
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling, cycles.adaptive_threshold = 77, False, 0.125
    cycles.adaptive_min_samples, cycles.time_limit, cycles.seed = 9, 60.5, 123
    cycles.use_denoising, cycles.use_animated_seed, cycles.use_guiding, cycles.device = False, True, True, "GPU"
    give_camera(scene, "Close")
    far = give_camera(scene, "Far")
    for frame, camera in ((50, scene.camera), (20, far)):
        scene.timeline_markers.new(f"M{frame}", frame=frame).camera = camera
    layers(scene)
    composited(scene)


def layers(scene):
    layer = scene.view_layers[0]
    layer.name = "Beauty"
    for name in PASSES:
        if hasattr(layer, f"use_pass_{name}"):
            setattr(layer, f"use_pass_{name}", True)
    for name in CYCLES_PASSES:
        if hasattr(layer.cycles, name):
            setattr(layer.cycles, name, True)
    layer.samples = 12
    layer.aovs.add().name = "mask"
    value = layer.aovs.add()
    value.name, value.type = "height", "VALUE"
    layer.lightgroups.add(name="sun")
    off = scene.view_layers.new("Off")
    off.use = off.use_pass_combined = False


def composited(scene):
    if NEW:
        scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        scene.compositing_node_group.nodes.new("CompositorNodeRLayers")
    else:
        scene.use_nodes = True


def movie():
    """A movie of strips with Eevee, and what is not baked."""
    scene = bpy.data.scenes.new("Movie")
    render = scene.render
    engines = render.bl_rna.properties["engine"].enum_items.keys()
    render.engine = next((name for name in engines if "EEVEE" in name), render.engine)
    render.use_border = render.use_sequencer = True
    render.use_multiview = True
    write_as(scene, "VIDEO", "FFMPEG")
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    for name in EEVEE_PASSES:
        if hasattr(scene.view_layers[0].eevee, name):
            setattr(scene.view_layers[0].eevee, name, True)
    strips = strips_of(scene.sequence_editor_create())
    length = {"length": 3} if NEW else {"frame_end": 4}
    strips.new_effect(name="Grey", type="COLOR", channel=1, frame_start=1, **length)


def simulations(scene):
    """Cloth, particles that are not rendered, and hair that moves and that does not."""
    bpy.context.window.scene = scene
    grid("Flag").modifiers.new("Cloth", "CLOTH")
    grid("Hidden").modifiers.new("Particles", "PARTICLE_SYSTEM").show_render = False
    for name in ("Moves", "Stays"):
        hairy = grid(name)
        hairy.modifiers.new("Hair", "PARTICLE_SYSTEM")
        hairy.particle_systems[0].settings.type = "HAIR"
        hairy.particle_systems[0].use_hair_dynamics = name == "Moves"
    smooth = grid("Smooth", 4).modifiers.new("Subdivision", "SUBSURF")
    smooth.levels, smooth.render_levels = 1, 2


def told_of_layer(layer, engine):
    told = {name for prop, name in PASSES.items() if getattr(layer, f"use_pass_{prop}", False)}
    own, of_engine = (layer.cycles, CYCLES_PASSES) if engine == "CYCLES" else (layer.eevee, EEVEE_PASSES)
    told |= {name for prop, name in of_engine.items() if getattr(own, prop, False)}
    told |= {f"AOV {aov.name}" for aov in layer.aovs} | {f"Light Group {group.name}" for group in layer.lightgroups}
    return {"name": layer.name, "used": layer.use, "samples": layer.samples or None, "passes": sorted(told)}


def told_of_cycles(cycles):
    return {
        "samples": cycles.samples,
        "adaptive": cycles.use_adaptive_sampling,
        "adaptive_threshold": cycles.adaptive_threshold,
        "adaptive_min_samples": cycles.adaptive_min_samples,
        "time_limit_secs": cycles.time_limit,
        "denoise": cycles.use_denoising,
        # A Blender that was built without any denoiser does not name it.
        "denoiser": cycles.denoiser or "OPENIMAGEDENOISE",
        "gpu": cycles.device == "GPU",
        "seed": cycles.seed,
        "animated_seed": cycles.use_animated_seed,
        "path_guiding": cycles.use_guiding,
    }


def told_of_output(render):
    settings = render.image_settings
    movie = settings.file_format == "FFMPEG"
    return {
        "path": render.filepath,
        "format": settings.file_format,
        "is_movie": movie,
        "depth_bits": int(settings.color_depth),
        "channels": settings.color_mode,
        "codec": render.ffmpeg.codec if movie else settings.exr_codec if "EXR" in settings.file_format else None,
        "container": render.ffmpeg.format if movie else None,
    }


def told(scene):
    render, view, editor = scene.render, scene.view_settings, scene.sequence_editor
    switches = sorted((mark.frame, mark.camera.name, mark.name) for mark in scene.timeline_markers if mark.camera)
    border = {name: getattr(render, f"border_{name}") for name in ("min_x", "min_y", "max_x", "max_y")}
    composited = scene.compositing_node_group is not None if NEW else scene.use_nodes
    return {
        "name": scene.name,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "frame_current": scene.frame_current,
        "fps": render.fps / render.fps_base,
        "full_width_px": render.resolution_x,
        "full_height_px": render.resolution_y,
        "width_px": render.resolution_x * render.resolution_percentage // 100,
        "height_px": render.resolution_y * render.resolution_percentage // 100,
        "percentage": render.resolution_percentage,
        "border": border | {"crop": render.use_crop_to_border} if render.use_border else None,
        "engine": render.engine,
        "cycles": told_of_cycles(scene.cycles) if render.engine == "CYCLES" else None,
        "view_layers": [told_of_layer(layer, render.engine) for layer in scene.view_layers],
        "camera": scene.camera and scene.camera.name,
        "camera_switches": [{"frame": frame, "camera": camera, "marker": name} for frame, camera, name in switches],
        "compositor": render.use_compositing and composited,
        "sequencer": render.use_sequencer and bool(editor and strips_of(editor)),
        "film_transparent": render.film_transparent,
        "motion_blur": render.use_motion_blur,
        "persistent_data": render.use_persistent_data,
        "simplify": render.use_simplify,
        "freestyle": render.use_freestyle,
        "multiview": render.use_multiview,
        "output": told_of_output(render),
        "color_management": {
            "display": scene.display_settings.display_device,
            "view": view.view_transform,
            "look": "" if view.look == "None" else view.look,
            "exposure": view.exposure,
            "gamma": view.gamma,
        },
    }


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for unused in (bpy.data.brushes, bpy.data.palettes, bpy.data.linestyles):
        bpy.data.batch_remove(list(unused))
    plain()
    rich()
    movie()
    simulations(bpy.data.scenes["Movie"])
    if bpy.app.version[:2] == (4, 5):
        bpy.context.window.scene = bpy.data.scenes["Rich Ü"]
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=OUT + ".blend", compress=True)
    bpy.ops.wm.open_mainfile(filepath=OUT + ".blend")
    counts = {"objects": len(bpy.data.objects), "meshes": len(bpy.data.meshes), "images": len(bpy.data.images)}
    counts["vertices"] = sum(len(mesh.vertices) for mesh in bpy.data.meshes)
    counts["faces"] = sum(len(mesh.polygons) for mesh in bpy.data.meshes)
    found = {
        "blender_version": "%d.%d" % bpy.data.version[:2],
        "active_scene": bpy.context.window.scene.name,
        "scenes": [told(scene) for scene in bpy.data.scenes],
        "contents": counts,
    }
    with open(OUT + ".json", "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
