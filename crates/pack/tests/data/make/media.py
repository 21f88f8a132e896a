"""Fonts, sounds, clips and strips."""

import os

import bpy
from common import empty, kind, strips_of


@kind
def font(case):
    scene = empty()
    case.save()
    curve = bpy.data.curves.new("Text", "FONT")
    with open(os.path.join(os.path.dirname(__file__), "block.ttf"), "rb") as block:
        curve.font = bpy.data.fonts.load(case.file("fonts/block.ttf", block.read()))
    scene.collection.objects.link(bpy.data.objects.new("Text", curve))


@kind
def sound(case):
    scene = empty()
    case.save()
    speaker = bpy.data.speakers.new("Speaker")
    speaker.sound = bpy.data.sounds.load(case.sound("sound/beep.wav"))
    scene.collection.objects.link(bpy.data.objects.new("Speaker", speaker))


@kind
def clip(case):
    """A sequence of four in the compositor, of which three frames are shown."""
    scene = empty()
    case.save()
    for number in range(1, 5):
        case.picture(f"clip/c_{number:03}.png", needed=number < 4)
    clip = bpy.data.movieclips.load(case.path("clip/c_001.png"))
    scene.active_clip = clip
    scene.use_nodes = True
    scene.node_tree.nodes.new("CompositorNodeMovieClip").clip = clip


@kind
def sequencer(case):
    """Images, a movie and a sound, and once more inside a meta strip."""
    scene = empty()
    case.save()
    pictures = [case.picture(f"strips/i_{number:02}.png") for number in (1, 2)]
    case.picture("strips/other.png", needed=False)
    strips = strips_of(scene.sequence_editor_create())
    strips.new_image("Images", pictures[0], 1, 1).elements.append("i_02.png")
    movie = strips.new_movie("Movie", case.movie("strips/three.avi"), 2, 1)
    assert movie.frame_duration == 3, "the movie can't be read"
    strips.new_sound("Sound", case.sound("strips/beep.wav"), 3, 1)
    inner = strips_of(strips.new_meta("Meta", 4, 1))
    inner.new_image("Inner", case.picture("strips/inner.png"), 1, 1)
    inner.new_sound("Inner sound", case.sound("strips/inner.wav"), 2, 1)
    inner.new_movie("Inner movie", case.movie("strips/inner.avi"), 3, 1)
