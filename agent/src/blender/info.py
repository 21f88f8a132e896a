"""What is told of a scene before it is rendered: `SceneInfo` of the wire types."""

import bpy

from files import reachable
from scene import (
    blender_version,
    compositor_tree,
    cycles_build,
    has_denoiser,
    has_sample_subset,
    nodes_of,
)


def scene_info(opened):
    scene = opened.scene
    render = scene.render
    cycles = scene.cycles if opened.is_cycles() else None
    camera = opened.camera()
    return {
        "blender_version": blender_version(),
        "file_version": ".".join(str(part) for part in bpy.data.version[:2]),
        "scene": scene.name,
        "scenes": [other.name for other in bpy.data.scenes],
        "camera": camera.name if camera else None,
        "marker_cameras": any(marker.camera for marker in scene.timeline_markers),
        "view_layers": [{"name": layer.name, "used": layer.use} for layer in scene.view_layers],
        "engine": render.engine,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "frame_current": scene.frame_current,
        "film": opened.film,
        "samples": opened.samples,
        "adaptive": _adaptive(cycles),
        "sampling_pattern": cycles.sampling_pattern if cycles else "",
        "subset_exact": has_sample_subset(),
        "denoise": bool(opened.denoised_layers),
        "can_denoise": has_denoiser(),
        "path_guiding": _guided(cycles),
        "time_limit_secs": cycles.time_limit if cycles else 0.0,
        "compositor": compositor_tree(scene) is not None,
        "unmergeable_pass": _unmergeable_pass(opened),
        "whole_frames_because": whole_frames_because(opened),
        "output": {
            "file_format": render.image_settings.file_format,
            "extension": render.file_extension,
            "is_movie": render.is_movie_format,
        },
        "files": opened.files.needed(scene),
        "warnings": warnings(opened),
    }


def _adaptive(cycles):
    if cycles is None or not cycles.use_adaptive_sampling:
        return None
    return {"threshold": cycles.adaptive_threshold, "min_samples": cycles.adaptive_min_samples}


def _guided(cycles):
    return bool(
        cycles and cycles.use_guiding and getattr(cycles_build(), "with_path_guiding", False)
    )


def whole_frames_because(opened):
    """The first reason why a frame can't be put together from parts, or `None`."""
    for reason in (_of_engine, _of_pipeline, _of_compositor, _of_cycles):
        sentence = reason(opened)
        if sentence:
            return sentence
    return None


def _of_engine(opened):
    scene = opened.scene
    engine = scene.render.engine
    if engine == "CYCLES":
        return None
    if engine == "BLENDER_WORKBENCH":
        effect = _workbench_effect(scene.display.shading)
    elif engine == "BLENDER_EEVEE" and bpy.app.version < (4, 2, 0):
        effect = _eevee_effect(scene, opened.camera())
    else:
        return f"the engine {engine} renders parts of a frame differently from the whole"
    return f"{effect} looks at the whole frame" if effect else None


def _workbench_effect(shading):
    if shading.show_cavity:
        return "Workbench's cavity"
    if shading.show_object_outline:
        return "Workbench's outline"
    return "Workbench's depth of field" if shading.use_dof else None


def _eevee_effect(scene, camera):
    for name, effect in (
        ("use_bloom", "bloom"),
        ("use_ssr", "screen space reflection"),
        ("use_gtao", "ambient occlusion"),
        ("use_motion_blur", "motion blur"),
    ):
        if getattr(scene.eevee, name, False):
            return f"Eevee's {effect}"
    if camera and camera.type == "CAMERA" and camera.data.dof.use_dof:
        return "Eevee's depth of field"
    return "Eevee's volumes" if _has_volumes(scene) else None


def _of_pipeline(opened):
    scene = opened.scene
    if opened.uses_sequencer():
        return "the sequencer's strips make the image"
    if scene.render.use_multiview:
        return "stereo and multi-view frames are rendered in one go"
    if scene.render.use_freestyle and any(layer.use_freestyle for layer in opened.used_layers()):
        return "Freestyle draws its lines over the whole frame"
    if any(thing.type in ("GPENCIL", "GREASEPENCIL") for thing in scene.objects):
        return "Grease Pencil is drawn over the whole frame"
    return None


def _of_compositor(opened):
    scene = opened.scene
    tree = compositor_tree(scene)
    if tree is None:
        return None
    if not opened.renders_itself():
        return "the compositor does not use this scene's render"
    for node in nodes_of(tree):
        of_scene = getattr(node, "scene", None) if node.type != "GROUP" else None
        if of_scene not in (None, scene):
            return f"the compositor uses scene `{of_scene.name}` too"
    return None


def _unmergeable_pass(opened):
    """A pass whose ranges of samples don't tell enough to be merged: motion vectors are divided
    by how many samples hit something that moves, which is not written."""
    vector = any(layer.use_pass_vector for layer in opened.used_layers())
    return "Vector" if vector and opened.is_cycles() else None


def _of_cycles(opened):
    if not opened.is_cycles():
        return None
    cycles = opened.scene.cycles
    if _guided(cycles):
        return "path guiding learns from the samples before"
    if cycles.time_limit > 0:
        return "the scene limits the time of a frame"
    if getattr(cycles, "volume_biased", True) is False and _has_volumes(opened.scene):
        return "this Blender aims at volumes by what the pixels around saw before"
    if getattr(cycles, "use_sample_subset", False):
        return "the scene itself renders a subset of its samples"
    if len({opened.layer_samples(layer) for layer in opened.used_layers()}) > 1:
        return "the view layers have different numbers of samples"
    if opened.denoised_layers:
        return _of_denoising(opened)
    return None


def _has_volumes(scene):
    for datablock in reachable(scene):
        if isinstance(datablock, bpy.types.Volume):
            return True
        if isinstance(datablock, (bpy.types.Material, bpy.types.World)) and datablock.node_tree:
            for node in datablock.node_tree.nodes:
                if node.type in ("OUTPUT_MATERIAL", "OUTPUT_WORLD"):
                    if node.inputs["Volume"].is_linked:
                        return True
    return False


def _of_denoising(opened):
    quality = getattr(opened.scene.cycles, "denoising_quality", "HIGH")
    node = bpy.types.CompositorNodeDenoise.bl_rna.properties
    has_quality = "quality" in node or bpy.app.version >= (5, 0, 0)
    if quality != "HIGH" and not has_quality:
        return "this Blender can denoise a merged image only in high quality"
    if any(layer.cycles.use_pass_shadow_catcher for layer in opened.denoised_layers):
        return "the shadow catcher pass is denoised while it is rendered"
    film = opened.film
    if film["rendered"] != film["frame"] and not film["cropped"]:
        return "the image is denoised inside a render border that is not cropped"
    for node in nodes_of(compositor_tree(opened.scene)):
        noisy = node.outputs.get("Noisy Image") if node.type == "R_LAYERS" else None
        if noisy and noisy.is_linked:
            return "the compositor uses the noisy image of a denoised frame"
    return None


def warnings(opened):
    scene = opened.scene
    found = list(opened.warnings)
    if bpy.data.version[:2] > bpy.app.version[:2]:
        version = ".".join(str(part) for part in bpy.data.version[:2])
        found.append(f"the file was saved by the newer Blender {version}")
    for path in opened.files.missing_libraries():
        found.append(f"the library {path} is not there; files that it names are not listed")
    if scene.render.is_movie_format:
        found.append("the output is a movie; a sequence of PNG files is written instead")
    if opened.is_cycles():
        found += _warnings_of_cycles(scene.cycles)
    return found


def _warnings_of_cycles(cycles):
    build = cycles_build()
    if cycles.use_guiding and not getattr(build, "with_path_guiding", False):
        yield "this Blender was built without path guiding; it is off"
    if cycles.shading_system and not getattr(build, "with_osl", False):
        yield "this Blender was built without Open Shading Language; OSL nodes are ignored"
    if cycles.device == "GPU":
        yield "the scene asks for a GPU; it is rendered on the CPU"
