"""Renders parts of frames for merging, and whole frames as the scene itself says."""

import os
import time

import bpy

from common import Settings, bad_settings, check_written, use_multilayer_exr
from output import add_frame_files, frame_file, redirected


def render_now(**options):
    started = time.monotonic()
    result = bpy.ops.render.render(**options)
    if "FINISHED" not in result:
        raise RuntimeError("Blender cancelled the render")
    return time.monotonic() - started


def save_all_passes(scene, path):
    """The last render as it is, in a lossless file."""
    with Settings() as settings:
        views = {"views_format": "MULTIVIEW"} if scene.render.use_multiview else {}
        use_multilayer_exr(settings, scene.render.image_settings, **views)
        bpy.data.images["Render Result"].save_render(path, scene=scene)
    check_written(path)


def set_tile(settings, render, tile, film):
    """Makes Blender render exactly these pixels.

    Blender multiplies the border with the size in 32 bits and cuts off, so the border is set to
    the inside of the pixels, where no rounding can reach their edges.
    """
    _, _, width, height = film["frame"]
    x, y, tile_width, tile_height = tile
    if tile == film["frame"]:
        settings.set(render, "use_border", False)
        return
    settings.set(render, "use_border", True)
    settings.set(render, "use_crop_to_border", True)
    settings.set(render, "border_min_x", (x + 0.25) / width)
    settings.set(render, "border_max_x", min(1.0, (x + tile_width + 0.75) / width))
    settings.set(render, "border_min_y", (y + 0.25) / height)
    settings.set(render, "border_max_y", min(1.0, (y + tile_height + 0.75) / height))


def check_part(tile, samples, total, film, is_cycles):
    x, y, width, height = tile
    frame = film["frame"]
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > frame[2] or y + height > frame[3]:
        raise bad_settings(f"tile {tile} is not inside the frame of {frame[2]}x{frame[3]} px")
    start, end = samples
    if not 0 <= start < end <= total:
        raise bad_settings(f"samples {start}..{end} are not a part of {total}")
    if not is_cycles and (start, end) != (0, total):
        raise bad_settings("only Cycles renders ranges of samples")


def set_samples(settings, scene, start, end, total):
    """A range of the samples. The whole of them keeps the user's adaptive sampling."""
    cycles = scene.cycles
    if (start, end) == (0, total):
        settings.set(cycles, "samples", total)
        return
    settings.set(cycles, "use_adaptive_sampling", False)
    for layer in scene.view_layers:
        settings.set(layer, "samples", 0)
    settings.set(cycles, "sample_offset", start)
    if hasattr(cycles, "use_sample_subset"):
        settings.set(cycles, "samples", total)
        settings.set(cycles, "use_sample_subset", True)
        settings.set(cycles, "sample_subset_length", end - start)
        return
    settings.set(cycles, "samples", end - start)
    if cycles.auto_scrambling_distance:
        # Blender derives it from the number of samples, which is another one here.
        distance = cycles.scrambling_distance * min(4.0 / total**0.5, 1.0)
        settings.set(cycles, "auto_scrambling_distance", False)
        settings.set(cycles, "scrambling_distance", distance)


def part(opened, frame, tile, samples, total, path):
    scene = opened.scene
    opened.part_settings.restore()
    film = opened.film()
    tile = list(tile) if tile else film["rendered"]
    check_part(tile, samples, total, film, opened.is_cycles())
    settings = opened.part_settings
    settings.set(scene.render, "use_compositing", False)
    settings.set(scene.render, "use_sequencer", False)
    set_tile(settings, scene.render, tile, film)
    if opened.is_cycles():
        if opened.denoised_layers():
            settings.set(scene.cycles, "use_denoising", False)
        for owner, name in opened.extra_settings:
            settings.set(owner, name, True)
        set_samples(settings, scene, *samples, total)
    opened.go_to(frame)
    secs = render_now()
    save_all_passes(scene, path)
    return secs


def whole(opened, frame, image, out):
    scene = opened.scene
    opened.part_settings.restore()
    opened.go_to(frame)
    with Settings() as settings, redirected(scene, settings, frame, out) as written:
        name = frame_file(scene, settings, frame, out)
        secs = render_now(write_still=True)
        add_frame_files(out, name, written)
        save_all_passes(scene, image)
    return secs, written
