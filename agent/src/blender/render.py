"""Renders parts of frames for merging, and whole frames as the scene itself says."""

import os
import time

import bpy

from common import (
    Settings,
    bad_settings,
    check_written,
    disk_full,
    float32,
    is_full,
    use_multilayer_exr,
)
from output import add_frame_files, frame_file, redirected

# Compressing a file costs up to a second; half the size is worth that to frames which take longer.
WORTH_COMPRESSING_SECS = 5.0


def render_now(**options):
    started = time.monotonic()
    result = bpy.ops.render.render(**options)
    if "FINISHED" not in result:
        raise RuntimeError("Blender cancelled the render")
    return time.monotonic() - started


def save_image(image, path, scene):
    # The first try of saving several views fails; Blender only then notices that there are several.
    tries = 2 if scene.render.use_multiview else 1
    for last in range(1, tries + 1):
        try:
            image.save_render(path, scene=scene)
            return
        except RuntimeError as error:
            # Blender says only that it failed.
            if is_full(os.path.dirname(path)):
                raise disk_full(f"the disk is full: {path}") from error
            if last == tries:
                raise


def save_all_passes(scene, path, codec="NONE"):
    """The last render as it is, in a lossless file."""
    with Settings() as settings:
        views = {"views_format": "MULTIVIEW"} if scene.render.use_multiview else {}
        use_multilayer_exr(settings, scene.render.image_settings, exr_codec=codec, **views)
        save_image(bpy.data.images["Render Result"], path, scene)
    check_written(path)


def tile_settings(render, tile, film):
    """Makes Blender render exactly these pixels.

    Blender multiplies the border with the size in 32 bits and cuts off, so the border is set to
    the inside of the pixels, where no rounding can reach their edges.
    """
    _, _, width, height = film["frame"]
    x, y, tile_width, tile_height = tile
    if tile == film["frame"]:
        return [(render, "use_border", False)]
    return [
        (render, "use_border", True),
        (render, "use_crop_to_border", True),
        (render, "border_min_x", float32((x + 0.25) / width)),
        (render, "border_max_x", float32(min(1.0, (x + tile_width + 0.75) / width))),
        (render, "border_min_y", float32((y + 0.25) / height)),
        (render, "border_max_y", float32(min(1.0, (y + tile_height + 0.75) / height))),
    ]


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


def sample_settings(opened, start, end, total):
    """A range of the samples. The whole of them keeps the user's adaptive sampling."""
    cycles = opened.scene.cycles
    layers = [(layer, "samples", 0) for layer in opened.scene.view_layers]
    if (start, end) == (0, total):
        same = opened.samples == total
        return [] if same else [(cycles, "samples", total), *layers]
    wanted = [(cycles, "use_adaptive_sampling", False), (cycles, "sample_offset", start), *layers]
    if hasattr(cycles, "use_sample_subset"):
        return [
            *wanted,
            (cycles, "samples", total),
            (cycles, "use_sample_subset", True),
            (cycles, "sample_subset_length", end - start),
        ]
    wanted.append((cycles, "samples", end - start))
    if opened.scrambling_distance is not None:
        # Blender would derive it from the number of samples, which is another one here.
        distance = opened.scrambling_distance * min(4.0 / total**0.5, 1.0)
        wanted.append((cycles, "auto_scrambling_distance", False))
        wanted.append((cycles, "scrambling_distance", float32(distance)))
    return wanted


def part_settings(opened, tile, samples, total):
    scene = opened.scene
    wanted = [
        (scene.render, "use_compositing", False),
        (scene.render, "use_sequencer", False),
        *tile_settings(scene.render, tile, opened.film),
    ]
    if opened.is_cycles():
        if opened.denoised_layers:
            wanted.append((scene.cycles, "use_denoising", False))
        wanted += [(owner, name, True) for owner, name in opened.extra_settings]
        wanted += sample_settings(opened, *samples, total)
    return wanted


def part(opened, frame, tile, samples, total, path):
    tile = list(tile) if tile else opened.film["rendered"]
    check_part(tile, samples, total, opened.film, opened.is_cycles())
    opened.part_settings.become(part_settings(opened, tile, samples, total))
    opened.go_to(frame)
    secs = render_now()
    save_all_passes(opened.scene, path)
    return secs


def whole(opened, frame, image, out):
    scene = opened.scene
    opened.part_settings.restore()
    opened.go_to(frame)
    with Settings() as settings, redirected(scene, settings, frame, out) as written:
        name = frame_file(scene, settings, frame, out)
        secs = render_now(write_still=True)
        add_frame_files(out, name, written)
        save_all_passes(scene, image, "ZIP" if secs > WORTH_COMPRESSING_SECS else "NONE")
    return secs, written
