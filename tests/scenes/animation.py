"""A short animation with quick frames: a head that turns and a ball that bounces."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file

options = common.parser(__doc__)
options.set_defaults(samples=16)
options.add_argument("--frames", type=int, default=24)
options = common.parse(options)
scene = common.new_scene(options)
scene.frame_end = options.frames
_, ball, _, _ = common.still_life(scene)
for frame, height in ((1, 0.6), (options.frames // 2, 2.2), (options.frames, 0.6)):
    ball.location.z = height
    ball.keyframe_insert("location", frame=frame)
common.save(options)
